using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a way to compute numbers of a distribution from random words: a row of the table of distributions.
/// </summary>
internal interface IDistribution
{
    static abstract (float, float, float, float) Four(PhiloxBlock block);

    static abstract (double, double) Two(PhiloxBlock block);

    /// <summary>Computes the same numbers as <see cref="Four"/> from the words of several blocks.</summary>
    static abstract unsafe void Draw(uint* words, int count, float* y);

    /// <summary>Computes the same numbers as <see cref="Two"/> from the words of several blocks.</summary>
    static abstract unsafe void Draw(uint* words, int count, double* y);

    /// <inheritdoc cref="Op.Ulps"/>
    static virtual double Ulps => 0;

    /// <summary>Gets the lower bound of <see cref="Op.Magnitudes"/>.</summary>
    static virtual double Magnitude => 0;
}

/// <summary>
/// Draws random numbers from the state of a stream. They have the shape of a second input, whose values do not matter,
/// or without one a fixed shape. <paramref name="Stream"/> distinguishes the draws of one stream.
/// </summary>
internal sealed record RandomDraw<TRow>(int Stream, DType DType, Shape Shape = default) : Op, ICpuOp, ICudaOp, ISampled
    where TRow : struct, IDistribution
{
    private const int Grain = 512;

    /// <summary>The number of blocks of four words that are drawn at once.</summary>
    private const int Blocks = 64;

    public override string Name => $"{Symbolic.RowName<TRow>()}{{{Stream}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        var state = Arg.Int([3], int.MinValue, int.MaxValue);
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        foreach (DType dtype in (DType[])[DType.Float32, DType.Float64])
        {
            yield return new Sample(new RandomDraw<TRow>(random.Next(9), dtype, shape), state);
            yield return new Sample(new RandomDraw<TRow>(1, dtype, [random.Next(4000, 5000)]), state);
            yield return new Sample(new RandomDraw<TRow>(2, dtype), state, Arg.Mask(shape));
            yield return new Sample(new RandomDraw<TRow>(1, dtype, [1025]), state);
            yield return new Sample(new RandomDraw<TRow>(1, dtype, [2049]), state);
        }

        yield return new Sample(new RandomDraw<TRow>(0, DType.Int32, shape), state) { Error = "not int32" };
        yield return new Sample(new RandomDraw<TRow>(0, DType.Float32, shape), Arg.Int([2], 0, 9))
        {
            Error = "the state must be an int32 vector of 3",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Philox.CheckState(inputs[0]);
        return DType.IsFloat()
            ? [new TensorType(DType, inputs.Length > 1 ? inputs[1].Shape : Shape)]
            : throw new EngineException($"random numbers are drawn in floating point, not {DType.Name()}");
    }

    public override bool Reads(int input) => input == 0;

    public override double Ulps => TRow.Ulps;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        [new NdArray(outputs[0].Shape, [.. outputs[0].Data.Select(x => Math.Max(TRow.Magnitude, Math.Abs(x)))])];

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        new Variable?[node.Inputs.Count];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var philox = Philox.From(inputs[0], Stream);
        double[] y = outputs[0].Data;
        for (int i = 0; i < y.Length; i++)
        {
            if (DType == DType.Float32)
            {
                (float a, float b, float c, float d) = TRow.Four(philox.Block(i / 4));
                y[i] = (i % 4) switch { 0 => a, 1 => b, 2 => c, _ => d };
            }
            else
            {
                (double a, double b) = TRow.Two(philox.Block(i / 2));
                y[i] = i % 2 == 0 ? a : b;
            }
        }
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        if (DType == DType.Float32)
        {
            return [Drawing(step, step.Out<float>(), &TRow.Draw)];
        }

        return [Drawing(step, step.Out<double>(), &TRow.Draw)];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        int count = checked((int)step.OutShape().Count);
        var kernel = new CudaKernel("random.cu", "draw", $"T {DType.Cuda()}", $"DRAW {Symbolic.RowName<TRow>()}");
        int blocks = CudaTypes.Blocks(CudaTypes.Blocks(count, 16 / DType.Size()), Threads);
        return [kernel.Launch(blocks, Threads, step.In(0), Stream, step.Out(), count)];
    }

    private unsafe Phase Drawing<T>(CpuStep step, T* y, delegate*<uint*, int, T*, void> draw) where T : unmanaged
    {
        int* state = step.In<int>(0);
        int count = checked((int)step.OutShape().Count), stream = Stream, each = 16 / sizeof(T);
        return new Phase((count + each - 1) / each, Grain, (start, end, _) =>
        {
            var philox = Philox.From(state, stream);
            uint* words = stackalloc uint[4 * Blocks];
            T* numbers = stackalloc T[each * Blocks];
            for (int first = start; first < end; first += Blocks)
            {
                int blocks = Math.Min(Blocks, end - first), at = each * first;
                philox.Words(first, blocks, words);
                draw(words, each * blocks, numbers);
                new Span<T>(numbers, Math.Min(each * blocks, count - at)).CopyTo(new Span<T>(y + at, count - at));
            }
        });
    }
}

