using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Returns consecutive rows (indices of the outermost axis) of an array. The second input is the first row, known at
/// run time; the third is their number, known when a plan is made.
/// </summary>
internal sealed record TakeRows : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        int count = random.Next(n + 1);
        Arg start = Arg.Int(Shape.Scalar, 0, n - count + 1);
        yield return new Sample(new TakeRows(), new Arg([n, m]), start, Arg.Size(count));
        yield return new Sample(new TakeRows(), Arg.Mask([n, m, 3]), start, Arg.Size(count));
        yield return new Sample(new TakeRows(), Arg.Int([n], -9, 9), start, Arg.Size(count));
        yield return new Sample(new TakeRows(), new Arg([260]), Arg.Int(Shape.Scalar, 0, 4), Arg.Size(257));
        yield return new Sample(new TakeRows(), new Arg([19, 27]), Arg.Int(Shape.Scalar, 0, 1), Arg.Size(19));
        yield return Misuse(new Arg(Shape.Scalar), 1, "the first must have rows");
        yield return Misuse(new Arg([5]), 6, "it has 5 rows, fewer than 6");
        yield return Misuse(new Arg([5]), -1, "the number of rows cannot be -1");
        yield return new Sample(new TakeRows(), new Arg([5]), new Arg(Shape.Scalar), Arg.Size(1))
        {
            Error = "the first row and the number of rows must be int32 scalars",
        };

        static Sample Misuse(Arg x, int count, string error) =>
            new(new TakeRows(), x, Arg.Int(Shape.Scalar, 0, 1), Arg.Size(count)) { Error = error };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (inputs[0].Rank == 0)
        {
            throw new EngineException("the first must have rows");
        }

        if (inputs[1] is not { DType: DType.Int32, Rank: 0 } || inputs[2] is not { DType: DType.Int32, Rank: 0 })
        {
            throw new EngineException("the first row and the number of rows must be int32 scalars");
        }

        int rows = inputs[0].Shape[0], count = inputs[2].Size ?? Shape.Unknown;
        if (inputs[2].Size < 0)
        {
            throw new EngineException($"the number of rows cannot be {count}");
        }

        if (rows != Shape.Unknown && count > rows)
        {
            throw new EngineException($"it has {rows} rows, fewer than {count}");
        }

        return [inputs[0] with { Shape = inputs[0].Shape.With(0, count) }];
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new TakeRowsGradient().Call([outputGrads[0]!, node.Inputs[1], node.Inputs[0], node.Inputs[2]]), null, null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override long ReadBytes(
        int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        input == 0 ? outputs[0].Bytes : base.ReadBytes(input, inputs, outputs);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach (int[] to in NdArray.Indices(outputs[0].Shape))
        {
            int[] from = [.. to];
            from[0] += (int)inputs[1].Data[0];
            outputs[0][to] = inputs[0][from];
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        byte* x = step.In<byte>(0), y = step.Out<byte>();
        int* start = step.In<int>(1);
        int rows = step.Shape(0)[0], count = step.OutShape()[0];
        string origin = step.Origin;
        long rowBytes = Copies.RowBytes(step.OutShape(), step.DType(0));
        return
        [
            new Phase(count, Copies.Grain(rowBytes), (first, end, _) =>
            {
                Check(*start, count, rows, origin);
                long bytes = (end - first) * rowBytes;
                Buffer.MemoryCopy(x + ((*start + first) * rowBytes), y + (first * rowBytes), bytes, bytes);
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step) =>
        [Launch(step, "take_rows", rows: step.Shape(0)[0], count: step.OutShape()[0])];

    /// <summary>Checks the first row, which is known only at run time.</summary>
    internal static void Check(int start, int count, int rows, string origin)
    {
        if (start < 0 || start > rows - count)
        {
            throw new EngineException(Message(start, count, rows) + origin);
        }
    }

    /// <summary>
    /// Returns a launch of one of the two kernels of rows.cu whose first row is known only on the device.
    /// </summary>
    internal static KernelLaunch Launch(CudaStep step, string entry, int rows, int count)
    {
        int length = step.OutShape().Product(1, step.OutShape().Rank), elements = checked((int)step.OutShape().Count);
        (ulong fault, int code) = step.Fault((start, _) => Message(start, count, rows));
        var kernel = new CudaKernel("rows.cu", entry, $"T {step.DType(0).CudaBits()}");
        return CudaCopies.Spread(
            kernel, elements, step.In(0), step.In(1), step.Out(), rows, count, length, elements, fault, code);
    }

    internal static string Message(int start, int count, int rows) =>
        InvariantText.Of($"takeRows: the rows {start} to {(long)start + count - 1} lie outside the {rows} there are.");
}

/// <summary>
/// Writes the first array to the rows from the second input on, in zeros of the shape of the third: the adjoint of
/// <see cref="TakeRows"/>. The fourth input is the number of rows.
/// </summary>
internal sealed record TakeRowsGradient : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        int count = random.Next(n + 1);
        Arg start = Arg.Int(Shape.Scalar, 0, n - count + 1);
        yield return new Sample(new TakeRowsGradient(), new Arg([count, m]), start, new Arg([n, m]), Arg.Size(count));
        yield return new Sample(new TakeRowsGradient(), new Arg([count]), start, new Arg([n]), Arg.Size(count));
        yield return Whole([257]);
        yield return Whole([19, 27]);
        yield return new Sample(
            new TakeRowsGradient(), new Arg([2]), Arg.Int(Shape.Scalar, 0, 1), new Arg([5]), Arg.Size(3))
        {
            Error = "the rows have the shape (3)",
        };

        static Sample Whole(Shape shape) => new(
            new TakeRowsGradient(), new Arg(shape), Arg.Int(Shape.Scalar, 0, 1), new Arg(shape), Arg.Size(shape[0]));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape rows = new TakeRows().Infer([inputs[2], inputs[1], inputs[3]])[0].Shape;
        return rows.Admits(inputs[0].Shape)
            ? [inputs[2] with { DType = inputs[0].DType }]
            : throw new EngineException($"the rows have the shape {rows}");
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new TakeRows().Call(outputGrads[0]!, node.Inputs[1], node.Inputs[3]), null, null, null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        Array.Clear(outputs[0].Data);
        foreach (int[] from in NdArray.Indices(inputs[0].Shape))
        {
            int[] to = [.. from];
            to[0] += (int)inputs[1].Data[0];
            outputs[0][to] = inputs[0][from];
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        byte* g = step.In<byte>(0), y = step.Out<byte>();
        int* start = step.In<int>(1);
        int rows = step.OutShape()[0], count = step.Shape(0)[0];
        string origin = step.Origin;
        long rowBytes = Copies.RowBytes(step.OutShape(), step.DType(0));
        return
        [
            new Phase(rows, Copies.Grain(rowBytes), (first, end, _) =>
            {
                TakeRows.Check(*start, count, rows, origin);
                int from = Math.Clamp(*start, first, end), to = Math.Clamp(*start + count, first, end);
                Copies.Clear(y + (first * rowBytes), (from - first) * rowBytes);
                long bytes = (to - from) * rowBytes;
                Buffer.MemoryCopy(g + ((from - *start) * rowBytes), y + (from * rowBytes), bytes, bytes);
                Copies.Clear(y + (to * rowBytes), (end - to) * rowBytes);
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step) =>
        [TakeRows.Launch(step, "put_rows", rows: step.OutShape()[0], count: step.Shape(0)[0])];
}

public static partial class Symbolic
{
    /// <summary>Returns consecutive rows of x: a minibatch from a data set on the device.</summary>
    /// <param name="x">An array whose outermost axis counts the rows.</param>
    /// <param name="start">The first row, an int32 scalar. The same function may compute it.</param>
    /// <param name="size">
    /// The number of rows: an int32 constant or an input made by <see cref="Size"/>, because a plan needs known shapes.
    /// </param>
    /// <exception cref="EngineException">
    /// The size is neither of them. When the function runs: the rows are outside x.
    /// </exception>
    public static Variable TakeRows(Variable x, Variable start, Variable size)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(start);
        return size is Graph.Constant or Input { IsSize: true }
            ? new TakeRows().Call(x, WholeNumber(start), WholeNumber(size))
            : throw new EngineException(
                $"The number of rows to take must be a constant or an input made by Size, not '{size}'."
                + Origin.Current);
    }

    /// <summary>Converts a number literal to int32; returns other variables unchanged.</summary>
    private static Variable WholeNumber(Variable x) =>
        x is Graph.Constant { IsWeak: true, Number: { } number } ? Constant(number, DType.Int32) : x;
}
