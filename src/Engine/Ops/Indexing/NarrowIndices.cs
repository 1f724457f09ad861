using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Converts int64 indices to int32, in which ops take them. The run fails if there is one that int32 does not hold: no
/// axis is so long.
/// </summary>
/// <param name="What">What the numbers are, for the message: an index, a label.</param>
internal sealed record NarrowIndices(string What) : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 16384;

    public static IEnumerable<Sample> Samples(Random random)
    {
        var op = new NarrowIndices("index");
        foreach (Shape shape in (Shape[])[[Arg.Dimension(random), Arg.Dimension(random)], [257], [513]])
        {
            yield return new Sample(op, new Arg(shape, DType.Int64, int.MinValue, int.MaxValue))
            {
                HasGradient = false,
            };
        }

        yield return new Sample(op, new Arg([3], DType.Int64, Values: [1, 4294967296, 2]))
        {
            Error = "The index 4294967296 lies outside",
        };
        yield return new Sample(op, new Arg([2], DType.Int64, Values: [1, -2147483649]))
        {
            Error = "The index -2147483649 lies outside",
        };
        yield return new Sample(op, Arg.Int([3], 0, 3)) { Error = "the indices must be int64" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => inputs[0].DType == DType.Int64
        ? [new TensorType(DType.Int32, inputs[0].Shape)]
        : throw new EngineException("the indices must be int64");

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach (double index in inputs[0].Data)
        {
            if (index is < int.MinValue or > int.MaxValue)
            {
                throw new EngineException(Message((long)index));
            }
        }

        inputs[0].Data.CopyTo(outputs[0].Data, 0);
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        long* x = step.In<long>(0);
        int* y = step.Out<int>();
        string origin = step.Origin;
        return
        [
            new Phase((int)step.OutShape().Count, Grain, (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    y[i] = (int)x[i];
                    if (y[i] != x[i])
                    {
                        throw new EngineException(Message(x[i]) + origin);
                    }
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        int count = (int)step.OutShape().Count;
        var kernel = new CudaKernel("index.cu", "narrow_indices", "T int");
        (ulong fault, int code) = step.Fault((low, high) => Message(((long)high << 32) | (uint)low));
        return [CudaCopies.Spread(kernel, count, step.In(0), step.Out(), count, fault, code)];
    }

    private string Message(long index) =>
        InvariantText.Of($"The {What} {index} lies outside every axis: no axis is longer than {int.MaxValue}.");
}

public static partial class Symbolic
{
    /// <summary>Converts integers to int32, as ops take indices and labels.</summary>
    internal static Variable Indices(Variable x, string what) => x switch
    {
        { DType: not DType.Int64 } => Cast(x, DType.Int32),
        Constant { Value: var known } when NdArray.From(known).Data
            .All(index => index is >= int.MinValue and <= int.MaxValue) =>
            new Constant(known.Cast(DType.Int32)),
        _ => new NarrowIndices(what).Call(x),
    };
}
