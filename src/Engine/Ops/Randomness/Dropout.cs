using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Replaces each element by 0 with probability P, and otherwise divides it by 1 − P. The mask is not kept. It is drawn
/// again from the state whenever it is needed: the gradient is the same op, applied to the gradient.
/// </summary>
internal sealed record DropoutMask(int Stream, double P) : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 512;

    /// <summary>The number of blocks of four words that are drawn at once.</summary>
    private const int Blocks = 64;

    public override string Name => FormattableString.Invariant($"dropout{{{Stream}, {P}}}");

    public static IEnumerable<Sample> Samples(Random random)
    {
        var state = Arg.Int([3], int.MinValue, int.MaxValue);
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        yield return new Sample(new DropoutMask(random.Next(9), 0.5), new Arg(shape), state);
        yield return new Sample(new DropoutMask(1, 0.9), new Arg([random.Next(4000, 5000)]), state);
        yield return new Sample(new DropoutMask(2, 0), new Arg(shape), state);
        yield return new Sample(new DropoutMask(1, 0.5), new Arg([1025]), state);
        yield return new Sample(new DropoutMask(1, 0.5), new Arg([2049]), state);
        yield return new Sample(new DropoutMask(0, 0.5), new Arg([2]), new Arg([3])) { Error = "the state must be" };
        yield return new Sample(new DropoutMask(0, 0.5), Arg.Int([2], 0, 9), state)
        {
            Error = "int32 is not floating point",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Philox.CheckState(inputs[1]);
        return inputs[0].DType.IsFloat()
            ? [inputs[0]]
            : throw new EngineException($"{inputs[0].DType.Name()} is not floating point: cast it");
    }

    public override bool MayOverwrite(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Call(outputGrads[0]!, node.Inputs[1]), null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var philox = Philox.From(inputs[1], Stream);
        for (int i = 0; i < inputs[0].Data.Length; i++)
        {
            PhiloxBlock block = philox.Block(i / 4);
            uint word = (i % 4) switch { 0 => block.W0, 1 => block.W1, 2 => block.W2, _ => block.W3 };
            outputs[0].Data[i] = word >> 8 >= Threshold ? inputs[0].Data[i] / (1 - P) : 0;
        }
    }

    /// <summary>Gets 1, because kernels may multiply by the reciprocal.</summary>
    public override double Ulps => 1;

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        int count = checked((int)step.OutShape().Count);
        var kernel = new CudaKernel("random.cu", "dropout", $"T {step.DType(0).Cuda()}", "DRAW uniform");
        int blocks = CudaTypes.Blocks(CudaTypes.Blocks(count, 4), Threads);
        return
        [
            kernel.Launch(
                blocks, Threads, step.In(0), step.In(1), Stream, (int)Threshold, 1 / (1 - P), step.Out(), count),
        ];
    }

    public unsafe Phase[] Cpu(CpuStep step)
    {
        int* state = step.In<int>(1);
        int count = checked((int)step.OutShape().Count), stream = Stream;
        bool isSingle = step.DType(0) == DType.Float32;
        byte* x = step.In<byte>(0), y = step.Out<byte>();
        double scale = 1 / (1 - P);
        uint threshold = Threshold;
        return
        [
            new Phase((count + 3) / 4, Grain, (start, end, _) =>
            {
                var philox = Philox.From(state, stream);
                uint* words = stackalloc uint[4 * Blocks];
                for (int block = start; block < end; block += Blocks)
                {
                    int blocks = Math.Min(Blocks, end - block), first = 4 * block;
                    int n = Math.Min(4 * blocks, count - first);
                    philox.Words(block, blocks, words);
                    if (isSingle)
                    {
                        Mask((float*)x + first, (float*)y + first, words, n, threshold, (float)scale);
                    }
                    else
                    {
                        Mask((double*)x + first, (double*)y + first, words, n, threshold, scale);
                    }
                }
            }),
        ];
    }

    /// <summary>Gets the bound: a word's upper 24 bits are below it with probability P.</summary>
    private uint Threshold => (uint)Math.Round(P * (1 << 24));

    private static unsafe void Mask(float* x, float* y, uint* words, int n, uint threshold, float scale)
    {
        int i = 0;
        for (; i <= n - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<uint> u = Vector256.Load(words + i) >> 8;
            Vector256<uint> isKept = Vector256.GreaterThanOrEqual(u, Vector256.Create(threshold));
            ((Vector256.Load(x + i) * scale) & isKept.AsSingle()).Store(y + i);
        }

        for (; i < n; i++)
        {
            y[i] = words[i] >> 8 >= threshold ? x[i] * scale : 0;
        }
    }

    private static unsafe void Mask(double* x, double* y, uint* words, int n, uint threshold, double scale)
    {
        for (int i = 0; i < n; i++)
        {
            y[i] = words[i] >> 8 >= threshold ? x[i] * scale : 0;
        }
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Sets each element to 0 with probability p and otherwise divides it by 1 − p, so that its mean stays the same
    /// (Srivastava et al., "Dropout", JMLR 2014; Lasagne's rescaling). The gradient flows through the same elements.
    /// Returns x itself for p = 0.
    /// </summary>
    /// <param name="x">The variable whose elements are dropped.</param>
    /// <param name="p">The probability that an element is dropped, 0 ≤ p &lt; 1.</param>
    /// <param name="stream">
    /// The stream that decides which elements are dropped, anew for each run of a function.
    /// </param>
    /// <exception cref="EngineException">p is not a probability below 1, or x is not floating point.</exception>
    public static Variable Dropout(Variable x, double p, RandomStream stream)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(stream);
        if (!(p >= 0 && p < 1))
        {
            throw new EngineException(FormattableString.Invariant(
                $"Dropout of '{x}' takes a probability from 0 up to, not including, 1, not {p}."));
        }

        return p == 0 ? x : new DropoutMask(stream.Next(), p).Call(x, stream.State);
    }
}