/// <summary>Converts the upper bits to a fraction: all multiples of 2⁻²⁴, or of 2⁻⁵³, are equally likely.</summary>
internal readonly struct Uniform : IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float, float, float, float) Four(PhiloxBlock block) =>
        (Single(block.W0), Single(block.W1), Single(block.W2), Single(block.W3));

    public static (double, double) Two(PhiloxBlock block) => (Double(block.W0, block.W1), Double(block.W2, block.W3));

    public static unsafe void Draw(uint* words, int count, float* y)
    {
        for (int i = 0; i < count; i++)
        {
            y[i] = Single(words[i]);
        }
    }

    public static unsafe void Draw(uint* words, int count, double* y)
    {
        for (int i = 0; i < count; i++)
        {
            y[i] = Double(words[2 * i], words[(2 * i) + 1]);
        }
    }

    public static float Single(uint word) => (word >> 8) * (1f / (1 << 24));

    public static double Double(uint high, uint low) =>
        ((((ulong)high << 32) | low) >> 11) * (1.0 / (1L << 53));
}

/// <summary>
/// Computes two numbers from two: √(−2 log u)·(cos, sin) 2πv for uniform u, v (Box and Muller, 1958); 1 − u is never 0.
/// </summary>
internal readonly struct Normal : IDistribution
{
    public static double Ulps => 4;

    /// <summary>
    /// Gets the magnitude of the terms: a number near 0 is the sine of a rounded angle, up to 2π, times a radius, up to
    /// 8.6.
    /// </summary>
    public static double Magnitude => 8;

    public static (float, float, float, float) Four(PhiloxBlock block)
    {
        (double a, double b) = Pair(Uniform.Single(block.W0), Uniform.Single(block.W1));
        (double c, double d) = Pair(Uniform.Single(block.W2), Uniform.Single(block.W3));
        return ((float)a, (float)b, (float)c, (float)d);
    }

    public static (double, double) Two(PhiloxBlock block) =>
        Pair(Uniform.Double(block.W0, block.W1), Uniform.Double(block.W2, block.W3));

    public static unsafe void Draw(uint* words, int count, float* y)
    {
        int pairs = count / 2;
        double* u = stackalloc double[pairs], v = stackalloc double[pairs];
        for (int i = 0; i < pairs; i++)
        {
            (u[i], v[i]) = (Uniform.Single(words[2 * i]), Uniform.Single(words[(2 * i) + 1]));
        }

        Pairs(u, v, pairs);
        for (int i = 0; i < pairs; i++)
        {
            (y[2 * i], y[(2 * i) + 1]) = ((float)u[i], (float)v[i]);
        }
    }

    public static unsafe void Draw(uint* words, int count, double* y)
    {
        int pairs = count / 2;
        double* u = stackalloc double[pairs], v = stackalloc double[pairs];
        for (int i = 0; i < pairs; i++, words += 4)
        {
            (u[i], v[i]) = (Uniform.Double(words[0], words[1]), Uniform.Double(words[2], words[3]));
        }

        Pairs(u, v, pairs);
        for (int i = 0; i < pairs; i++)
        {
            (y[2 * i], y[(2 * i) + 1]) = (u[i], v[i]);
        }
    }

    /// <summary>Computes normal numbers in place of the uniform ones.</summary>
    private static unsafe void Pairs(double* u, double* v, int count)
    {
        var job = new PairsJob { U = u, V = v, Count = count };
        Simd.Dispatch<double, PairsJob>(ref job);
    }

    private static (double, double) Pair(double u, double v)
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - u));
        (double sin, double cos) = Math.SinCos(2 * Math.PI * v);
        return (radius * cos, radius * sin);
    }

    private unsafe struct PairsJob : ISimdJob<double>
    {
        public double* U, V;
        public int Count;

        public readonly void Run<S, TVector>() where S : struct, ISimd<TVector, double> where TVector : struct
        {
            for (int i = 0; i < Count; i += S.Count)
            {
                int lanes = Math.Min(S.Count, Count - i);
                TVector log = VectorMath.Log<S, TVector, double>(S.Sub(S.Const(1), S.LoadPartial(U + i, lanes)));
                TVector radius = S.Sqrt(S.Mul(S.Const(-2), log));
                TVector angle = S.Mul(S.Const(2 * Math.PI), S.LoadPartial(V + i, lanes));
                S.StorePartial(U + i, S.Mul(radius, VectorMath.Cos<S, TVector, double>(angle)), lanes);
                S.StorePartial(V + i, S.Mul(radius, VectorMath.Sin<S, TVector, double>(angle)), lanes);
            }
        }
    }
}
