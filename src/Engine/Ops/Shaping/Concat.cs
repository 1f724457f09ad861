using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Joins arrays one after the other along an axis.</summary>
internal sealed record Concat(int Axis) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        yield return new Sample(new Concat(0), new Arg([n, k]), new Arg([m, k]));
        yield return new Sample(new Concat(1), new Arg([k, n]), new Arg([k, m]), new Arg([k, 1]));
        yield return new Sample(new Concat(1), new Arg([2, n, k]), new Arg([2, m, k]));
        yield return new Sample(new Concat(0), Arg.Mask([n]), Arg.Mask([m]));
        yield return new Sample(new Concat(2), Arg.Int([2, k, n], -9, 9), Arg.Int([2, k, m], -9, 9));
        yield return new Sample(new Concat(0), new Arg([n]));
        yield return new Sample(new Concat(1), new Arg([257, 1]), new Arg([257, 1]));
        yield return new Sample(new Concat(1), new Arg([27, 19]), new Arg([27, 1]));
        yield return new Sample(new Concat(0), new Arg([2, 3]), new Arg([2, 4]))
        {
            Error = "the dimensions 3 and 4 of axis 1 differ",
        };
        yield return new Sample(new Concat(0), new Arg([2, 3]), new Arg([2])) { Error = "the ranks differ" };
        yield return new Sample(new Concat(0), new Arg([2]), Arg.Int([2], 0, 2)) { Error = "the dtypes differ" };
        yield return new Sample(new Concat(2), new Arg([2, 3])) { Error = "there is no axis 2" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape shape = inputs[0].Shape;
        if (Axis < 0 || Axis >= shape.Rank)
        {
            throw new EngineException($"there is no axis {Axis}");
        }

        foreach (TensorType input in inputs[1..])
        {
            if (input.DType != inputs[0].DType)
            {
                throw new EngineException("the dtypes differ: cast one of them");
            }

            if (input.Rank != shape.Rank)
            {
                throw new EngineException("the ranks differ");
            }

            for (int axis = 0; axis < shape.Rank; axis++)
            {
                int a = shape[axis], b = input.Shape[axis];
                bool isUnknown = a == Shape.Unknown || b == Shape.Unknown;
                shape = shape.With(axis, axis == Axis ? (isUnknown ? Shape.Unknown : checked(a + b))
                    : isUnknown ? Math.Max(a, b)
                    : a == b ? a
                    : throw new EngineException($"the dimensions {a} and {b} of axis {axis} differ"));
            }
        }

        return [new TensorType(inputs[0].DType, shape)];
    }

    internal override bool IsPlain => true;

    public override bool IsView(IReadOnlyList<TensorType> inputs) => inputs.Count == 1;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        new Split(Axis).Apply([outputGrads[0]!, .. node.Inputs]).Outputs;

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int start = 0;
        foreach (NdArray input in inputs)
        {
            foreach (int[] from in NdArray.Indices(input.Shape))
            {
                int[] to = [.. from];
                to[Axis] += start;
                outputs[0][to] = input[from];
            }

            start += input.Shape[Axis];
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        var phases = new Phase[step.InputCount];
        long joined = Bytes(step.OutShape(), step.DType(0), Axis), start = 0;
        for (int i = 0; i < phases.Length; i++)
        {
            long bytes = Bytes(step.Shape(i), step.DType(0), Axis);
            phases[i] = Copies.Rows(
                step.In<byte>(i), bytes, step.Out<byte>() + start, joined, step.Shape(i).Product(0, Axis), bytes);
            start += bytes;
        }

        return phases;
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        var launches = new CudaLaunch[step.InputCount];
        long joined = Bytes(step.OutShape(), step.DType(0), Axis), start = 0;
        for (int i = 0; i < launches.Length; i++)
        {
            long bytes = Bytes(step.Shape(i), step.DType(0), Axis);
            int rows = step.Shape(i).Product(0, Axis);
            launches[i] = CudaCopies.Rows(
                step.DType(0), step.In(i), bytes, step.Out() + (ulong)start, joined, rows, bytes);
            start += bytes;
        }

        return launches;
    }

    /// <summary>Returns the bytes of an array from an axis inward.</summary>
    internal static long Bytes(Shape shape, DType dtype, int axis) =>
        (long)shape.Product(axis, shape.Rank) * dtype.Size();
}

