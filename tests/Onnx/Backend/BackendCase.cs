using System.Globalization;
using Engine.Devices;
using Engine.IO;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>The outcome of one of ONNX's tests.</summary>
internal enum BackendOutcome
{
    Passed,
    Refused,
    Wrong,
}

/// <summary>
/// One of ONNX's own tests: a folder with model.onnx and folders test_data_set_N of input_K.pb and output_K.pb; or a
/// model NAME.onnx with NAME_output_0.pb next to it, whose input counts up from 0 to 1.
/// </summary>
internal sealed record BackendCase(string Name, string Model, IReadOnlyList<string> Data)
{
    /// <summary>The tolerances of ONNX's own runner of backend tests.</summary>
    private const double Relative = 1e-3, Absolute = 1e-7;

    /// <summary>Returns all tests in a folder, in order.</summary>
    public static IReadOnlyList<BackendCase> In(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "model.onnx", SearchOption.AllDirectories)
            .Select(model => (Model: model, Folder: Path.GetDirectoryName(model)!))
            .Select(test => new BackendCase(
                Path.GetRelativePath(folder, test.Folder), test.Model,
                [.. Directory.EnumerateDirectories(test.Folder, "test_data_set_*").Order(StringComparer.Ordinal)]))
            .OrderBy(test => test.Name, StringComparer.Ordinal),
        .. Directory.EnumerateFiles(folder, "*_output_0.pb", SearchOption.AllDirectories)
            .Select(
                output => (Output: output, Model: output.Replace("_output_0.pb", ".onnx", StringComparison.Ordinal)))
            .Where(test => File.Exists(test.Model))
            .Select(test => new BackendCase(Path.GetRelativePath(folder, test.Model), test.Model, [test.Output]))
            .OrderBy(test => test.Name, StringComparer.Ordinal),
    ];

    /// <summary>Runs the test and returns its outcome, with the reason if it did not pass.</summary>
    public (BackendOutcome Outcome, string Why) Run(Device device)
    {
        bool hasRun = false;
        try
        {
            using OnnxModel model = OnnxModel.Load(Model);
            foreach (string set in Data)
            {
                bool isFilled = File.Exists(set);
                Tensor[] inputs = isFilled
                    ? [.. model.Inputs.Select(Filled)]
                    : [.. Tensors(set, "input").Select(tensor => tensor.ToTensor())];
                OnnxTensor[] expected = isFilled ? [TensorOf(set)] : [.. Tensors(set, "output")];
                Tensor[] outputs = model.Run(device, inputs);
                hasRun = true;
                if (outputs.Length != expected.Length)
                {
                    return (BackendOutcome.Wrong, $"it gives {outputs.Length} outputs, not {expected.Length}");
                }

                for (int i = 0; i < outputs.Length; i++)
                {
                    if (Difference(expected[i], outputs[i], model.Outputs[i]) is { } difference)
                    {
                        return (BackendOutcome.Wrong, $"output {model.Outputs[i]}: {difference}");
                    }
                }
            }

            return hasRun ? (BackendOutcome.Passed, "") : (BackendOutcome.Refused, "there are no data");
        }
        catch (EngineException error)
        {
            return (BackendOutcome.Refused, error.Message.Replace($"{Model}: ", "", StringComparison.Ordinal));
        }
    }

    private static IEnumerable<OnnxTensor> Tensors(string set, string kind)
    {
        for (int i = 0; File.Exists(Path.Combine(set, InvariantText.Of($"{kind}_{i}.pb"))); i++)
        {
            yield return TensorOf(Path.Combine(set, InvariantText.Of($"{kind}_{i}.pb")));
        }
    }

    private static OnnxTensor TensorOf(string path)
    {
        using ModelBytes bytes = ModelBytes.Open(path);
        return OnnxParser.Tensor(bytes);
    }

    /// <summary>Returns the values that ONNX gives to an input without data: i / n.</summary>
    private static Tensor Filled(OnnxPort port)
    {
        int count = (int)port.Shape.Count;
        return Tensor.From([.. Enumerable.Range(0, count).Select(i => (float)((double)i / count))])
            .Reshape(port.Shape.Dimensions);
    }

    /// <summary>Describes how an output differs from the expected one; null if it does not.</summary>
    private static string? Difference(OnnxTensor expected, Tensor actual, OnnxPort port)
    {
        if (expected.Type != port.Type && port.Type != OnnxType.Undefined)
        {
            return $"its type is {port.Type.Name()}, not {expected.Type.Name()}";
        }

        Tensor values = expected.ToTensor();
        if (values.DType != actual.DType || values.Shape != actual.Shape)
        {
            return $"it is {actual.DType.Name()} {actual.Shape}, not {values.DType.Name()} {values.Shape}";
        }

        double[] a = NdArray.From(values).Data, b = NdArray.From(actual).Data;
        for (int i = 0; i < a.Length; i++)
        {
            bool isSame = a[i].Equals(b[i])
                || (values.DType.IsFloat() && Math.Abs(a[i] - b[i]) <= Absolute + (Relative * Math.Abs(a[i])))
                || a[i] == b[i];
            if (!isSame)
            {
                return string.Create(CultureInfo.InvariantCulture, $"element {i} is {b[i]:R}, not {a[i]:R}");
            }
        }

        return null;
    }
}
