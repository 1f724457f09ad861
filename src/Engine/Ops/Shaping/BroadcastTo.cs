using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Broadcasts an array to a shape; a dimension of −1 is the array's own. The values of further inputs are the
/// dimensions of the axes <paramref name="Given"/>.
/// </summary>
internal sealed record BroadcastTo(Shape To, Shape Given = default) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        yield return new Sample(new BroadcastTo([n, m]), new Arg([m]));
        yield return new Sample(new BroadcastTo([3, -1, -1, m]), new Arg([n, 1, 1]));
        yield return new Sample(new BroadcastTo([-1, n, -1], [1]), Arg.Int([m, 1, 2]), Arg.Size(n));
        yield return new Sample(new BroadcastTo([-1], [0]), new Arg(Shape.Scalar), Arg.Size(m));
        yield return new Sample(new BroadcastTo([n, -1]), Arg.Mask([m]));
        yield return new Sample(new BroadcastTo([n, m]), new Arg(Shape.Scalar, DType.Bool, 0, 2));
        yield return new Sample(new BroadcastTo([2, 3]), new Arg([2]))
        {
            Error = "the dimensions 3 and 2 of axis 1 do not broadcast",
        };
        yield return new Sample(new BroadcastTo([3]), new Arg([2, 3])) { Error = "(3) has fewer axes" };
        yield return new Sample(new BroadcastTo([1]), new Arg([3])) { Error = "it does not broadcast to (1)" };
        yield return new Sample(new BroadcastTo([-1, 2]), new Arg([2]))
        {
            Error = "axis 0 is new and needs a dimension",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        (Shape to, bool isKnown) = Dimensions.Of(To, Given, inputs[1..]);
        Shape from = inputs[0].Shape;
        int added = to.Rank - from.Rank;
        if (added < 0)
        {
            throw new EngineException($"{to} has fewer axes");
        }

        for (int axis = 0; axis < to.Rank && isKnown; axis++)
        {
            if (to[axis] == Shape.Unknown)
            {
                to = axis >= added
                    ? to.With(axis, from[axis - added])
                    : throw new EngineException($"axis {axis} is new and needs a dimension");
            }
        }

        Shape joined = Broadcasting.Join([new TensorType(DType.Int32, to), inputs[0]]);
        return to.Admits(joined)
            ? [new TensorType(inputs[0].DType, to)]
            : throw new EngineException($"it does not broadcast to {to}");
    }

    internal override bool IsPlain => true;

    public override bool Reads(int input) => input == 0;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        Infer([.. inputs])[0].Shape is { IsKnown: true } to && inputs[0].Shape.IsKnown
            && to.Count == inputs[0].Shape.Count;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.SumTo(outputGrads[0]!, node.Inputs[0]), .. node.Inputs.Skip(1).Select(_ => (Variable?)null)];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        new BroadcastLike().Reference(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => new BroadcastLike().Cpu(step);

    public CudaLaunch[] Cuda(CudaStep step) => new BroadcastLike().Cuda(step);
}

public static partial class Symbolic
{
    /// <summary>Broadcasts x to a shape; a dimension of −1 keeps that of x.</summary>
    /// <exception cref="EngineException">x does not broadcast to it.</exception>
    public static Variable BroadcastTo(Variable x, params ReadOnlySpan<Dimension> dimensions)
    {
        ArgumentNullException.ThrowIfNull(x);
        (Shape to, Shape given, Variable[] values) = Dimensions.Read(dimensions);
        return new BroadcastTo(to, given).Call([x, .. values]);
    }
}
