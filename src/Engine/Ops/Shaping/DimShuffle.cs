using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Permutes axes. <paramref name="Axes"/> has, for each axis of the output, the axis of the input, or −1 for a new axis
/// of length 1. Input axes that it omits must have length 1.
/// </summary>
internal sealed record DimShuffle(Shape Axes) : Op, ICpuOp, ICudaOp, ISampled
{
    /// <summary>
    /// The number of input columns that become rows at a time. They are some cache lines of each row, or as many as
    /// memory delivers at full speed, if that leaves the threads at least <see cref="MinItems"/> pieces of work.
    /// </summary>
    private const int NarrowStrip = 64, WideStrip = 256;

    private const int MinItems = 8, Tile = 16;

    public override string Name =>
        $"dimShuffle{{{string.Join(", ", Axes.Select(axis => axis < 0 ? "x" : axis.ToString()))}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        yield return new Sample(new DimShuffle([1, 0]), new Arg([n, m]));
        yield return new Sample(new DimShuffle([1, 0]), Arg.Mask([n, m]));
        yield return new Sample(new DimShuffle([1, 0]), new Arg([n, 70], DType.Float16)) { HasGradient = false };
        yield return new Sample(new DimShuffle([1, 0]), Arg.Mask([19, 70]));
        yield return new Sample(new DimShuffle([1, 0]), new Arg([random.Next(16, 70), random.Next(16, 150)]));
        yield return new Sample(
            new DimShuffle([1, 0]), new Arg([random.Next(8, 30), random.Next(8, 70)], DType.Float64));
        yield return new Sample(new DimShuffle([1, 0, 2]), new Arg([n, m, k]));
        yield return new Sample(new DimShuffle([1, 0, 2]), new Arg([3, 19, 9]));
        yield return new Sample(new DimShuffle([1, 0, 2]), new Arg([5, 41, 5]));
        yield return new Sample(new DimShuffle([2, 1, 0]), new Arg([n, m, k]));
        yield return new Sample(new DimShuffle([0, 2, 1]), Arg.Int([n, m, k], -9, 9));
        yield return new Sample(new DimShuffle([2, 3, 0, 1]), new Arg([n, 2, 3, m]));
        yield return new Sample(new DimShuffle([3, 0, 2, 1]), new Arg([2, n, 3, m]));
        yield return new Sample(new DimShuffle([-1, 0, -1, -1]), new Arg([n]));
        yield return new Sample(new DimShuffle([2, -1, 0]), new Arg([n, 1, m]));
        yield return new Sample(new DimShuffle([-1]), new Arg(Shape.Scalar));
        yield return new Sample(new DimShuffle([]), new Arg([1, 1]));
        yield return new Sample(new DimShuffle([0]), new Arg([3, 2]))
        {
            Error = "axis 1 has size 2 and cannot be dropped",
        };
        yield return new Sample(new DimShuffle([0, 0]), new Arg([3])) { Error = "axis 0 is named twice" };
        yield return new Sample(new DimShuffle([0, 2]), new Arg([3, 1])) { Error = "there is no axis 2" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape from = inputs[0].Shape;
        var to = new int[Axes.Rank];
        var named = new bool[from.Rank];
        for (int i = 0; i < to.Length; i++)
        {
            int axis = Axes[i];
            if (axis == Symbolic.NewAxis)
            {
                to[i] = 1;
                continue;
            }

            if (axis < 0 || axis >= from.Rank)
            {
                throw new EngineException($"there is no axis {axis}");
            }

            if (named[axis])
            {
                throw new EngineException($"axis {axis} is named twice");
            }

            named[axis] = true;
            to[i] = from[axis];
        }

        for (int axis = 0; axis < from.Rank; axis++)
        {
            if (!named[axis] && from[axis] is not (1 or Shape.Unknown))
            {
                throw new EngineException($"axis {axis} has size {from[axis]} and cannot be dropped");
            }
        }

        return [new TensorType(inputs[0].DType, Shape.Create(to))];
    }

