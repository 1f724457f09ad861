using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Represents a reduction that also returns its intermediate results.</summary>
internal interface IAccumulation : IReduction
{
    /// <summary>Returns the gradient with respect to the accumulated x.</summary>
    /// <param name="x">The input.</param>
    /// <param name="y">The accumulated results.</param>
    /// <param name="g">The gradient with respect to y.</param>
    /// <param name="axis">The axis.</param>
    /// <param name="isReverse">See <see cref="Accumulate{TRow}"/>.</param>
    /// <param name="isExclusive">See <see cref="Accumulate{TRow}"/>.</param>
    static abstract Variable GradOf(Variable x, Variable y, Variable g, int axis, bool isReverse, bool isExclusive);
}

/// <summary>Joins each element along an axis with all before it.</summary>
/// <param name="Axis">The axis.</param>
/// <param name="IsReverse">Whether with all behind it instead.</param>
/// <param name="IsExclusive">Whether to join only those, without the element itself.</param>
internal sealed record Accumulate<TRow>(int Axis, bool IsReverse = false, bool IsExclusive = false)
    : Op, ICpuOp, ICudaOp, ISampled, IForElements<CpuStep, Phase[]> where TRow : struct, IAccumulation
{
    /// <summary>The number of lines that are processed side by side.</summary>
    private const int Lines = 4;

    /// <summary>
    /// The number of elements after which a total is added to that of the blocks before, so that errors stay small.
    /// </summary>
    private const int Block = 32;

    /// <summary>The number of neighboring columns that are processed side by side.</summary>
    private const int Columns = 256;

    private const int Grain = 8192;

    public override string Name =>
        $"cum{typeof(TRow).Name}{{{Axis}{(IsReverse ? ", reverse" : "")}{(IsExclusive ? ", exclusive" : "")}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        (bool, bool)[] ways = [(false, false), (true, false), (false, true), (true, true)];
        foreach ((bool isReverse, bool isExclusive) in ways)
        {
            yield return Of(0, [n]);
            yield return Of(1, [n, m, k]);
            yield return Of(2, [n, m, k]);
            yield return Of(0, [random.Next(200, 1200)]);
            yield return Of(0, [random.Next(200, 400), 70]);
            yield return Of(1, [6, random.Next(70, 100)]);
            yield return new Sample(new Accumulate<TRow>(1, isReverse, isExclusive), Arg.Int([n, m]));

            Sample Of(int axis, Shape shape) =>
                new(new Accumulate<TRow>(axis, isReverse, isExclusive), new Arg(shape, Low: 0.5, High: 1.5));
        }

        yield return new Sample(new Accumulate<TRow>(0), new Arg([2, 257], Low: 0.5, High: 1.5));
        yield return new Sample(new Accumulate<TRow>(0), new Arg([2, 513], Low: 0.5, High: 1.5));
        yield return new Sample(new Accumulate<TRow>(0), Arg.Int([40, 3]));
        yield return new Sample(new Accumulate<TRow>(1), new Arg([3, 30], DType.Int64, -3, 4));
        yield return new Sample(new Accumulate<TRow>(1), new Arg([3])) { Error = "there is no axis 1" };
        yield return new Sample(new Accumulate<TRow>(0), Arg.Mask([3])) { Error = "it takes no uint8" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (Axis < 0 || Axis >= inputs[0].Rank)
        {
            throw new EngineException($"there is no axis {Axis}");
        }

        return [new TensorType(Promotion.Computed(inputs[0].DType), inputs[0].Shape)];
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [TRow.GradOf(node.Inputs[0], node.Outputs[0], outputGrads[0]!, Axis, IsReverse, IsExclusive)];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray x = inputs[0];
        bool isFloat = x.DType.IsFloat();
        DoubleDouble total = TRow.Start;
        foreach ((int at, int count) in InOrder(x.Shape))
        {
            total = count == 0 ? TRow.Start : total;
            DoubleDouble next = TRow.Join(total, x.Data[at]);
            next = isFloat ? next : DTypes.WrapExactly(next, x.DType);
            outputs[0].Data[at] = (IsExclusive ? total : next).High;
            total = next;
        }
    }

    public override double Ulps => TRow.Ulps;

    /// <summary>
    /// Returns the magnitudes of the reduction up to each element; errors grow with the square root of the number of
    /// elements.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray magnitudes = OfMagnitudes(inputs, outputs)[0];
        NdArray x = inputs[0];
        var before = default(Powers);
        foreach ((int at, int count) in InOrder(x.Shape))
        {
            before = count == 0 ? default : before;
            Powers next = TRow.Multiplies ? before + Powers.Of(x.Data[at]) : default;
            bool mayExceed = (IsExclusive ? before : next).MayExceed(x.DType);
            double growth = Math.Sqrt(Math.Max(1, IsExclusive ? count : count + 1));
            magnitudes.Data[at] = mayExceed ? double.NaN : growth * magnitudes.Data[at];
            before = next;
        }

        return [magnitudes];
    }

    /// <summary>
    /// Returns the offsets of all elements, line by line, each with the number of elements that it is joined with.
    /// </summary>
    private IEnumerable<(int At, int Before)> InOrder(Shape shape)
    {
        int dimension = shape[Axis], inner = shape.Product(Axis + 1, shape.Rank),
            lines = (int)shape.Count / Math.Max(dimension, 1);
        for (int line = 0; line < lines; line++)
        {
            int first = (line / inner * dimension * inner) + (line % inner);
            for (int j = 0; j < dimension; j++)
            {
                yield return (first + ((IsReverse ? dimension - 1 - j : j) * inner), j);
            }
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0).Call(this, step);

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        Shape shape = step.Shape(0);
        int dimension = shape[Axis], inner = shape.Product(Axis + 1, shape.Rank),
            lines = checked((int)(shape.Count / Math.Max(dimension, 1)));
        var kernel = new CudaKernel(
            "accumulate.cu", inner == 1 ? "accumulate_lines" : "accumulate_columns",
            $"T {step.DType(0).Cuda()}", $"JOIN(a, b) ({TRow.Cuda})", $"START ({TRow.CudaStart})",
            $"REVERSE {(IsReverse ? 1 : 0)}", $"EXCLUSIVE {(IsExclusive ? 1 : 0)}");
        return
        [
            kernel.Launch(
                inner == 1 ? lines : CudaTypes.Blocks(lines, Threads), Threads, step.In(0), step.Out(), dimension,
                inner, lines),
        ];
    }

    public unsafe Phase[] For<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* x = step.In<T>(0), y = step.Out<T>();
        Shape shape = step.Shape(0);
        int dimension = shape[Axis], inner = shape.Product(Axis + 1, shape.Rank);
        if (inner == 1)
        {
            return
            [
                new Phase(shape.Product(0, Axis), Math.Max(1, Grain / Math.Max(1, dimension)), (first, end, _) =>
                {
                    int line = first;
                    for (; line <= end - Lines; line += Lines)
                    {
                        FourLines(x + ((long)line * dimension), y + ((long)line * dimension), dimension, dimension);
                    }

                    for (; line < end; line++)
                    {
                        FourLines(x + ((long)line * dimension), y + ((long)line * dimension), dimension, 0);
                    }
                }),
            ];
        }

        int chunks = (inner + Columns - 1) / Columns;
        int grain = Math.Max(1, Grain / Math.Max(1, dimension * Math.Min(inner, Columns)));
        return
        [
            new Phase(checked(shape.Product(0, Axis) * chunks), grain, (first, end, _) =>
            {
                for (int unit = first; unit < end; unit++)
                {
                    (int outer, int chunk) = Math.DivRem(unit, chunks);
                    long at = ((long)outer * dimension * inner) + (chunk * Columns);
                    var job = new ColumnsJob<T>
                    {
                        X = x + at, Y = y + at, Rows = dimension, Apart = inner,
                        Count = Math.Min(Columns, inner - (chunk * Columns)),
                        IsReverse = IsReverse, IsExclusive = IsExclusive,
                    };
                    Simd.Dispatch<T, ColumnsJob<T>>(ref job);
                }
            }),
        ];
    }

    /// <summary>
    /// Accumulates four lines of neighboring elements side by side, because each sum waits for the previous one. The
    /// lines are <paramref name="apart"/> elements apart; 0 for a single line.
    /// </summary>
    private unsafe void FourLines<T>(T* x, T* y, int dimension, long apart) where T : unmanaged, INumber<T>
    {
        T start = T.CreateTruncating(TRow.Start);
        T* x1 = x + apart, x2 = x1 + apart, x3 = x2 + apart, y1 = y + apart, y2 = y1 + apart, y3 = y2 + apart;
        T a = start, b = start, c = start, d = start;
        int step = IsReverse ? -1 : 1, at = IsReverse ? dimension - 1 : 0;
        for (int block = 0; block < dimension; block += Block)
        {
            T ofA = start, ofB = start, ofC = start, ofD = start;
            for (int j = Math.Min(Block, dimension - block); j > 0; j--, at += step)
            {
                T nextA = TRow.Join(ofA, x[at]);
                y[at] = TRow.Join(a, IsExclusive ? ofA : nextA);
                ofA = nextA;
                if (apart != 0)
                {
                    T nextB = TRow.Join(ofB, x1[at]), nextC = TRow.Join(ofC, x2[at]), nextD = TRow.Join(ofD, x3[at]);
                    y1[at] = TRow.Join(b, IsExclusive ? ofB : nextB);
                    y2[at] = TRow.Join(c, IsExclusive ? ofC : nextC);
                    y3[at] = TRow.Join(d, IsExclusive ? ofD : nextD);
                    (ofB, ofC, ofD) = (nextB, nextC, nextD);
                }
            }

            (a, b, c, d) = (TRow.Join(a, ofA), TRow.Join(b, ofB), TRow.Join(c, ofC), TRow.Join(d, ofD));
        }
    }

    /// <summary>
    /// Accumulates rows of up to <see cref="Columns"/> neighboring elements, which lie Apart from one another.
    /// </summary>
    private unsafe struct ColumnsJob<T> : ISimdJob<T> where T : unmanaged, INumber<T>
    {
        public T* X, Y;
        public int Rows, Count;
        public nint Apart;
        public bool IsReverse, IsExclusive;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            T start = T.CreateTruncating(TRow.Start);
            T* before = stackalloc T[Columns], total = stackalloc T[Columns];
            new Span<T>(before, Columns).Fill(start);
            for (int block = 0; block < Rows; block += Block)
            {
                new Span<T>(total, Columns).Fill(start);
                for (int j = block; j < Math.Min(Rows, block + Block); j++)
                {
                    nint row = (IsReverse ? Rows - 1 - j : j) * Apart;
                    int whole = Count - (Count % S.Count);
                    for (int i = 0; i < whole; i += S.Count)
                    {
                        S.Store(Y + row + i, Next<S, V>(S.Load(X + row + i), before + i, total + i));
                    }

                    if (whole < Count)
                    {
                        V last = S.LoadPartial(X + row + whole, Count - whole);
                        S.StorePartial(Y + row + whole, Next<S, V>(last, before + whole, total + whole), Count - whole);
                    }
                }

                for (int i = 0; i < Columns; i += S.Count)
                {
                    S.Store(before + i, TRow.Join<S, V, T>(S.Load(before + i), S.Load(total + i)));
                }
            }
        }

        /// <summary>Adds elements to the totals of their block, and returns the results.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private readonly V Next<S, V>(V value, T* before, T* total) where S : struct, ISimd<V, T> where V : struct
        {
            V old = S.Load(total), next = TRow.Join<S, V, T>(old, value);
            S.Store(total, next);
            return TRow.Join<S, V, T>(S.Load(before), IsExclusive ? old : next);
        }
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the sum of each element along an axis and all before it; without an axis, over all elements in C order.
    /// uint8 and bool are summed as int32.
    /// </summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable CumSum(Variable x, int? axis = null) => Accumulated<Sum>(x, axis);

    /// <summary>
    /// Returns the product of each element along an axis and all before it; without an axis, over all elements in C
    /// order. The gradient is a loop along the axis. It is also right where elements are 0 (Theano divides by them and
    /// gives NaN).
    /// </summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable CumProd(Variable x, int? axis = null) => Accumulated<Prod>(x, axis);

    private static Variable Accumulated<TRow>(Variable x, int? axis) where TRow : struct, IAccumulation
    {
        ArgumentNullException.ThrowIfNull(x);
        x = Cast(x, x.DType.Computes());
        return axis is { } named
            ? new Accumulate<TRow>(Axes(x, [named])[0]).Call(x)
            : new Accumulate<TRow>(0).Call(Flatten(x, 1));
    }
}
