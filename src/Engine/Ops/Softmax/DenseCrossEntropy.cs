using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes a network's output layer, h·w + b, and applies <see cref="SoftmaxCrossEntropyWithGrad"/> to it. With
/// <paramref name="WithInputs"/> it also computes the gradient with respect to h: that of the layer's result times w
/// transposed.
/// </summary>
/// <remarks>
/// The inputs are h (rows, units), w (units, classes), an optional b (classes), the labels and the factors. The outputs
/// are the gradient of the layer's result, the losses, and the gradient of h.
/// </remarks>
internal sealed record DenseCrossEntropy(bool HasBias, bool WithInputs) : Op, ICpuOp, ICudaEpilogueOp, ISampled
{
    private const int Threads = 256, RowsPerBlock = Threads / 32;

    /// <summary>
    /// The maximum number of classes, for each of which a thread keeps a sum, and of bytes of weights in a block.
    /// </summary>
    private const int MaxClasses = 32, MaxBytes = 36 * 1024;

    private static readonly Dot s_product = new(false, false), s_transposed = new(false, true);
    private static readonly SoftmaxCrossEntropyWithGrad s_loss = new();

    private int Labels => HasBias ? 3 : 2;

    public static IEnumerable<Sample> Samples(Random random)
    {
        int rows = Arg.Dimension(random), units = Arg.Dimension(random);
        (int, int, int)[] shapes = [(rows, units, 10), (9, 70, 3), (257, 5, 1), (17, 33, 32), (0, 4, 2)];
        foreach ((int m, int k, int n) in shapes)
        {
            Arg h = new([m, k]), w = new([k, n]), b = new([n]);
            Arg labels = Arg.Int([m], 0, n), each = new([m]), one = new([1]);
            yield return new Sample(new DenseCrossEntropy(true, true), h, w, b, labels, each) { HasGradient = false };
            yield return new Sample(new DenseCrossEntropy(true, false), h, w, b, labels, one) { HasGradient = false };
            yield return new Sample(new DenseCrossEntropy(false, true), h, w, labels, one) { HasGradient = false };
        }

        foreach (Sample misuse in CrossEntropy.Misuses(new DenseCrossEntropy(false, false), new Arg([4])).Where(
            misuse => misuse.Args[0].Shape.Rank == 2))
        {
            // There, the first argument is a layer's result. Here it is h, and w keeps the number of columns.
            yield return misuse with { Args = [misuse.Args[0], new Arg([10, 10]), .. misuse.Args.Skip(1)] };
        }
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType result = s_product.Infer(inputs[..2])[0];
        if (HasBias && (inputs[2].DType != result.DType || inputs[2].Rank != 1))
        {
            throw new EngineException("the bias must be a vector of the weights' type");
        }

        IReadOnlyList<TensorType> ofLoss = s_loss.Infer([result, inputs[Labels], inputs[Labels + 1]]);
        return WithInputs ? [.. ofLoss, inputs[0]] : ofLoss;
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        ((WithInputs ? 2 : 1) * 2 * outputs[0].Shape.Count * inputs[0].Shape[1])
        + (RowLoop.SoftmaxFlops * outputs[0].Shape.Count);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        s_loss.Reference([Result(inputs), inputs[Labels], inputs[Labels + 1]], [outputs[0], outputs[1]]);
        if (WithInputs)
        {
            s_transposed.Reference([outputs[0], inputs[1]], [outputs[2]]);
        }
    }

    public override double Ulps => 4;

    /// <summary>
    /// Returns the magnitudes. The layer's result is rounded according to its terms' magnitude; the softmax and its
    /// logarithm follow.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        NdArray result = Result(inputs);
        NdArray terms = Result([.. inputs.Take(Labels).Select(Absolute)]);
        IReadOnlyList<NdArray> own =
            s_loss.Magnitudes([result, inputs[Labels], inputs[Labels + 1]], [outputs[0], outputs[1]]);
        int classes = result.Shape[1];
        for (int row = 0; row < result.Shape[0]; row++)
        {
            double max = Rounding.Reached(inputs[0].DType, terms.Data.AsSpan(row * classes, classes).ToArray().Max());
            own[1].Data[row] += 2 * max;

            // Where the errors of the scores decide which is the largest, a probability may be anything from 0 to 1,
            // and where scores overflow, also NaN.
            double weight = Math.Abs(inputs[Labels + 1][row]), epsilon = Rounding.Epsilon(inputs[0].DType);
            bool isOpen = Ulps * epsilon * max > 0.1;
            for (int i = 0; i < classes; i++)
            {
                double share = Math.Abs(own[0][row, i]);
                own[0][row, i] = double.IsInfinity(max) ? double.NaN
                    : share + (isOpen ? weight / epsilon : 2 * max * Math.Min(share, weight));
            }
        }

        if (!WithInputs)
        {
            return own;
        }

        var ofInputs = new NdArray(outputs[2].Shape);
        s_transposed.Reference([own[0], Absolute(inputs[1])], [ofInputs]);
        return [.. own, ofInputs];

