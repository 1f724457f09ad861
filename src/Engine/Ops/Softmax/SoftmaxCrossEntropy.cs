using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes log Σ exp(x[i]) − x[i, label i] for each row i: the cross-entropy of the softmax of x, without computing
/// it.
/// </summary>
internal sealed record SoftmaxCrossEntropy : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => CrossEntropy.SampleShapes(random)
        .Select(args => new Sample(new SoftmaxCrossEntropy(), args))
        .Append(new Sample(new SoftmaxCrossEntropy(), new Arg([5, 17], Low: -900, High: 900), Arg.Int([5], 0, 17)))
        .Concat(CrossEntropy.Misuses(new SoftmaxCrossEntropy()));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [CrossEntropy.InferLosses(inputs[0], inputs[1])];

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new SoftmaxCrossEntropyGrad().Call(node.Inputs[0], node.Inputs[1], outputGrads[0]!), null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        RowLoop.SoftmaxFlops * inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int row = 0;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            ExactRow exact = new(inputs[0].Data.AsSpan(start, count));
            outputs[0][row] = (exact.LogSum - exact.Difference((int)inputs[1][row])).High;
            row++;
        }
    }

    public override double Ulps => 4;

    /// <summary>
    /// Returns the losses' magnitudes, at least 1: the argument of the logarithm may be only slightly greater than 1.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        [new NdArray(outputs[0].Shape, [.. outputs[0].Data.Select(loss => Math.Max(1, Math.Abs(loss)))])];

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0, labels: 1);

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) => CudaRows.Launches(step, "softmax_cross_entropy", hasLabels: true);

    private readonly struct Kernel : IRowKernel
    {
        public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
        {
            int n = operands.Columns, label = operands.Label(row);
            T* x = operands.A + ((long)row * n);
            T max = RowMath<S, V, T>.Max(x, n);

            // The difference from the largest element comes first, because both may be large.
            operands.Y[row] = (max - x[label]) + RowMath<S, V, T>.Log(RowMath<S, V, T>.ExpSum(x, max, n));
        }
    }
}

