using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// log Σ exp(x[i]) − x[i, label i] for each row i: the cross-entropy of the softmax of x, without computing it.
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

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int row = 0;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            double log = LogSoftmax.LogSumExp(inputs[0].Data.AsSpan(start, count));
            outputs[0][row] = log - inputs[0][row, (int)inputs[1][row]];
            row++;
        }
    }

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0, labels: 1);

    public CudaLaunch[] Cuda(CudaStep step) => CudaRows.Launches(step, "softmax_cross_entropy", hasLabels: true);

    private readonly struct Kernel : IRowKernel
    {
        public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
        {
            int n = operands.Columns, label = operands.Label(row);
            T* x = operands.A + ((long)row * n);
            T max = RowMath<S, V, T>.Max(x, n);

            // The greatest element's difference is taken first: both may be large.
            operands.Y[row] = (max - x[label]) + RowMath<S, V, T>.Log(RowMath<S, V, T>.ExpSum(x, max, null, n));
        }
    }
}

/// <summary>(softmax(x) − 1 at the label)·g for each row: the gradient of <see cref="SoftmaxCrossEntropy"/>.</summary>
internal sealed record SoftmaxCrossEntropyGrad : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => CrossEntropy.SampleShapes(random)
        .Append([new Arg([5, 17], Low: -900, High: 900), Arg.Int([5], 0, 17)])
        .Select(args => new Sample(new SoftmaxCrossEntropyGrad(), [.. args, new Arg([args[0].Shape[0]])])
        {
            HasGradient = false,
        })
        .Concat(CrossEntropy.Misuses(new SoftmaxCrossEntropyGrad(), new Arg([4])));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        CrossEntropy.InferLosses(inputs[0], inputs[1]);
        return [inputs[0]];
    }

    public override bool MayOverwrite(int input) => input == 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int row = 0;
        foreach ((int start, int count) in Softmax.Rows(inputs[0].Shape))
        {
            double log = LogSoftmax.LogSumExp(inputs[0].Data.AsSpan(start, count));
            for (int i = 0; i < count; i++)
            {
                double expected = i == (int)inputs[1][row] ? 1 : 0;
                outputs[0][row, i] = (Math.Exp(inputs[0][row, i] - log) - expected) * inputs[2][row];
            }

            row++;
        }
    }

    public Phase[] Cpu(CpuStep step) => RowLoop.Phases<Kernel>(step, a: 0, b: 2, labels: 1);

    public CudaLaunch[] Cuda(CudaStep step) =>
        CudaRows.Launches(step, "softmax_cross_entropy_gradient", hasLabels: true);

    private readonly struct Kernel : IRowKernel
    {
        public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
            where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
        {
            int n = operands.Columns, label = operands.Label(row);
            T* x = operands.A + ((long)row * n), dx = operands.Y + ((long)row * n);
            T g = operands.B[row];
            T sum = RowMath<S, V, T>.ExpSum(x, RowMath<S, V, T>.Max(x, n), dx, n);
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
        }
    }
}