        static NdArray Absolute(NdArray x) => new(x.Shape, [.. x.Data.Select(Math.Abs)], x.DType);
    }

    /// <summary>Returns the phases of the ops, one after the other.</summary>
    public Phase[] Cpu(CpuStep step)
    {
        StepOperands own = step.Operands;
        MemoryRange all = own.Workspace!;
        long bytes = ResultBytes(step.Types.Outputs[0]);
        var result = new Operand(all.Storage, all.Offset, own.Outputs[0].Type);
        MemoryRange? rest = all.Bytes > bytes ? new(all.Storage, all.Offset + bytes, all.Bytes - bytes) : null;
        List<Phase> phases = [.. Phases(s_product, [own.Inputs[0], own.Inputs[1]], [result])];
        if (HasBias)
        {
            phases.AddRange(Phases(new Binary<Add>(), [result, own.Inputs[2]], [result]));
        }

        phases.AddRange(Phases(
            s_loss, [result, own.Inputs[Labels], own.Inputs[Labels + 1]], [own.Outputs[0], own.Outputs[1]]));
        return WithInputs
            ? [.. phases, .. Phases(s_transposed, [own.Outputs[0], own.Inputs[1]], [own.Outputs[2]])]
            : [.. phases];

        Phase[] Phases(ICpuOp op, Operand[] inputs, Operand[] outputs) =>
            op.Cpu(new CpuStep(own with { Inputs = inputs, Outputs = outputs, Workspace = rest }, step.Threads));
    }

    public long CpuWorkspace(CpuStepTypes step)
    {
        (OperandType h, OperandType w, OperandType result) = (step.Inputs[0], step.Inputs[1], step.Outputs[0]);
        long product = s_product.CpuWorkspace(step with { Inputs = [h, w], Outputs = [result] });
        long transposed = WithInputs
            ? s_transposed.CpuWorkspace(step with { Inputs = [result, w], Outputs = [step.Outputs[2]] })
            : 0;
        return ResultBytes(step.Outputs[0]) + Math.Max(1, Math.Max(product, transposed));
    }

    public bool TakesRows(int input) => true;

    /// <summary>
    /// Returns whether one kernel can compute it: there are few classes, and the weights fit into a block.
    /// </summary>
    public static bool Takes(TensorType weights) => weights.Shape[1] is >= 1 and <= MaxClasses
        && SharedBytes(weights.Shape, weights.DType) <= MaxBytes;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues)
    {
        (int rows, int units, int classes) = (step.Shape(0)[0], step.Shape(0)[1], step.Shape(1)[1]);
        CudaEpilogue gradient = epilogues[0]?.Epilogue("x", $"(i) * {classes} + (j)") ?? CudaEpilogue.None;
        CudaEpilogue? loss = epilogues[1]?.Epilogue("x", "i");
        CudaEpilogue? input = WithInputs ? epilogues[2]?.Epilogue("x", $"(i) * {units} + (j)") : null;
        CudaEpilogue all = gradient.And(loss).And(input);
        (ulong fault, int code) = step.Fault((label, row) => CrossEntropy.Message(label, row, classes));
        var kernel = new CudaKernel(
            "dense_cross_entropy.cu",
            "dense_cross_entropy",
            [
                $"T {step.DType(0).Cuda()}",
                $"CLASSES {classes}",
                $"UNITS {units}",
                $"BIAS {(HasBias ? 1 : 0)}",
                $"INPUTS {(WithInputs ? 1 : 0)}",
                .. all.Defines("EPILOGUE(x, i, j)", gradient.Text),
                .. CudaEpilogue.Define("LOSS_EPILOGUE(x, i)", loss?.Text ?? ""),
                .. CudaEpilogue.Define("INPUT_EPILOGUE(x, i, j)", input?.Text ?? ""),
            ])
        {
            Shared = SharedBytes(step.Shape(1), step.DType(1)),
        };
        return
        [
            kernel.Launch(
                CudaTypes.Blocks(rows, RowsPerBlock), Threads,
                [
                    step.In(0), step.In(1), HasBias ? step.In(2) : 0UL, step.In(Labels), step.In(Labels + 1),
                    step.Out(), step.Out(1), WithInputs ? step.Out(2) : 0UL, rows,
                    step.Shape(Labels + 1).Count == 1 ? 0 : 1, fault, code, .. all.Arguments,
                ]),
        ];
    }

    /// <summary>Returns the bytes of the weights with an odd number of columns, as the kernel stores them.</summary>
    private static int SharedBytes(Shape weights, DType dtype) =>
        weights[0] * 4 * (((weights[1] + 3) / 4) | 1) * dtype.Size();

    private NdArray Result(IReadOnlyList<NdArray> inputs)
    {
        var result = new NdArray([inputs[0].Shape[0], inputs[1].Shape[1]]);
        s_product.Reference([inputs[0], inputs[1]], [result]);
        for (int i = 0; HasBias && i < result.Data.Length; i++)
        {
            result.Data[i] += inputs[2].Data[i % result.Shape[1]];
        }

        return result;
    }

    private static long ResultBytes(OperandType result)
    {
        const long Alignment = 64;
        return ((result.Shape.Count * result.DType.Size()) + Alignment - 1) / Alignment * Alignment;
    }
}
