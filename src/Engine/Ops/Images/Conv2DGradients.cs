using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes the gradient of a convolution with respect to the images, from the filters and the gradient with respect to
/// the result. It reads only the shape of the images, the third input.
/// </summary>
internal sealed record Conv2DInputGradient(Conv2D Of) : Op, IProduct, ICpuEpilogueOp, ICudaEpilogueOp, ISampled
{
    public override string Name => "conv2DInputGradient" + Of.PathSuffix;

    public static IEnumerable<Sample> Samples(Random random) => Conv2D.Cases(random)
        .Select(each => new Sample(
            new Conv2DInputGradient(each.Op),
            new Arg(each.Filters),
            new Arg(each.Op.Infer(Types(each.Images, each.Filters))[0].Shape),
            new Arg(each.Images)))
        .Concat(Conv2D.Halves.Select(dtype => new Sample(
            new Conv2DInputGradient(Conv2D.Strided),
            new Arg(Conv2D.StridedFilters, dtype),
            new Arg(Conv2D.StridedResult, dtype),
            new Arg(Conv2D.StridedImages, dtype))
        {
            HasGradient = false,
            NeedsTensorCores = true,
        }))
        .Append(new Sample(
            new Conv2DInputGradient(new Conv2D((1, 1), (0, 0), true)),
            new Arg([2, 1, 2, 2]),
            new Arg([1, 2, 4, 4]),
            new Arg([1, 1, 4, 4]))
        {
            Error = "the result has the shape (1, 2, 3, 3)",
        });

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        CheckResult(Of, inputs[2] with { DType = inputs[0].DType }, inputs[0], inputs[1]);
        return [inputs[2] with { DType = inputs[0].DType.Computes() }];
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable w, Variable dy, Variable g) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        return [new Conv2DWeightsGradient(Of, WithBias: false).Call(g, dy, w), Of.Call(g, w), null];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Of.ConvShape(outputs[0].Shape, inputs[0].Shape).Flops;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray w, NdArray dy, NdArray dx) = (inputs[0], inputs[1], outputs[0]);
        var sums = new DoubleDoubles(dx);
        Of.ForEachTerm(
            dx.Shape, w.Shape, dy.Shape, (i, j, k) => sums.Add(i, DoubleDouble.Product(w.Data[j], dy.Data[k])));
        sums.Round();
    }

    internal override int TensorOperands => 2;

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Of.OfPath(inputs, numbers => OfMagnitudes(numbers, outputs));

    public Phase[] Cpu(CpuStep step, CpuEpilogue? epilogue) =>
        step.DType(0) == DType.Float32 ? Loop<float>(step, epilogue) : Loop<double>(step, epilogue);

    public long CpuWorkspace(CpuStepTypes step) => Of.WorkspaceBytes(
        ConvolutionPass.InputGradient, step, Of.ConvShape(step.Outputs[0].Shape, step.Inputs[0].Shape));

    public string CpuPath(CpuStepTypes step) => Of.DescribePath(
        ConvolutionPass.InputGradient, step, Of.ConvShape(step.Outputs[0].Shape, step.Inputs[0].Shape));

    public bool TakesEpilogues(CudaStepTypes step) => !Cuda(step).General.IsFasterForInputGradient;

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues)
    {
        (CudaConvolution convolution, CudaColumns columns) = Cuda(step.Types);
        return columns.IsFasterForInputGradient
            ? columns.InputGradient(step.In(0), step.In(1), step.Out(), step.Workspace)
            :
            [
                convolution.InputGradient(
                    step.In(0), step.In(1), 0, step.Out(), step.Workspace,
                    epilogues[0]?.Epilogue("x", convolution.ImagesIndex)),
            ];
    }

    public long CudaWorkspace(CudaStepTypes step)
    {
        (CudaConvolution convolution, CudaColumns columns) = Cuda(step);
        return columns.IsFasterForInputGradient
            ? columns.Workspace
            : convolution.InputGradientWorkspace;
    }

    private (CudaConvolution Implicit, CudaColumns General) Cuda(CudaStepTypes step)
    {
        ConvShape shape = Of.ConvShape(step.Outputs[0].Shape, step.Inputs[0].Shape);
        DType dtype = step.Inputs[0].DType;
        return (
            new CudaConvolution(shape, dtype, TensorFloat32: step.TensorFloat32),
            new CudaColumns(shape, dtype, step.TensorFloat32));
    }

    internal static TensorType[] Types(params Shape[] shapes) =>
        [.. shapes.Select(shape => new TensorType(DType.Float32, shape))];

    internal static void CheckResult(Conv2D of, TensorType x, TensorType w, TensorType dy)
    {
        TensorType result = of.Infer([x, w])[0];
        if (dy.DType != x.DType || !result.Shape.Admits(dy.Shape))
        {
            throw new EngineException($"the result has the shape {result.Shape}");
        }
    }

    private unsafe Phase[] Loop<T>(CpuStep step, CpuEpilogue? epilogue)
        where T : unmanaged, INumber<T> => Convolution.GradInput(
        Of.ConvShape(step.OutShape(), step.Shape(0)),
        Of.Path,
        step.In<T>(0),
        step.In<T>(1),
        step.Out<T>(),
        step.Workspace,
        step.Threads,
        epilogue);
}