    internal override bool IsPlain => true;

    internal override bool TakesHalves => true;

    /// <summary>Returns whether all axes longer than 1 keep their order, so that no element moves.</summary>
    public override bool IsView(IReadOnlyList<TensorType> inputs)
    {
        int last = -1;
        foreach (int axis in Axes)
        {
            if (axis >= 0 && inputs[0].Shape[axis] != 1)
            {
                if (axis < last)
                {
                    return false;
                }

                last = axis;
            }
        }

        return true;
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        int[] axes = [.. Axes];
        Shape back = [.. Enumerable.Range(0, node.Inputs[0].Rank).Select(axis => Array.IndexOf(axes, axis))];
        return [new DimShuffle(back).Call(outputGrads[0]!)];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var from = new int[inputs[0].Shape.Rank];
        foreach (int[] to in NdArray.Indices(outputs[0].Shape))
        {
            for (int i = 0; i < to.Length; i++)
            {
                if (Axes[i] >= 0)
                {
                    from[Axes[i]] = to[i];
                }
            }

            outputs[0][to] = inputs[0][from];
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0).Size() switch
    {
        1 => Loop<byte>(step),
        2 => Loop<short>(step),
        4 => Loop<int>(step),
        _ => Loop<long>(step),
    };

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Tile = 32, Rows = 8;
        int count = checked((int)step.OutShape().Count);
        List<(int Dimension, int From, int To)> loops = Loops(step.Shape(0), step.OutShape());
        string type = $"T {step.DType(0).CudaBits()}";
        if (count == 0 || loops.Count == 0 || loops[^1].From == 1)
        {
            var permute = new CudaKernel("copy.cu", "permute", type);
            return [CudaCopies.Spread(permute, count, step.In(0), step.Out(), Steps(loops), count)];
        }

        (int n, int stepX, _) = loops[^1];
        loops.RemoveAt(loops.Count - 1);
        int adjacent = loops.FindIndex(loop => loop.From == 1);
        (int m, _, int stepY) = loops[adjacent];
        loops.RemoveAt(adjacent);
        var grid = new Dim3(CudaTypes.Blocks(m, Tile), CudaTypes.Blocks(n, Tile), Product(loops));
        return
        [
            new CudaKernel("copy.cu", "transpose", type).Launch(
                grid, new Dim3(Tile, Rows), step.In(0), step.Out(), Steps(loops), n, stepX, m, stepY),
        ];

        static CudaLoops Steps(List<(int Dimension, int From, int To)> loops) => new(
            [.. loops.Select(loop => loop.Dimension)],
            loops.Select(loop => loop.From).ToArray(),
            loops.Select(loop => loop.To).ToArray());
    }

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged
    {
        T* x = step.In<T>(0);
        T* y = step.Out<T>();
        List<(int Dimension, int From, int To)> loops = Loops(step.Shape(0), step.OutShape());
        (int n, int fromStep, _) = loops[^1];
        loops.RemoveAt(loops.Count - 1);
        if (fromStep == 1)
        {
            return
            [
                new Phase(Product(loops), Copies.Grain((long)n * sizeof(T)), (start, end, _) =>
                {
                    for (int row = start; row < end; row++)
                    {
                        (long from, long to) = Offsets(loops, row);
                        new ReadOnlySpan<T>(x + from, n).CopyTo(new Span<T>(y + to, n));
                    }
                }),
            ];
        }

        int adjacent = loops.FindIndex(loop => loop.From == 1);
        (int m, _, int toStep) = loops[adjacent];
        loops.RemoveAt(adjacent);
        int outer = Product(loops), strip = (long)outer * m >= WideStrip * MinItems ? WideStrip : NarrowStrip;
        int strips = (m + strip - 1) / strip;
        return
        [
            new Phase(outer * strips, Copies.Grain((long)strip * n * sizeof(T)), (start, end, _) =>
            {
                for (int item = start; item < end; item++)
                {
                    (int row, int index) = Math.DivRem(item, strips);
                    (long from, long to) = Offsets(loops, row);
                    int first = index * strip, count = Math.Min(strip, m - first);
                    T* target = y + to + ((long)first * toStep);
                    if (sizeof(T) >= sizeof(float))
                    {
                        Transposition.Run(n, count, x + from + first, fromStep, target, toStep);
                    }
                    else
                    {
                        TransposeStrip(x + from + first, fromStep, target, toStep, count, n);
                    }
                }
            }),
        ];
    }

