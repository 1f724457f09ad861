using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes an input that is rows of an array.</summary>
/// <param name="Input">The index of the op's input.</param>
/// <param name="Type">The type that the op sees: the number of rows, and any shape with as many elements.</param>
/// <param name="Scale">The factor of a number that is known only at run time; their product is the first row.</param>
internal readonly record struct RowsInput(int Input, TensorType Type, int Scale)
{
    public int Count => Type.Shape[0];

    public long RowBytes => Type.Bytes / Math.Max(1, Count);

    public OperandType Seen => new(Type.DType, Type.Shape);
}

/// <summary>
/// Represents an op some of whose inputs are consecutive rows of larger arrays, as <see cref="TakeRows"/> returns them.
/// It reads them in place. The arrays replace these inputs; the numbers for the first rows follow all inputs.
/// </summary>
/// <param name="Anchor">The op.</param>
/// <param name="AnchorInputs">The number of its inputs.</param>
/// <param name="Rows">The inputs that are rows.</param>
internal sealed record OfRows(Op Anchor, int AnchorInputs, RowsInput[] Rows) : Op, ICpuOp, ICudaOp, ISampled
{
    private const long Alignment = 64;

    public override string Name => $"{Anchor.Name} of rows";

    public static IEnumerable<Sample> Samples(Random random)
    {
        int m = Arg.Dimension(random, allowEmpty: false), n = Arg.Dimension(random),
            k = Arg.Dimension(random, allowEmpty: false);
        Arg start = Arg.Int(Shape.Scalar, 0, 4), labels = Arg.Int([m + 9], 0, 10), one = Arg.Int(Shape.Scalar, 1, 2);
        Shape pooled = [2, 2, 2, 1];
        double[] argmax = MaxPool2DGradient.RandomArgmax(Conv2DMaxPool.Window, [2, 2, 4, 3], pooled, random);
        foreach (DType type in (DType[])[DType.Float32, DType.Float64])
        {
            // Rows of views, of both operands and of labels; from any row on, or from a multiple of a number; all rows
            // of an array.
            yield return Of(new Dot(false, false), 1, [(0, [m, k])], new([m + 3, k], type), new([k, n], type), start);
            yield return Of(
                new Dot(true, true), 3, [(0, [m, k * 2]), (1, [n, m])],
                new([m + 9, k, 2], type), new([n + 3, m], type), start, one);
            yield return Of(
                new SoftmaxCrossEntropyWithGrad(), 9, [(0, [m, 10]), (1, [m])],
                new([m + 9, 10], type), labels, new([m], type), one, one);
            yield return Of(
                new Conv2DMaxPoolGradients(new Conv2D((1, 1), (0, 0), true), true, false, false), 1,
                [(0, [2, 1, 5, 4])],
                new([5, 20], type), new([2, 1, 2, 2], type), new(pooled, type),
                new(pooled, DType.Int32, Values: argmax), start);
            yield return Of(new Binary<Multiply>(), 0, [(1, [m, n])], new([m, n], type), new([m, n], type), start);
            yield return Of(new Cast(DType.BFloat16), 1, [(0, [m, n])], new([m + 3, n], type), start);
        }

        Arg x = new([7, 3], DType.Float32), w = new([3, 2], DType.Float32);
        yield return Of(new Dot(false, false), 1, [(0, [5, 3])], x, w, Arg.Int(Shape.Scalar, 3, 4)) with
        {
            Error = "takeRows: the rows 3 to 7 lie outside the 7 there are",
        };
        yield return Of(new Dot(false, false), -2, [(0, [5, 3])], x, w, one) with
        {
            Error = "takeRows: the rows -2 to 2 lie outside the 7 there are",
        };

        static Sample Of(Op anchor, int scale, (int Input, Shape Shape)[] rows, params Arg[] args) => new(
            new OfRows(anchor, args.Length - rows.Length, [.. rows.Select(each => new RowsInput(
                each.Input, new TensorType(args[each.Input].DType ?? DType.Float32, each.Shape), scale))]),
            args)
        {
            HasGradient = false,
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        Anchor.Infer(Seen(inputs.ToArray()));

    public override bool Reads(int input) => input >= AnchorInputs || Anchor.Reads(input);

    public override bool MayOverwrite(int input) => input < AnchorInputs
        && Array.TrueForAll(Rows, rows => rows.Input != input) && Anchor.MayOverwrite(input);

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Anchor.Flops(Seen(inputs), outputs);

    public override long ReadBytes(
        int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        input >= AnchorInputs
            ? base.ReadBytes(input, inputs, outputs)
            : Anchor.ReadBytes(input, Seen(inputs), outputs);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Anchor.Reference(Seen(inputs), outputs);

    public override double Ulps => Anchor.Ulps;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Anchor.Magnitudes(Seen(inputs), outputs);

    /// <summary>Returns the phases; the rows are first copied to scratch memory.</summary>
    public unsafe Phase[] Cpu(CpuStep step)
    {
        StepOperands operands = step.Operands;
        Operand[] seen = [.. operands.Inputs.Take(AnchorInputs)];
        MemoryRange all = operands.Workspace!;
        List<Phase> phases = [];
        long offset = 0;
        for (int i = 0; i < Rows.Length; i++)
        {
            RowsInput rows = Rows[i];
            Operand array = seen[rows.Input];
            seen[rows.Input] = new Operand(all.Storage, all.Offset + offset, rows.Seen);
            byte* from = step.In<byte>(rows.Input), to = CpuStorage.Pointer(seen[rows.Input].Range);
            int* number = step.In<int>(AnchorInputs + i);
            long rowBytes = rows.RowBytes;
            int there = array.Type.Shape[0];
            string origin = step.Origin;
            phases.Add(new Phase(rows.Count, Copies.Grain(rowBytes), (first, end, _) =>
            {
                int start = unchecked(*number * rows.Scale);
                TakeRows.Check(start, rows.Count, there, origin);
                long bytes = (end - first) * rowBytes;
                Buffer.MemoryCopy(from + ((start + first) * rowBytes), to + (first * rowBytes), bytes, bytes);
            }));
            offset += Aligned(rows);
        }

        var own = operands with
        {
            Inputs = seen,
            Workspace = all.Bytes > offset
                ? new MemoryRange(all.Storage, all.Offset + offset, all.Bytes - offset)
                : null,
        };
        return [.. phases, .. ((ICpuOp)Anchor).Cpu(new CpuStep(own, step.Threads))];
    }

    public long CpuWorkspace(CpuStepTypes step) => Math.Max(1, Rows.Sum(Aligned)
        + ((ICpuOp)Anchor).CpuWorkspace(step with { Inputs = Seen(step.Inputs) }));

    public CudaLaunch[] Cuda(CudaStep step)
    {
        (CudaStep seen, ulong[] standIns) = step.WithRows(
            AnchorInputs, [.. Rows.Select(rows => (rows.Input, rows.Seen))]);
        var replaced = new List<(ulong, CudaRowsFrom)>();
        for (int i = 0; i < Rows.Length; i++)
        {
            RowsInput rows = Rows[i];
            int there = step.Shape(rows.Input)[0];
            (ulong fault, int code) = step.Fault((start, _) => TakeRows.Message(start, rows.Count, there));
            replaced.Add((standIns[i], new CudaRowsFrom(
                step.In(rows.Input), step.In(AnchorInputs + i), rows.RowBytes, rows.Scale, there - rows.Count, fault,
                code)));
        }

        return [.. ((ICudaOp)Anchor).Cuda(seen).Select(launch => ((KernelLaunch)launch).WithRows(replaced))];
    }

    public long CudaWorkspace(CudaStepTypes step) =>
        ((ICudaOp)Anchor).CudaWorkspace(step with { Inputs = Seen(step.Inputs) });

    public bool Equals(OfRows? other) =>
        other is not null && Anchor.Equals(other.Anchor)
        && AnchorInputs == other.AnchorInputs && Rows.AsSpan().SequenceEqual(other.Rows);

    public override int GetHashCode() => HashCode.Combine(Anchor, Rows[0]);

    private TensorType[] Seen(IReadOnlyList<TensorType> inputs) => Seen(inputs, (rows, _, _) => rows.Type);

    private OperandType[] Seen(IReadOnlyList<OperandType> inputs) =>
        Seen(inputs, (rows, _, _) => rows.Seen);

    private NdArray[] Seen(IReadOnlyList<NdArray> inputs) => Seen(inputs, (rows, array, number) =>
    {
        int length = (int)(rows.Type.Shape.Count / Math.Max(1, rows.Count));
        int start = (int)number.Data[0] * rows.Scale;
        return new NdArray(
            rows.Type.Shape, array.Data.AsSpan(start * length, rows.Count * length).ToArray(), array.DType);
    });

    /// <summary>Returns the op's inputs, in which a function replaces each array by its rows.</summary>
    private T[] Seen<T>(IReadOnlyList<T> inputs, Func<RowsInput, T, T, T> rowsOf)
    {
        T[] seen = [.. inputs.Take(AnchorInputs)];
        for (int i = 0; i < Rows.Length; i++)
        {
            seen[Rows[i].Input] = rowsOf(Rows[i], inputs[Rows[i].Input], inputs[AnchorInputs + i]);
        }

        return seen;
    }

    private static long Aligned(RowsInput rows) => (rows.Type.Bytes + Alignment - 1) / Alignment * Alignment;
}