/// <summary>
/// Computes the gradient of a convolution with respect to the filters and, as the second output, to the bias, if there
/// is one. It reads the images and the gradient with respect to the result, and only the shape of the filters, the
/// third input.
/// </summary>
internal sealed record Conv2DWeightsGradient(Conv2D Of, bool WithBias) : Op, IProduct, ICpuOp, ICudaEpilogueOp, ISampled
{
    public override string Name => "conv2DWeightsGradient" + Of.PathSuffix;

    public static IEnumerable<Sample> Samples(Random random) => Conv2D.Cases(random)
        .SelectMany(each => (Sample[])[Example(each, withBias: false), Example(each, withBias: true)])
        .Concat(Conv2D.Halves.Select(dtype => new Sample(
            new Conv2DWeightsGradient(Conv2D.Strided, WithBias: true),
            new Arg(Conv2D.StridedImages, dtype),
            new Arg(Conv2D.StridedResult, dtype),
            new Arg(Conv2D.StridedFilters, dtype))
        {
            HasGradient = false,
            NeedsTensorCores = true,
        }))
        .Append(new Sample(
            new Conv2DWeightsGradient(new Conv2D((1, 1), (0, 0), true), WithBias: true),
            new Arg([1, 1, 4, 4]),
            new Arg([1, 2, 4, 4]),
            new Arg([2, 1, 2, 2]))
        {
            Error = "the result has the shape (1, 2, 3, 3)",
        });

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType w = inputs[2] with { DType = inputs[0].DType };
        Conv2DInputGradient.CheckResult(Of, inputs[0], w, inputs[1]);
        w = w with { DType = w.DType.Computes() };
        return WithBias ? [w, w with { Shape = [w.Shape[0]] }] : [w];
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable x, Variable dy) = (node.Inputs[0], node.Inputs[1]);
        Variable? toImages = null, toResult = null;
        if (outputGrads[0] is { } w)
        {
            toImages = new Conv2DInputGradient(Of).Call(w, dy, x);
            toResult = Of.Call(x, w);
        }

        if (WithBias && outputGrads[1] is { } b)
        {
            Variable planes = Symbolic.BroadcastLike(
                Symbolic.DimShuffle(b, Symbolic.NewAxis, 0, Symbolic.NewAxis, Symbolic.NewAxis), dy);
            toResult = toResult is null ? planes : Symbolic.Add(toResult, planes);
        }

        return [toImages, toResult, null];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Of.ConvShape(inputs[0].Shape, outputs[0].Shape).Flops;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray x, NdArray dy, NdArray dw) = (inputs[0], inputs[1], outputs[0]);
        var sums = new DoubleDoubles(dw);
        Of.ForEachTerm(
            x.Shape, dw.Shape, dy.Shape, (i, j, k) => sums.Add(j, DoubleDouble.Product(x.Data[i], dy.Data[k])));
        sums.Round();
        if (WithBias)
        {
            var ofBias = new DoubleDoubles(outputs[1]);
            foreach (int[] index in NdArray.Indices(dy.Shape))
            {
                ofBias.Add(index[1], dy[index]);
            }

            ofBias.Round();
        }
    }

    internal override int TensorOperands => 2;

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Of.OfPath(inputs, numbers => OfMagnitudes(numbers, outputs));

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Of.WorkspaceBytes(
        ConvolutionPass.WeightsGradient, step, Of.ConvShape(step.Inputs[0].Shape, step.Outputs[0].Shape));

    public string CpuPath(CpuStepTypes step) => Of.DescribePath(
        ConvolutionPass.WeightsGradient, step, Of.ConvShape(step.Inputs[0].Shape, step.Outputs[0].Shape));

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T> => Convolution.GradWeights(
        Of.ConvShape(step.Shape(0), step.OutShape()),
        Of.Path,
        step.In<T>(0),
        step.In<T>(1),
        step.Out<T>(),
        WithBias ? step.Out<T>(1) : null,
        step.Workspace,
        step.Threads);

    private static Sample Example((Conv2D Op, Shape Images, Shape Filters) each, bool withBias) => new(
        new Conv2DWeightsGradient(each.Op, withBias),
        new Arg(each.Images),
        new Arg(each.Op.Infer(Conv2DInputGradient.Types(each.Images, each.Filters))[0].Shape),
        new Arg(each.Filters));

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues) =>
    [
        Cuda(step.Types).WeightsGradient(
            step.In(0), step.In(1), 0, step.Out(), WithBias ? step.Out(1) : 0, step.Workspace,
            epilogues[0], WithBias ? epilogues[1] : null),
    ];

    public long CudaWorkspace(CudaStepTypes step) => Cuda(step).WeightsGradientWorkspace(WithBias);

    private CudaConvolution Cuda(CudaStepTypes step) =>
        new(
            Of.ConvShape(step.Inputs[0].Shape, step.Outputs[0].Shape), step.Inputs[0].DType,
            TensorFloat32: step.TensorFloat32);
}
