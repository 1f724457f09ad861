using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Computes exp(x) / Σ exp(x) along the innermost axis.</summary>
internal sealed record Softmax : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach (Arg arg in SampleArgs(random))
        {
            yield return new Sample(new Softmax(), arg);
        }

        yield return new Sample(new Softmax(), new Arg(Shape.Scalar)) { Error = "a scalar has no rows" };
        yield return new Sample(new Softmax(), Arg.Int([2, 3], 0, 5)) { Error = "int32 is not floating point" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [InferRows(inputs[0])];

    public override bool MayOverwrite(int input) => true;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new SoftmaxGrad().Call(node.Outputs[0], outputGrads[0]!)];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        RowLoop.SoftmaxFlops * inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach ((int start, int count) in Rows(inputs[0].Shape))
        {
            ExactRow row = new(inputs[0].Data.AsSpan(start, count));
            for (int i = 0; i < count; i++)
            {
                outputs[0].Data[start + i] = row.Share(i).High;
            }
        }
    }

    public override double Ulps => 4;

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0);

    public CudaLaunch[] Cuda(CudaStep step) => CudaRows.Launches(step, "softmax");

    /// <summary>
    /// Returns matrices with rows shorter and longer than a vector, and with large numbers; a vector; images.
    /// </summary>
    internal static IEnumerable<Arg> SampleArgs(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        yield return new Arg([n, m]);
        yield return new Arg([3, m], Low: -900, High: -800);
        yield return new Arg([n, 10]);
        yield return new Arg([random.Next(400, 500), 33]);
        yield return new Arg([m]);
        yield return new Arg([n, 3, 5]);
    }

    /// <summary>Returns the type of a matrix that is processed row by row.</summary>
    internal static TensorType InferRows(TensorType matrix)
    {
        if (matrix.Rank == 0)
        {
            throw new EngineException("a scalar has no rows");
        }

        return matrix.DType.IsFloat()
            ? matrix with { KnownValue = null }
            : throw new EngineException($"{matrix.DType.Name()} is not floating point: cast it");
    }

    /// <summary>Returns the start and the length of each row.</summary>
    internal static IEnumerable<(int Start, int Count)> Rows(Shape shape)
    {
        int columns = shape[-1];
        return Enumerable.Range(0, shape.Product(0, shape.Rank - 1)).Select(row => (row * columns, columns));
    }

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
            T sum = RowMath<S, V, T>.ExactExpSum(x, RowMath<S, V, T>.Max(x, n), y, n);
            V divisor = S.Splat(sum);
            int i = 0;
            for (; i <= n - S.Count; i += S.Count)
            {
                S.Store(y + i, S.Div(S.Load(y + i), divisor));
            }

            if (i < n)
            {
                S.StorePartial(y + i, S.Div(S.LoadPartial(y + i, n - i), divisor), n - i);
            }
        }
    }
}

/// <summary>
/// Computes y·(g − Σ g·y) along the innermost axis: the gradient of y = softmax(x), given the gradient with respect to
/// y.
/// </summary>
internal sealed record SoftmaxGrad : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Softmax.SampleArgs(random).Select(arg =>
        new Sample(new SoftmaxGrad(), arg with { Low = 0, High = 1 }, arg with { Low = -2, High = 2 })
        {
            HasGradient = false,
        });

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable y, Variable g, Variable c) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        Shape last = [y.Rank - 1];
        return
        [
            (c * g) - (g * Symbolic.Sum(c * y, last, keepDims: true)) - (c * Symbolic.Sum(g * y, last, keepDims: true)),
            new SoftmaxGrad().Call(y, c),
        ];
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [Softmax.InferRows(inputs[0])];

    public override bool MayOverwrite(int input) => true;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        double[] y = inputs[0].Data, g = inputs[1].Data;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            DoubleDouble dot = Enumerable.Range(start, count)
                .Aggregate((DoubleDouble)0, (sum, i) => sum + DoubleDouble.Product(g[i], y[i]));
            for (int i = start; i < start + count; i++)
            {
                outputs[0].Data[i] = (y[i] * (g[i] - dot)).High;
            }
        }
    }

    public override double Ulps => 4;

    /// <summary>Returns the magnitudes of y·(g − Σ g·y) without the cancellation; Σ g·y may have underflowed.</summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        double[] y = inputs[0].Data, g = inputs[1].Data;
        var magnitudes = new NdArray(outputs[0].Shape);
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            DType dtype = outputs[0].DType;
            double dot = Rounding.Reached(
                dtype, Enumerable.Range(start, count).Sum(i => Rounding.Normal(dtype, g[i] * y[i])));
            for (int i = start; i < start + count; i++)
            {
                magnitudes.Data[i] = Math.Abs(y[i]) * Rounding.Reached(dtype, Math.Abs(g[i]) + dot);
            }
        }

        return [magnitudes];
    }

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<SoftmaxGradKernel<Element>>(step, a: 0, b: 1);

    public CudaLaunch[] Cuda(CudaStep step) => CudaRows.Launches(step, "softmax_gradient");

    private readonly struct Element : ISoftmaxGrad
    {
        public static bool IsWeighted => true;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static V Of<S, V, T>(V y, V g, V sum)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T> =>
            S.Mul(y, S.Sub(g, sum));
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Computes exp(x) / Σ exp(x) along the innermost axis: for a matrix, row by row. It uses the differences from the
    /// row's largest element, so that nothing overflows. A row with a NaN becomes all NaN.
    /// </summary>
    /// <exception cref="EngineException">x is a scalar or not floating point.</exception>
    public static Variable Softmax(Variable x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return new Softmax().Call(x);
    }
}
