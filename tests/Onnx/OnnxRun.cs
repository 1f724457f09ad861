using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using OrtBFloat16 = Microsoft.ML.OnnxRuntime.BFloat16;
using OrtFloat16 = Microsoft.ML.OnnxRuntime.Float16;

namespace Engine.Tests.Onnx;

/// <summary>Runs exported files with ONNX Runtime, on one thread.</summary>
internal static class OnnxRun
{
    /// <summary>Returns the first output of a file for named inputs.</summary>
    public static NdArray Run(string path, params IEnumerable<(string Name, Tensor Value)> inputs) =>
        Run(path, inputs, []);

    /// <summary>
    /// Returns the first output of a file for named inputs, and for other inputs, for example of words.
    /// </summary>
    public static NdArray Run(
        string path, IEnumerable<(string Name, Tensor Value)> inputs, IEnumerable<NamedOnnxValue> others) =>
        All(path, inputs, others)[0];

    /// <summary>Returns all outputs of a file.</summary>
    public static NdArray[] All(
        string path, IEnumerable<(string Name, Tensor Value)> inputs, IEnumerable<NamedOnnxValue>? others = null)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using var session = new InferenceSession(path, options);
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> results =
            session.Run([.. inputs.Select(input => Named(input.Name, input.Value)), .. others ?? []]);
        return [.. results.Select(result => result.Value switch
        {
            DenseTensor<float> y => Array(y.Dimensions, [.. y.Select(value => (double)value)]),
            DenseTensor<double> y => Array(y.Dimensions, [.. y]),
            DenseTensor<OrtFloat16> y => Array(y.Dimensions, [.. y.Select(value => (double)value.ToFloat())]),
            DenseTensor<OrtBFloat16> y => Array(y.Dimensions, [.. y.Select(value => (double)value.ToFloat())]),
            DenseTensor<int> y => Array(y.Dimensions, [.. y.Select(value => (double)value)]),
            DenseTensor<long> y => Array(y.Dimensions, [.. y.Select(value => (double)value)]),
            DenseTensor<bool> y => Array(y.Dimensions, [.. y.Select(value => value ? 1.0 : 0)]),
            DenseTensor<byte> y => Array(y.Dimensions, [.. y.Select(value => (double)value)]),
            object other => throw new NotSupportedException($"{other}"),
        })];
    }

    /// <summary>Compares shapes and values.</summary>
    public static void AssertSame(NdArray expected, NdArray actual, double tolerance = 1e-5, string what = "")
    {
        Assert.That(actual.Shape, Is.EqualTo(expected.Shape), what);
        double[] differences = [.. expected.Data.Zip(actual.Data, (a, b) => a.Equals(b) ? 0 : Math.Abs(a - b))];

        // With <= instead of NUnit's comparison, which takes NaN for less than any number.
        Assert.That(differences.All(difference => difference <= tolerance),
            $"{what}differs by up to {differences.DefaultIfEmpty().Max()}: {string.Join(' ', actual.Data.Take(8))}, "
            + $"not {string.Join(' ', expected.Data.Take(8))}");
    }

    private static NamedOnnxValue Named(string name, Tensor x) => x.DType switch
    {
        DType.Float32 => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<float>(x.AsSpan<float>().ToArray(), [.. x.Shape])),
        DType.Float64 => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<double>(x.AsSpan<double>().ToArray(), [.. x.Shape])),
        DType.Float16 => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<OrtFloat16>(
                MemoryMarshal.Cast<Half, OrtFloat16>(x.AsSpan<Half>()).ToArray(), [.. x.Shape])),
        DType.BFloat16 => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<OrtBFloat16>(
                MemoryMarshal.Cast<Engine.BFloat16, OrtBFloat16>(x.AsSpan<Engine.BFloat16>()).ToArray(), [.. x.Shape])),
        DType.Int32 => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<int>(x.AsSpan<int>().ToArray(), [.. x.Shape])),
        DType.Int64 => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<long>(x.AsSpan<long>().ToArray(), [.. x.Shape])),
        DType.Bool => NamedOnnxValue.CreateFromTensor(
            name, new DenseTensor<bool>(x.AsSpan<bool>().ToArray(), [.. x.Shape])),
        _ => NamedOnnxValue.CreateFromTensor(name, new DenseTensor<byte>(x.AsSpan<byte>().ToArray(), [.. x.Shape])),
    };

    private static NdArray Array(ReadOnlySpan<int> dimensions, double[] values) =>
        new(Shape.Create(dimensions), values);
}
