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
    private const int Grain = 1 << 14, Short = 32;

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
        yield return new Sample(new BroadcastLike(), new Arg([2, n, 1]), new Arg([2, n, 3]));
        yield return new Sample(new BroadcastLike(), new Arg([n, 1]), new Arg([n, 0]));
        yield return new Sample(new BroadcastLike(), new Arg([n, 1, 1], DType.Float64), new Arg([n, m, 2]));
        yield return new Sample(new BroadcastLike(), new Arg([n, 1], DType.Int64, -9, 9), new Arg([n, 40]));
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
    [
        step.DType(0).Size() switch
        {
            1 => Runs<byte>(step),
            2 => Runs<ushort>(step),
            4 => Runs<uint>(step),
            _ => Runs<ulong>(step),
        },
    ];

    public CudaLaunch[] Cuda(CudaStep step) => CudaMap.Launches(step, "x", Identity.Cuda);

    /// <summary>
    /// Copies runs of neighboring elements, or fills them with one. Short runs that are filled are taken together with
    /// those of the next loop: a call for each would cost more than its elements.
    /// </summary>
    private static unsafe Phase Runs<T>(CpuStep step) where T : unmanaged
    {
        T* x = step.In<T>(0), y = step.Out<T>();
        if (step.OutShape().Count == 0)
        {
            return new Phase(0, 1, static (_, _, _) => { });
        }

        (int[] dimensions, int[][] strides) = Broadcasting.Loops(step.OutShape(), [step.Shape(0)]);
        int times = strides[0][^1] == 0 ? dimensions[^1] : 1;
        int loops = dimensions.Length - (strides[0][^1] == 0 && times <= Short && dimensions.Length > 1 ? 2 : 1);
        bool fills = strides[0][^1] == 0 && loops == dimensions.Length - 1;
        (int length, int stride) = fills ? (times, 0) : (dimensions[loops], strides[0][loops]);
        times = fills ? 1 : times;
        int piece = Math.Max(1, Grain / times), pieces = (length + piece - 1) / piece;
        int rows = dimensions[..loops].Aggregate(1, (product, dimension) => checked(product * dimension));
        return new Phase(checked(rows * pieces), Math.Max(1, piece / Math.Max(length, 1)), (start, end, _) =>
        {
            for (int unit = start; unit < end; unit++)
            {
                (int row, int part) = Math.DivRem(unit, pieces);
                int first = part * piece, count = Math.Min(piece, length - first);
                T* to = y + ((((long)row * length) + first) * times);
                long from = (long)first * stride;
                for (int loop = loops - 1; loop >= 0; loop--)
                {
                    (row, int at) = Math.DivRem(row, dimensions[loop]);
                    from += (long)at * strides[0][loop];
                }

                if (fills)
                {
                    new Span<T>(to, count).Fill(x[from]);
                }
                else if (times == 1 && stride == 1)
                {
                    new ReadOnlySpan<T>(x + from, count).CopyTo(new Span<T>(to, count));
                }
                else
                {
                    Repeat(x + from, stride, count, to, times);
                }
            }
        });
    }

    private static unsafe void Repeat<T>(T* from, nint stride, int count, T* to, int times) where T : unmanaged
    {
        for (int i = 0; i < count; i++, from += stride)
        {
            T value = *from;
            for (int j = 0; j < times; j++)
            {
                *to++ = value;
            }
        }
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