/// <summary>
/// Computes (softmax(x) − 1 at the label)·g for each row: the gradient of <see cref="SoftmaxCrossEntropy"/>. Each row
/// has a g, or all rows share one.
/// </summary>
internal sealed record SoftmaxCrossEntropyGrad : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => SamplesOf(new SoftmaxCrossEntropyGrad(), random);

    internal static IEnumerable<Sample> SamplesOf(Op op, Random random) => CrossEntropy.SampleShapes(random)
        .Append([new Arg([5, 17], Low: -900, High: 900), Arg.Int([5], 0, 17)])
        .Append([new Arg([5, 17], Low: -40, High: 40), Arg.Int([5], 0, 17)])
        .SelectMany(args => (Arg[][])
            [[.. args, new Arg([args[0].Shape[0]])], [.. args, new Arg(Shape.Scalar)], [.. args, new Arg([1])]])
        .Select(args => new Sample(op, args) { HasGradient = false })
        .Concat(CrossEntropy.Misuses(op, new Arg([4])))
        .Append(new Sample(op, new Arg([4, 10]), Arg.Int([4], 0, 10), new Arg([3]))
        {
            Error = "3 gradients are neither one for each of the 4 rows nor one for all",
        });

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [InferGrad(inputs)];

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable x, Variable y, Variable g, Variable c) =
            (node.Inputs[0], node.Inputs[1], node.Inputs[2], outputGrads[0]!);
        Variable factors = g.Rank == 0 ? g : Symbolic.DimShuffle(g, 0, Symbolic.NewAxis);
        Variable perUnit = Symbolic.Sum(c * Call(x, y, Symbolic.Constant(1, x.DType)), [1]);
        return [new SoftmaxGrad().Call(Symbolic.Softmax(x), c * factors), null, Symbolic.SumTo(perUnit, g)];
    }

    internal static TensorType InferGrad(ReadOnlySpan<TensorType> inputs)
    {
        int rows = CrossEntropy.InferLosses(inputs[0], inputs[1]).Shape[0];
        if (inputs[2].Shape is { IsKnown: true, Count: var count and not 1 } && rows != Shape.Unknown && count != rows)
        {
            throw new EngineException($"{count} gradients are neither one for each of the {rows} rows nor one for all");
        }

        return inputs[0];
    }

    public override bool MayOverwrite(int input) => input == 0;

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        RowLoop.SoftmaxFlops * inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int row = 0;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            ExactRow exact = new(inputs[0].Data.AsSpan(start, count));
            for (int i = 0; i < count; i++)
            {
                double expected = i == (int)inputs[1][row] ? 1 : 0;
                outputs[0][row, i] = ((exact.Share(i) - expected) * inputs[2][row]).High;
            }

            row++;
        }
    }

    public override double Ulps => 4;

    /// <summary>
    /// Returns the magnitudes of (p − 1 at the label)·g without the cancellation; p may have underflowed. Nothing is
    /// promised if g is not a finite number.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var magnitudes = new NdArray(outputs[0].Shape);
        int row = 0;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            ExactRow exact = new(inputs[0].Data.AsSpan(start, count));
            for (int i = 0; i < count; i++)
            {
                double share = Rounding.Normal(outputs[0].DType, exact.Share(i).High);
                double g = double.IsFinite(inputs[2][row]) ? Math.Abs(inputs[2][row]) : double.NaN;
                magnitudes[row, i] = (share + (i == (int)inputs[1][row] ? 1 : 0)) * g;
            }

            row++;
        }

        return [magnitudes];
    }

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0, b: 2, labels: 1);

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) =>
        CudaRows.Launches(step, "softmax_cross_entropy_gradient", hasLabels: true);

    internal readonly struct Kernel : IRowKernel
    {
        public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T> =>
            Write<S, V, T>(operands, row);

        /// <summary>Writes a row of the gradient, and returns max x − x[label] and Σ exp(x − max x).</summary>
        public static unsafe (T Below, T Sum) Write<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
        {
            int n = operands.Columns, label = operands.Label(row);
            T* x = operands.A + ((long)row * n), dx = operands.Y + ((long)row * n);
            T max = RowMath<S, V, T>.Max(x, n), below = max - x[label], g = operands.Factor(row);
            T sum = RowMath<S, V, T>.ExactExpSum(x, max, dx, n);
            V factor = S.Splat(g / sum);
            int i = 0;
            for (; i <= n - S.Count; i += S.Count)
            {
                S.Store(dx + i, S.Mul(S.Load(dx + i), factor));
            }

            if (i < n)
            {
                S.StorePartial(dx + i, S.Mul(S.LoadPartial(dx + i, n - i), factor), n - i);
            }

            dx[label] -= g;
            return (below, sum);
        }
    }
}

/// <summary>
/// Computes the gradient of the cross-entropies of softmax(x), as <see cref="SoftmaxCrossEntropyGrad"/> does, and the
/// cross-entropies, as <see cref="SoftmaxCrossEntropy"/> does, in one pass over each row.
/// </summary>
internal sealed record SoftmaxCrossEntropyWithGrad : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) =>
        SoftmaxCrossEntropyGrad.SamplesOf(new SoftmaxCrossEntropyWithGrad(), random);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [SoftmaxCrossEntropyGrad.InferGrad(inputs), CrossEntropy.InferLosses(inputs[0], inputs[1])];

    public override bool MayOverwrite(int input) => input == 0;

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        RowLoop.SoftmaxFlops * inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        new SoftmaxCrossEntropyGrad().Reference(inputs, [outputs[0]]);
        new SoftmaxCrossEntropy().Reference(inputs, [outputs[1]]);
    }

    public override double Ulps => 4;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
    [
        .. new SoftmaxCrossEntropyGrad().Magnitudes(inputs, [outputs[0]]),
        .. new SoftmaxCrossEntropy().Magnitudes(inputs, [outputs[1]]),
    ];

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0, b: 2, labels: 1);

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) =>
        CudaRows.Launches(step, "softmax_cross_entropy_with_gradient", hasLabels: true);

    private readonly struct Kernel : IRowKernel
    {
        public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
        {
            (T below, T sum) = SoftmaxCrossEntropyGrad.Kernel.Write<S, V, T>(operands, row);
            operands.Z[row] = below + RowMath<S, V, T>.Log(sum);
        }
    }
}
