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
        int* state = step.In<int>(0);
        int count = checked((int)step.OutShape().Count), stream = Stream;
        if (DType == DType.Float32)
        {
            float* y = step.Out<float>();
            return
            [
                new Phase((count + 3) / 4, Grain, (start, end, _) =>
                {
                    var philox = Philox.From(state, stream);
                    uint* words = stackalloc uint[4 * Blocks];
                    for (int first = start; first < end; first += Blocks)
                    {
                        int blocks = Math.Min(Blocks, end - first);
                        philox.Words(first, blocks, words);
                        for (int i = 0; i < blocks; i++)
                        {
                            uint* w = words + (4 * i);
                            int at = 4 * (first + i);
                            Keep(TRow.Four(new PhiloxBlock(w[0], w[1], w[2], w[3])), y + at, count - at);
                        }
                    }
                }),
            ];
        }

        double* z = step.Out<double>();
        return
        [
            new Phase((count + 1) / 2, Grain, (start, end, _) =>
            {
                var philox = Philox.From(state, stream);
                for (int block = start; block < end; block++)
                {
                    (double a, double b) = TRow.Two(philox.Block(block));
                    z[2L * block] = a;
                    if ((2 * block) + 1 < count)
                    {
                        z[(2L * block) + 1] = b;
                    }
                }
            }),
        ];
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        int count = checked((int)step.OutShape().Count);
        var kernel = new CudaKernel("random.cu", "draw", $"T {DType.Cuda()}", $"DRAW {Symbolic.RowName<TRow>()}");
        int blocks = CudaTypes.Blocks(CudaTypes.Blocks(count, 16 / DType.Size()), Threads);
        return [kernel.Launch(blocks, Threads, step.In(0), Stream, step.Out(), count)];
    }

    /// <summary>Stores the first <paramref name="count"/> numbers, or all four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Keep((float A, float B, float C, float D) numbers, float* y, int count)
    {
        y[0] = numbers.A;
        if (count >= 4)
        {
            (y[1], y[2], y[3]) = (numbers.B, numbers.C, numbers.D);
            return;
        }

        if (count > 1)
        {
            y[1] = numbers.B;
        }

        if (count > 2)
        {
            y[2] = numbers.C;
        }
    }
}

/// <summary>Converts the upper bits to a fraction: all multiples of 2⁻²⁴, or of 2⁻⁵³, are equally likely.</summary>
internal readonly struct Uniform : IDistribution
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (float, float, float, float) Four(PhiloxBlock block) =>
        (Single(block.W0), Single(block.W1), Single(block.W2), Single(block.W3));

    public static (double, double) Two(PhiloxBlock block) => (Double(block.W0, block.W1), Double(block.W2, block.W3));

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

    private static (double, double) Pair(double u, double v)
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - u));
        (double sin, double cos) = Math.SinCos(2 * Math.PI * v);
        return (radius * cos, radius * sin);
    }
}