/// <summary>
/// Splits an array along an axis into parts, each as long as one of the arrays that follow (only their shapes are
/// read): the inverse of <see cref="Concat"/>.
/// </summary>
internal sealed record Split(int Axis) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        yield return new Sample(new Split(0), new Arg([n + m, k]), new Arg([n, k]), new Arg([m, k]));
        yield return new Sample(
            new Split(1), new Arg([k, n + m + 1]), new Arg([k, n]), new Arg([k, m]), new Arg([k, 1]));
        yield return new Sample(new Split(0), new Arg([3]), new Arg([1]), new Arg([1]))
        {
            Error = "the parts make up (2)",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType whole = new Concat(Axis).Infer(inputs[1..])[0];
        DType dtype = inputs[0].DType;
        return inputs[0].Shape.Admits(whole.Shape)
            ? [.. inputs[1..].ToArray().Select(part => part with { DType = dtype })]
            : throw new EngineException($"the parts make up {whole.Shape}");
    }

    public override bool Reads(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
    [
        new Concat(Axis).Call([.. outputGrads.Select((grad, i) =>
            grad ?? Symbolic.BroadcastLike(Symbolic.Constant(0, node.Inputs[0].DType), node.Outputs[i]))]),
        .. node.Outputs.Select(_ => (Variable?)null),
    ];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int start = 0;
        foreach (NdArray output in outputs)
        {
            foreach (int[] to in NdArray.Indices(output.Shape))
            {
                int[] from = [.. to];
                from[Axis] += start;
                output[to] = inputs[0][from];
            }

            start += output.Shape[Axis];
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        var phases = new Phase[step.InputCount - 1];
        long joined = Concat.Bytes(step.Shape(0), step.DType(0), Axis), start = 0;
        for (int i = 0; i < phases.Length; i++)
        {
            Shape part = step.OutShape(i);
            long bytes = Concat.Bytes(part, step.DType(0), Axis);
            phases[i] = Copies.Rows(
                step.In<byte>(0) + start, joined, step.Out<byte>(i), bytes, part.Product(0, Axis), bytes);
            start += bytes;
        }

        return phases;
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        var launches = new CudaLaunch[step.InputCount - 1];
        long joined = Concat.Bytes(step.Shape(0), step.DType(0), Axis), start = 0;
        for (int i = 0; i < launches.Length; i++)
        {
            Shape part = step.OutShape(i);
            long bytes = Concat.Bytes(part, step.DType(0), Axis);
            launches[i] = CudaCopies.Rows(
                step.DType(0), step.In(0) + (ulong)start, joined, step.Out(i), bytes, part.Product(0, Axis), bytes);
            start += bytes;
        }

        return launches;
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Joins arrays one after the other along an axis (a negative one counts from the innermost). Their other
    /// dimensions must be equal. Different dtypes are converted to the widest among them.
    /// </summary>
    /// <exception cref="EngineException">There are no arrays, or their ranks or other dimensions differ.</exception>
    public static Variable Concat(int axis, params ReadOnlySpan<Variable> arrays)
    {
        if (arrays.Length == 0)
        {
            throw new EngineException($"concat needs at least one array.{Origin.Current}");
        }

        Variable[] all = arrays.ToArray();
        DType dtype = Promotion.Widest("concat", all) ?? DType.Float32;
        Variable[] same = [.. all.Select(array => Cast(array, dtype))];
        return new Concat(axis < 0 ? axis + arrays[0].Rank : axis).Call(same);
    }
}
