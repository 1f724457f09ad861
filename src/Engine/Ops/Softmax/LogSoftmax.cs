using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Computes x − log Σ exp(x) along the innermost axis.</summary>
internal sealed record LogSoftmax : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach (Arg arg in Softmax.SampleArgs(random))
        {
            yield return new Sample(new LogSoftmax(), arg);
        }

        yield return new Sample(new LogSoftmax(), new Arg(Shape.Scalar)) { Error = "a scalar has no rows" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [Softmax.InferRows(inputs[0])];

    public override bool MayOverwrite(int input) => true;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new LogSoftmaxGrad().Call(node.Outputs[0], outputGrads[0]!)];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        RowLoop.SoftmaxFlops * inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            ExactRow row = new(inputs[0].Data.AsSpan(start, count));
            for (int i = 0; i < count; i++)
            {
                outputs[0].Data[start + i] = (row.Difference(i) - row.LogSum).High;
            }
        }
    }

    public override double Ulps => 4;

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0);

    public CudaLaunch[] Cuda(CudaStep step) => CudaRows.Launches(step, "log_softmax");

    private readonly struct Kernel : IRowKernel
    {
        public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
        {
            int n = operands.Columns;
            if (n == 0)
            {
                return;
            }

            T* x = operands.A + ((long)row * n), y = operands.Y + ((long)row * n);
            T max = RowMath<S, V, T>.Max(x, n);

            // The difference comes first: max + log Σ has only as many digits behind the point as max.
            V m = S.Splat(max), log = S.Splat(RowMath<S, V, T>.LogExpSum(x, max, n));
            int i = 0;
            for (; i <= n - S.Count; i += S.Count)
            {
                S.Store(y + i, S.Sub(S.Sub(S.Load(x + i), m), log));
            }

            if (i < n)
            {
                S.StorePartial(y + i, S.Sub(S.Sub(S.LoadPartial(x + i, n - i), m), log), n - i);
            }
        }
    }
}

/// <summary>
/// Computes g − exp(y)·Σ g along the innermost axis: the gradient of y = log-softmax(x), given the gradient with
/// respect to y.
/// </summary>
internal sealed record LogSoftmaxGrad : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Softmax.SampleArgs(random).Select(arg =>
        new Sample(new LogSoftmaxGrad(), arg with { Low = -5, High = 0 }, arg with { Low = -2, High = 2 })
        {
            HasGradient = false,
        });

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable y, Variable g, Variable c) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        Shape last = [y.Rank - 1];
        Variable p = Symbolic.Exp(y);
        return [-(c * p * Symbolic.Sum(g, last, keepDims: true)), c - Symbolic.Sum(c * p, last, keepDims: true)];
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [Softmax.InferRows(inputs[0])];

    public override bool MayOverwrite(int input) => true;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        double[] y = inputs[0].Data, g = inputs[1].Data;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            DoubleDouble sum = Enumerable.Range(start, count).Aggregate((DoubleDouble)0, (sum, i) => sum + g[i]);
            for (int i = start; i < start + count; i++)
            {
                outputs[0].Data[i] = (g[i] - (DoubleDouble.Exp(y[i]) * sum)).High;
            }
        }
    }

    public override double Ulps => 4;

    /// <summary>
    /// Returns the magnitudes of g − exp(y)·Σ g without the cancellation; exp(y) may have underflowed.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        double[] y = inputs[0].Data, g = inputs[1].Data;
        var magnitudes = new NdArray(outputs[0].Shape);
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            DType dtype = outputs[0].DType;
            double sum = Rounding.Reached(dtype, Enumerable.Range(start, count).Sum(i => Math.Abs(g[i])));
            for (int i = start; i < start + count; i++)
            {
                double power = Rounding.Reached(dtype, Rounding.Normal(dtype, Math.Exp(y[i])));
                magnitudes.Data[i] = Math.Abs(g[i]) + (power * Rounding.Normal(dtype, sum));
            }
        }

        return [magnitudes];
    }

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<SoftmaxGradKernel<Element>>(step, a: 0, b: 1);

    public CudaLaunch[] Cuda(CudaStep step) => CudaRows.Launches(step, "log_softmax_gradient");

    private readonly struct Element : ISoftmaxGrad
    {
        public static bool IsWeighted => false;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of<S, V, T>(V y, V g, V sum)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T> =>
            S.Sub(g, S.Mul(VectorMath.Exp<S, V, T>(y), sum));
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Computes x − log Σ exp(x) along the innermost axis: the logarithm of <see cref="Softmax(Variable)"/>, without
    /// the rounding of probabilities near 0. A row with a NaN becomes all NaN.
    /// </summary>
    /// <exception cref="EngineException">x is a scalar or not floating point.</exception>
    public static Variable LogSoftmax(Variable x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return new LogSoftmax().Call(x);
    }
}
