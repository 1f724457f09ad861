using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Computes −log p[i, label i] for each row i of a matrix of probabilities.</summary>
internal sealed record CrossEntropy : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 512;

    public static IEnumerable<Sample> Samples(Random random) =>
        SampleShapes(random)
            .Select(args => new Sample(new CrossEntropy(), args[0] with { Low = 0.1, High = 1 }, args[1]))
            .Concat(Misuses(new CrossEntropy()));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) =>
        [InferLosses(inputs[0], inputs[1])];

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new CrossEntropyGrad().Call(node.Inputs[0], node.Inputs[1], outputGrads[0]!), null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        for (int row = 0; row < inputs[0].Shape[0]; row++)
        {
            outputs[0][row] = -DoubleDouble.Log(inputs[0][row, (int)inputs[1][row]]).High;
        }
    }

    public override double Ulps => 3;

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    /// <summary>Returns matrices with one and with many classes, with their labels.</summary>
    internal static IEnumerable<Arg[]> SampleShapes(Random random)
    {
        int rows = Arg.Dimension(random), classes = Arg.Dimension(random, false);
        foreach (Shape shape in (Shape[])[
            [rows, classes], [rows, 10], [0, 0], [random.Next(400, 500), 33], [257, 1], [513, 1]])
        {
            yield return [new Arg(shape), Arg.Int([shape[0]], 0, shape[1])];
        }
    }

    internal static IEnumerable<Sample> Misuses(Op op, params Arg[] more)
    {
        Arg x = new([4, 10], Low: 0.1);
        yield return Misuse("label 12 at row 0 is outside 0…9", x, Arg.Int([4], 12, 13));
        yield return Misuse("label -1 at row 0 is outside 0…9", x, Arg.Int([4], -1, 0));
        yield return Misuse("5 labels are too many or too few for 4 rows", x, Arg.Int([5], 0, 10));
        yield return Misuse("must be a matrix", new Arg([4]), Arg.Int([4], 0, 10));
        yield return Misuse("must be an int32 vector", x, new Arg([4]));

        Sample Misuse(string error, params Arg[] args) => new(op, [.. args, .. more]) { Error = error };
    }

    /// <summary>Returns the type of one number for each row.</summary>
    internal static TensorType InferLosses(TensorType matrix, TensorType labels)
    {
        if (matrix.Rank != 2 || !matrix.DType.IsFloat())
        {
            throw new EngineException(
                "the first must be a matrix of floating-point numbers, a row a sample, a column a class");
        }

        if (labels.Rank != 1 || labels.DType != DType.Int32)
        {
            throw new EngineException("the labels must be an int32 vector");
        }

        int rows = matrix.Shape[0], count = labels.Shape[0];
        return rows == count || rows == Shape.Unknown || count == Shape.Unknown
            ? new TensorType(matrix.DType, [Math.Max(rows, count)])
            : throw new EngineException($"{count} labels are too many or too few for {rows} rows");
    }

    /// <summary>Returns a label after it checks that it is one of the classes.</summary>
    /// <exception cref="EngineException">It is not.</exception>
    internal static int Check(int label, int row, int classes, string origin) => (uint)label < (uint)classes
        ? label
        : throw new EngineException(Message(label, row, classes) + origin);

    internal static string Message(int label, int row, int classes) =>
        InvariantText.Of(
            $"The label {label} at row {row} is outside 0…{classes - 1}: the network has {classes} outputs.");

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) => [CudaRows.LaunchElements(step, "cross_entropy", step.Shape(0)[0])];

    private static unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* p = step.In<T>(0), y = step.Out<T>();
        int* labels = step.In<int>(1);
        int classes = step.Shape(0)[1];
        string origin = step.Origin;
        return
        [
            new Phase(step.Shape(0)[0], Grain, (start, end, _) =>
            {
                for (int row = start; row < end; row++)
                {
                    T probability = p[((long)row * classes) + Check(labels[row], row, classes, origin)];
                    y[row] = T.CreateTruncating(-Math.Log(double.CreateTruncating(probability)));
                }
            }),
        ];
    }
}

/// <summary>
/// Computes −g / p at the labels, otherwise 0: the gradient of the cross-entropy of probabilities p. A g of 0 gives 0,
/// even if p is 0.
/// </summary>
internal sealed record CrossEntropyGrad : Op, ICpuOp, ICudaOp, ISampled
{
    private const int Grain = 4096;

    public static IEnumerable<Sample> Samples(Random random) => CrossEntropy.SampleShapes(random)
        .Select(args => new Sample(
            new CrossEntropyGrad(), args[0] with { Low = 0.1, High = 1 }, args[1], new Arg([args[0].Shape[0]]))
        {
            HasGradient = false,
        })
        .Concat(CrossEntropy.Misuses(new CrossEntropyGrad(), new Arg([4])));

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable p, Variable y, Variable g, Variable c) =
            (node.Inputs[0], node.Inputs[1], node.Inputs[2], outputGrads[0]!);
        Variable one = (g * 0) + 1;
        return [-(c * node.Outputs[0] / p), null, Symbolic.Sum(c * new CrossEntropyGrad().Call(p, y, one), [1])];
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        CrossEntropy.InferLosses(inputs[0], inputs[1]);
        return [inputs[0]];
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        Array.Clear(outputs[0].Data);
        for (int row = 0; row < inputs[0].Shape[0]; row++)
        {
            int label = (int)inputs[1][row];
            double g = inputs[2][row];
            outputs[0][row, label] = g == 0 ? 0 : -g / inputs[0][row, label];
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    private static unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* p = step.In<T>(0), g = step.In<T>(2), dp = step.Out<T>();
        int* labels = step.In<int>(1);
        int classes = step.Shape(0)[1];
        string origin = step.Origin;
        return
        [
            new Phase(step.Shape(0)[0], Math.Max(1, Grain / Math.Max(classes, 1)), (start, end, _) =>
            {
                for (int row = start; row < end; row++)
                {
                    int label = CrossEntropy.Check(labels[row], row, classes, origin);
                    var target = new Span<T>(dp + ((long)row * classes), classes);
                    target.Clear();
                    target[label] = T.IsZero(g[row]) ? T.Zero : -g[row] / p[((long)row * classes) + label];
                }
            }),
        ];
    }

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) =>
        [CudaRows.LaunchElements(step, "cross_entropy_gradient", checked((int)step.OutShape().Count))];
}