    /// <summary>Transposes a tile at a time, so that every cache line is read and written whole.</summary>
    private static unsafe void TransposeStrip<T>(T* x, long fromStep, T* y, long toStep, int m, int n)
        where T : unmanaged
    {
        for (int left = 0; left < n; left += Tile)
        {
            int right = Math.Min(left + Tile, n);
            for (int i = 0; i < m; i++)
            {
                for (int j = left; j < right; j++)
                {
                    y[(i * toStep) + j] = x[i + (j * fromStep)];
                }
            }
        }
    }

    /// <summary>Returns the fewest nested loops over the output, with their strides in both arrays.</summary>
    private List<(int Dimension, int From, int To)> Loops(Shape from, Shape to)
    {
        int[] fromSteps = from.Strides(), toSteps = to.Strides();
        var loops = new List<(int Dimension, int From, int To)>();
        for (int i = 0; i < Axes.Rank; i++)
        {
            int dimension = to[i];
            if (dimension == 1)
            {
                continue;
            }

            (int fromStep, int toStep) = (fromSteps[Axes[i]], toSteps[i]);
            if (loops.Count > 0 && loops[^1].From == fromStep * dimension)
            {
                loops[^1] = (loops[^1].Dimension * dimension, fromStep, toStep);
            }
            else
            {
                loops.Add((dimension, fromStep, toStep));
            }
        }

        return loops;
    }

    private static int Product(List<(int Dimension, int From, int To)> loops) =>
        loops.Aggregate(1, (product, loop) => checked(product * loop.Dimension));

    private static (long From, long To) Offsets(List<(int Dimension, int From, int To)> loops, int row)
    {
        long from = 0, to = 0;
        for (int i = loops.Count - 1; i >= 0; i--)
        {
            (row, int index) = Math.DivRem(row, loops[i].Dimension);
            from += (long)index * loops[i].From;
            to += (long)index * loops[i].To;
        }

        return (from, to);
    }
}

public static partial class Symbolic
{
    /// <summary>Stands for a new axis of length 1, which broadcasts, in <see cref="DimShuffle"/>.</summary>
    public const int NewAxis = -1;

    /// <summary>
    /// Permutes the axes of x, as Theano's <c>dimshuffle</c> does: for each axis of the result, the axis of x or
    /// <see cref="NewAxis"/>. <c>DimShuffle(b, NewAxis, 0, NewAxis, NewAxis)</c> makes a vector broadcast over the
    /// channels of images. Axes of length 1 may be omitted.
    /// </summary>
    /// <exception cref="EngineException">
    /// An axis is given twice, does not exist, or is omitted and longer than 1.
    /// </exception>
    public static Variable DimShuffle(Variable x, params ReadOnlySpan<int> axes)
    {
        ArgumentNullException.ThrowIfNull(x);
        return new DimShuffle(Shape.Create(axes)).Call(x);
    }

    /// <summary>Permutes the axes of x, by default in reverse order.</summary>
    /// <exception cref="EngineException">The axes are not those of x, each once.</exception>
    public static Variable Transpose(Variable x, Shape axes = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (axes.Rank == 0)
        {
            axes = [.. Enumerable.Range(0, x.Rank).Reverse()];
        }

        return axes.Order().SequenceEqual(Enumerable.Range(0, x.Rank))
            ? new DimShuffle(axes).Call(x)
            : throw new EngineException(
                $"The axes {axes} are not those of '{x}' ({x.Type}), each once.{Origin.Current}");
    }
}
