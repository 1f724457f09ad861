using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>A range of indices of one axis.</summary>
/// <param name="Axis">The axis.</param>
/// <param name="Start">The first index; a negative one counts from the end.</param>
/// <param name="Length">How many; null for all that follow.</param>
internal sealed record Slice(int Axis, int Start, int? Length) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random), m = Arg.Side(random), k = Arg.Side(random);
        int start = random.Next(n + 1), length = random.Next(n - start + 1);
        yield return new Sample(new Slice(0, start, length), new Arg([n, m]));
        yield return new Sample(new Slice(1, start, length), new Arg([m, n, k]));
        yield return new Sample(new Slice(2, start, null), Arg.Mask([m, 2, n]));
        yield return new Sample(new Slice(0, start - n - 1, length), new Arg([n + 1, m]));
        yield return new Sample(new Slice(1, -1, null), Arg.Int([n, 3], -9, 9));
        yield return new Sample(new Slice(0, 0, n), new Arg([n]));
        yield return new Sample(new Slice(1, 2, 3), new Arg([5, 4]))
        {
            Error = "3 indices from 2 on lie outside axis 1, of side 4",
        };
        yield return new Sample(new Slice(0, -6, 1), new Arg([5]))
        {
            Error = "1 indices from -6 on lie outside axis 0, of side 5",
        };
        yield return new Sample(new Slice(0, 6, null), new Arg([5]))
        {
            Error = "index 6 lies outside axis 0, of side 5",
        };
        yield return new Sample(new Slice(0, 1, -1), new Arg([5])) { Error = "a length cannot be -1" };
        yield return new Sample(new Slice(1, 1, 1), new Arg([5])) { Error = "there is no axis 1" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape shape = inputs[0].Shape;
        if (Axis < 0 || Axis >= shape.Rank)
        {
            throw new EngineException($"there is no axis {Axis}");
        }

        if (Length < 0)
        {
            throw new EngineException($"a length cannot be {Length}");
        }

        int side = shape[Axis];
        if (side == Shape.Unknown)
        {
            return [new TensorType(inputs[0].DType, shape.With(Axis, Length ?? (Start < 0 ? -Start : Shape.Unknown)))];
        }

        int start = First(side), length = Length ?? side - start;
        if (start < 0 || start > side || length > side - start)
        {
            string what = InvariantText.Of($"{Start}");
            what = Length is null ? $"index {what} lies" : $"{Length} indices from {what} on lie";
            throw new EngineException($"{what} outside axis {Axis}, of side {side}");
        }

        return [new TensorType(inputs[0].DType, shape.With(Axis, length))];
    }

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        First(inputs[0].Shape[Axis]) == 0 && (Length is null || Length == inputs[0].Shape[Axis]);

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new SliceGradient(this).Call(outputGrads[0]!, node.Inputs[0])];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override long ReadBytes(
        int input, IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        input == 0 ? outputs[0].Bytes : base.ReadBytes(input, inputs, outputs);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach (int[] to in NdArray.Indices(outputs[0].Shape))
        {
            int[] from = [.. to];
            from[Axis] += First(inputs[0].Shape[Axis]);
            outputs[0][to] = inputs[0][from];
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        (long start, long part, long whole) = Bytes(step.Shape(0), step.OutShape(), step.DType(0));
        int rows = step.OutShape().Product(0, Axis);
        return [Copies.Rows(step.In<byte>(0) + start, whole, step.Out<byte>(), part, rows, part)];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        (long start, long part, long whole) = Bytes(step.Shape(0), step.OutShape(), step.DType(0));
        int rows = step.OutShape().Product(0, Axis);
        return [CudaCopies.Rows(step.DType(0), step.In(0) + (ulong)start, whole, step.Out(), part, rows, part)];
    }

    /// <summary>The first index.</summary>
    public int First(int side) => Start < 0 ? Start + side : Start;

    /// <summary>Within each outer index of the whole: where the part begins, its size and that of the whole.</summary>
    public (long Start, long Part, long Whole) Bytes(Shape whole, Shape part, DType dtype)
    {
        long inner = (long)whole.Product(Axis + 1, whole.Rank) * dtype.Size();
        return (First(whole[Axis]) * inner, part[Axis] * inner, whole[Axis] * inner);
    }
}

/// <summary>
/// The first array where <paramref name="Of"/> takes it from, in zeros of the shape of the second: the slice's adjoint.
/// </summary>
internal sealed record SliceGradient(Slice Of) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random), m = Arg.Side(random), k = Arg.Side(random);
        int start = random.Next(n + 1), length = random.Next(n - start + 1);
        yield return new Sample(new SliceGradient(new Slice(0, start, length)), new Arg([length, m]), new Arg([n, m]));
        yield return new Sample(
            new SliceGradient(new Slice(1, start, length)), new Arg([m, length, k]), new Arg([m, n, k]));
        yield return new Sample(new SliceGradient(new Slice(1, -1, null)), new Arg([m, 1]), new Arg([m, n + 1]));
        yield return new Sample(new SliceGradient(new Slice(0, 1, 2)), new Arg([3]), new Arg([5]))
        {
            Error = "the slice has the shape (2)",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape slice = Of.Infer(inputs[1..])[0].Shape;
        return slice.Admits(inputs[0].Shape)
            ? [inputs[1] with { DType = inputs[0].DType }]
            : throw new EngineException($"the slice has the shape {slice}");
    }

    public override bool Reads(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Of.Call(outputGrads[0]!), null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        Array.Clear(outputs[0].Data);
        foreach (int[] from in NdArray.Indices(inputs[0].Shape))
        {
            int[] to = [.. from];
            to[Of.Axis] += Of.First(outputs[0].Shape[Of.Axis]);
            outputs[0][to] = inputs[0][from];
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        byte* g = step.In<byte>(0), y = step.Out<byte>();
        (long start, long part, long whole) = Of.Bytes(step.OutShape(), step.Shape(0), step.DType(0));
        return
        [
            new Phase(step.OutShape().Product(0, Of.Axis), Copies.Grain(whole), (first, end, _) =>
            {
                for (int row = first; row < end; row++)
                {
                    byte* to = y + (row * whole);
                    Copies.Clear(to, start);
                    Buffer.MemoryCopy(g + (row * part), to + start, part, part);
                    Copies.Clear(to + start + part, whole - start - part);
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        (long start, long part, long whole) = Of.Bytes(step.OutShape(), step.Shape(0), step.DType(0));
        int rows = step.OutShape().Product(0, Of.Axis);
        return
        [
            new ClearLaunch(step.Out(), step.OutShape().Count * step.DType(0).Size()),
            CudaCopies.Rows(step.DType(0), step.In(0), part, step.Out() + (ulong)start, whole, rows, part),
        ];
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// The part of x along one axis that begins at <paramref name="start"/> (a negative one counts from the end) and is
    /// <paramref name="length"/> long; without a length, all that follows.
    /// </summary>
    /// <exception cref="EngineException">The part lies outside x.</exception>
    public static Variable Slice(Variable x, int axis, int start, int? length = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        return new Slice(axis < 0 ? axis + x.Rank : axis, start, length).Call(x);
    }
}
