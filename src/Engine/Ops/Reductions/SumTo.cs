using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Sums an array over the axes along which it was broadcast, to the shape of another array: the adjoint of
/// broadcasting.
/// </summary>
internal sealed record SumTo : Op, ICpuOp, ICudaEpilogueOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg([m]));
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg([n, 1]));
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg(Shape.Scalar));
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg([n, m]));
        yield return new Sample(new SumTo(), new Arg([40, 5, n, m]), new Arg([5, 1, 1]));
        yield return new Sample(new SumTo(), Arg.Int([n, m]), Arg.Int([m], 0, 1));
        yield return new Sample(new SumTo(), new Arg([2, 3]), new Arg([4])) { Error = "do not broadcast" };
        yield return new Sample(new SumTo(), new Arg([3]), new Arg([2, 3]))
        {
            Error = "the second does not broadcast to the first",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape joined = Broadcasting.Join(inputs);
        return joined.Rank == inputs[0].Rank && inputs[0].Shape.Admits(joined)
            ? [new TensorType(inputs[0].DType, inputs[1].Shape)]
            : throw new EngineException("the second does not broadcast to the first");
    }

    internal override bool IsPlain => true;

    public override bool Reads(int input) => input == 0;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        inputs[0].Shape.IsKnown && inputs[0].Shape == inputs[1].Shape;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.BroadcastLike(outputGrads[0]!, node.Inputs[0]), null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var sums = new DoubleDoubles(outputs[0]);
        foreach (int[] index in NdArray.Indices(inputs[0].Shape))
        {
            sums[index] += inputs[0][index];
        }

        sums.Round();
    }

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => ReduceLoop.Phases<Sum>(step);

    public long CpuWorkspace(CpuStepTypes step) => ReduceLoop.Workspace(step.Inputs[0].Shape, step.Outputs[0]);

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues) => CudaReduce.Launches<Sum>(
        step, step.Shape(0), null, epilogues[0]);

    public long CudaWorkspace(CudaStepTypes step) => CudaReduce.Workspace(step.Inputs[0].Shape, step.Outputs[0]);
}

/// <summary>Broadcasts an array to the shape of another.</summary>
internal sealed record BroadcastLike : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 1 << 15;

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        yield return new Sample(new BroadcastLike(), new Arg([m]), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), new Arg([n, 1]), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), new Arg(Shape.Scalar), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), Arg.Int([m], -9, 9), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), Arg.Mask([n, 1]), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), Arg.Mask([m, 1, n]), new Arg([2, m, 3, n]));
        yield return new Sample(new BroadcastLike(), new Arg([m], DType.Bool, 0, 2), new Arg([700, m]));
        yield return new Sample(new BroadcastLike(), new Arg([2, 3]), new Arg([3]))
        {
            Error = "the first does not broadcast to the second",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape joined = Broadcasting.Join(inputs);
        return joined.Rank == inputs[1].Rank && inputs[1].Shape.Admits(joined)
            ? [new TensorType(inputs[0].DType, inputs[1].Shape)]
            : throw new EngineException("the first does not broadcast to the second");
    }

    internal override bool IsPlain => true;

    public override bool Reads(int input) => input == 0;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        inputs[0].Shape.IsKnown && inputs[0].Shape == inputs[1].Shape;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.SumTo(outputGrads[0]!, node.Inputs[0]), null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach (int[] index in NdArray.Indices(outputs[0].Shape))
        {
            outputs[0][index] = inputs[0][index];
        }
    }

    public Phase[] Cpu(CpuStep step) =>
        step.DType(0).Size() == 1 ? [Bytes(step)] : MapLoop.Phases<UnaryMap<Identity>>(step);

    public CudaLaunch[] Cuda(CudaStep step) => CudaMap.Launches(step, "x", Identity.Cuda);

    /// <summary>Repeats bytes, of which there are no vectors of numbers: a run is filled or copied.</summary>
    private static unsafe Phase Bytes(CpuStep step)
    {
        byte* x = step.In<byte>(0), y = step.Out<byte>();
        (int[] dimensions, int[][] strides) = Broadcasting.Loops(step.OutShape(), [step.Shape(0)]);
        return new Phase(checked((int)step.OutShape().Count), Grain, (start, end, _) =>
        {
            while (start < end)
            {
                (int row, int column) = Math.DivRem(start, dimensions[^1]);
                int count = Math.Min(end - start, dimensions[^1] - column);
                long from = 0;
                for (int loop = dimensions.Length - 2; loop >= 0; loop--)
                {
                    (row, int at) = Math.DivRem(row, dimensions[loop]);
                    from += (long)at * strides[0][loop];
                }

                if (strides[0][^1] == 0)
                {
                    new Span<byte>(y + start, count).Fill(x[from]);
                }
                else
                {
                    Buffer.MemoryCopy(x + from + column, y + start, count, count);
                }

                start += count;
            }
        });
    }

    internal readonly struct Identity : IUnary
    {
        public static DoubleDouble Scalar(double x) => x;

        public static string Cuda => "x";

        public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged => x;

        public static Variable Grad(Variable x, Variable y, Variable g) => g;
    }
}

public static partial class Symbolic
{
    /// <summary>Returns x summed over the axes along which <paramref name="like"/> broadcasts to it.</summary>
    internal static Variable SumTo(Variable x, Variable like) =>
        x.Shape.IsKnown && x.Shape == like.Shape ? x : new SumTo().Call(x, like);

    /// <summary>Returns x broadcast to the shape of <paramref name="like"/>.</summary>
    internal static Variable BroadcastLike(Variable x, Variable like) =>
        x.Shape.IsKnown && x.Shape == like.Shape ? x : new BroadcastLike().Call(x, like);
}
