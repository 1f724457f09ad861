using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>The rows (indices of the outermost axis) of the first array that the second one lists.</summary>
internal sealed record Gather : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random, false), m = Arg.Side(random), k = Arg.Side(random);
        yield return new Sample(new Gather(), new Arg([n, m]), Arg.Int([k], 0, n));
        yield return new Sample(new Gather(), new Arg([n]), Arg.Int([k, 2], 0, n));
        yield return new Sample(new Gather(), new Arg([3]), Arg.Int([257], 0, 3));
        yield return new Sample(new Gather(), new Arg([3, 19]), Arg.Int([27], 0, 3));
        yield return new Sample(new Gather(), Arg.Mask([n, 2, m]), Arg.Int([k], 0, n));
        yield return new Sample(new Gather(), Arg.Int([n, m], -9, 9), Arg.Int(Shape.Scalar, 0, n));
        yield return new Sample(new Gather(), new Arg(Shape.Scalar), Arg.Int([1], 0, 1))
        {
            Error = "the first must have rows",
        };
        yield return new Sample(new Gather(), new Arg([5]), new Arg([1])) { Error = "the indices must be int32" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (inputs[0].Rank == 0)
        {
            throw new EngineException("the first must have rows");
        }

        return inputs[1].DType == DType.Int32
            ? [new TensorType(inputs[0].DType, [.. inputs[1].Shape.Sides, .. inputs[0].Shape.Sides[1..]])]
            : throw new EngineException("the indices must be int32");
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new GatherGradient().Call(outputGrads[0]!, node.Inputs[1], node.Inputs[0]), null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override long ReadBytes(
        int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        input == 0 ? outputs[0].Bytes : base.ReadBytes(input, inputs, outputs);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int length = inputs[0].Shape.Product(1, inputs[0].Shape.Rank);
        for (int i = 0; i < inputs[1].Data.Length; i++)
        {
            int row = (int)inputs[1].Data[i];
            inputs[0].Data.AsSpan(row * length, length).CopyTo(outputs[0].Data.AsSpan(i * length));
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        byte* x = step.In<byte>(0), y = step.Out<byte>();
        int* indices = step.In<int>(1);
        int rows = step.Shape(0)[0];
        string origin = step.Origin;
        long rowBytes = Copies.RowBytes(step.Shape(0), step.DType(0));
        return
        [
            new Phase(checked((int)step.Shape(1).Count), Copies.Grain(rowBytes), (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    Check(indices[i], rows, origin);
                    Buffer.MemoryCopy(x + (indices[i] * rowBytes), y + (i * rowBytes), rowBytes, rowBytes);
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        int rows = step.Shape(0)[0], length = step.Shape(0).Product(1, step.Shape(0).Rank);
        int elements = checked((int)step.OutShape().Count);
        (ulong fault, int code) = step.Fault((index, _) => Message(index, rows));
        var kernel = new CudaKernel("gather.cu", "gather", $"T {step.DType(0).CudaBits()}");
        return
        [
            CudaCopies.Spread(
                kernel, elements, step.In(0), step.In(1), step.Out(), rows, length, elements, fault, code),
        ];
    }

    /// <summary>Only the run tells the indices.</summary>
    internal static void Check(int index, int rows, string origin)
    {
        if ((uint)index >= (uint)rows)
        {
            throw new EngineException(Message(index, rows) + origin);
        }
    }

    internal static string Message(int index, int rows) =>
        InvariantText.Of($"gather: the index {index} is not one of {rows} rows: they are numbered from 0.");
}

/// <summary>
/// The rows of the first array added, in their order, to the rows that the second lists, of zeros of the shape of the
/// third: the adjoint of <see cref="Gather"/>.
/// </summary>
internal sealed record GatherGradient : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Work = 8192;

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random, false), m = Arg.Side(random), k = Arg.Side(random);
        yield return new Sample(new GatherGradient(), new Arg([k, m]), Arg.Int([k], 0, n), new Arg([n, m]));
        yield return new Sample(new GatherGradient(), new Arg([k, 2]), Arg.Int([k, 2], 0, n), new Arg([n]));
        yield return new Sample(new GatherGradient(), new Arg([9]), Arg.Int([9], 0, 257), new Arg([257]));
        yield return new Sample(new GatherGradient(), new Arg([9, 27]), Arg.Int([9], 0, 19), new Arg([19, 27]));
        yield return new Sample(new GatherGradient(), new Arg([3]), Arg.Int([4], 0, 2), new Arg([5]))
        {
            Error = "the gathered rows have the shape (4)",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape rows = new Gather().Infer([inputs[2], inputs[1]])[0].Shape;
        return rows.Admits(inputs[0].Shape)
            ? [inputs[2] with { DType = inputs[0].DType }]
            : throw new EngineException($"the gathered rows have the shape {rows}");
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new Gather().Call(outputGrads[0]!, node.Inputs[1]), null, null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var sums = new DoubleDoubles(outputs[0]);
        int length = outputs[0].Shape.Product(1, outputs[0].Shape.Rank);
        for (int i = 0; i < inputs[0].Data.Length; i++)
        {
            (int row, int column) = Math.DivRem(i, length);
            sums.Add(((int)inputs[1].Data[row] * length) + column, inputs[0].Data[i]);
        }

        sums.Round();
    }

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => step.DType(0) switch
    {
        DType.Float32 => Loop<float>(step),
        DType.Float64 => Loop<double>(step),
        _ => throw new EngineException("Only floating-point arrays have gradients."),
    };

    public CudaLaunch[] Cuda(CudaStep step)
    {
        int rows = step.OutShape()[0], length = step.OutShape().Product(1, step.OutShape().Rank);
        int count = checked((int)step.Shape(1).Count), elements = checked((int)step.OutShape().Count);
        (ulong fault, int code) = step.Fault((index, _) => Gather.Message(index, rows));
        var kernel = new CudaKernel("scatter.cu", "scatter_add", $"T {step.DType(0).Cuda()}");
        return
        [
            CudaCopies.Spread(
                kernel, elements, step.In(0), step.In(1), step.Out(), rows, length, count, elements, fault, code),
        ];
    }

    /// <summary>
    /// Every thread goes through all the indices and adds to rows of its own, so that each sum has one owner and one
    /// order.
    /// </summary>
    private static unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* g = step.In<T>(0);
        T* y = step.Out<T>();
        int* indices = step.In<int>(1);
        int count = checked((int)step.Shape(1).Count), rows = step.OutShape()[0];
        int length = step.OutShape().Product(1, step.OutShape().Rank);
        string origin = step.Origin;
        long work = count + ((long)count * length / Math.Max(rows, 1));
        long worthwhile = Math.Max(Work / Math.Max(work, 1), rows / (2 * step.Threads));
        int grain = (int)Math.Clamp(worthwhile, 1, Math.Max(rows, 1));
        return
        [
            new Phase(rows, grain, (start, end, _) =>
            {
                new Span<T>(y + ((long)start * length), (end - start) * length).Clear();
                for (int i = 0; i < count; i++)
                {
                    int row = indices[i];
                    Gather.Check(row, rows, origin);
                    if (row < start || row >= end)
                    {
                        continue;
                    }

                    T* from = g + ((long)i * length), to = y + ((long)row * length);
                    for (int j = 0; j < length; j++)
                    {
                        to[j] += from[j];
                    }
                }
            }),
        ];
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// The rows of x that <paramref name="indices"/> (int32) lists, in that order; a row may be listed more than once.
    /// The result's shape is that of the indices followed by a row's.
    /// </summary>
    /// <exception cref="EngineException">
    /// The indices are not int32; or, when the function runs, one of them is negative or not below the number of rows.
    /// </exception>
    public static Variable Gather(Variable x, Variable indices)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(indices);
        return new Gather().Call(x, indices);
    }
}
