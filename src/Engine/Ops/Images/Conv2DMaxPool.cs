using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes a convolution of stride 1 and the max pooling of its result in windows of 2 × 2, in one pass. The outputs
/// are those of <see cref="MaxPool2D"/>, or only the first if nothing reads the argmax indices.
/// </summary>
internal sealed record Conv2DMaxPool(Conv2D Convolution, bool WithArgmax = true) : Op, ICpuOp, ICudaEpilogueOp, ISampled
{
    /// <summary>Gets the windows.</summary>
    public static Window Window { get; } = new((2, 2), (2, 2), (0, 0), true);

    public override string Name => "conv2DMaxPool" + Convolution.PathSuffix;

    public static IEnumerable<Sample> Samples(Random random) => Cases(random)
        .SelectMany(each => (Sample[])
        [
            // Integers, so that every device finds the same maximum.
            Of(each.Op, Whole(each.Images), Whole(each.Filters)),
            Of(each.Op, Whole(each.Images), Whole(each.Filters), Whole([each.Filters[0]])),
            new(new Conv2DMaxPool(each.Op, WithArgmax: false), Whole(each.Images), Whole(each.Filters))
            {
                HasGradient = false,
            },
        ])
        .Concat(
        [
            Misuse([1, 1, 3, 3], [1, 1, 3, 3], 1, "images of 1 by 1 are smaller than the pool (2, 2)"),
            Misuse([1, 1, 6, 6], [1, 1, 2, 2], 2, "it takes convolutions of stride (1, 1)"),
            Misuse([1, 0, 6, 6], [1, 0, 2, 2], 1, "it takes images and filters that are not empty"),
        ]);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (Convolution.Stride != (1, 1))
        {
            throw new EngineException("it takes convolutions of stride (1, 1)");
        }

        TensorType pooled = Window.Infer(Convolution.Infer(inputs)[0]);
        return inputs[1].Shape[0] != 0 && inputs[1].Shape[1] != 0 && inputs[0].Shape[1] != 0
            ? WithArgmax ? [pooled, pooled with { DType = DType.Int32 }] : [pooled]
            : throw new EngineException("it takes images and filters that are not empty");
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable x, Variable w, Variable argmax) = (node.Inputs[0], node.Inputs[1], node.Outputs[1]);
        var gradients = new Conv2DMaxPoolGradients(Convolution, true, node.Inputs.Count > 2, WithImages: true);
        IReadOnlyList<Variable> results = gradients.Apply(x, w, outputGrads[0]!, argmax).Outputs;
        return [results[^1], .. results.SkipLast(1)];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Convolution.ConvShape(inputs[0].Shape, inputs[1].Shape).Flops + Whole(inputs[0].Shape, inputs[1].Shape).Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var whole = new NdArray(Whole(inputs[0].Shape, inputs[1].Shape));
        Convolution.Reference(inputs, [whole]);
        new MaxPool2D(Window).Reference([whole], WithArgmax ? outputs : [outputs[0], new NdArray(outputs[0].Shape)]);
    }

    internal override int TensorOperands => 2;

    public override double Ulps => Convolution.Ulps;

    /// <summary>
    /// Returns the magnitudes of the convolution. The magnitude of an index is infinite if rounding decides between two
    /// elements of a window.
    /// </summary>
    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var whole = new NdArray(Whole(inputs[0].Shape, inputs[1].Shape));
        Convolution.Reference(inputs, [whole]);
        double[] x = whole.Data, terms = Convolution.Magnitudes(inputs, [whole])[0].Data;
        double error = Ulps * Math.Sqrt(2 * inputs[1].Shape.Product(1, 4)) * Rounding.Epsilon(inputs[0].DType);
        NdArray[] magnitudes = [.. outputs.Select(output => new NdArray(output.Shape))];
        Window.ForEach(whole.Shape, outputs[0].Shape, (at, inside, _) =>
        {
            int largest = inside.Aggregate((best, i) => MaxPool2D.IsGreater(x[i], x[best]) ? i : best);
            magnitudes[0].Data[at] = inside.Max(i => terms[i]);
            if (WithArgmax && inside.Any(i =>
                i != largest && x[largest] - x[i] <= error * (terms[largest] + terms[i]) && terms[i] > 0))
            {
                magnitudes[1].Data[at] = double.PositiveInfinity;
            }
        });
        return Conv2D.OfNumbers(inputs, magnitudes);
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step)
    {
        ConvShape shape = Convolution.ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape);
        return step.Inputs[0].DType == DType.Float32
            ? PooledConvolution.ForwardBytes<float>(shape, Convolution.Path, step.Threads)
            : PooledConvolution.ForwardBytes<double>(shape, Convolution.Path, step.Threads);
    }

    public string CpuPath(CpuStepTypes step)
    {
        ConvShape shape = Convolution.ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape);
        return Convolution.Path == ConvolutionPath.Columns
            ? $"tiles of windows, of which only the maxima are stored: {Devices.Cpu.Convolution.WhyNotWinograd(shape)}"
            : $"{Convolution.DescribePath(ConvolutionPass.Forward, step, shape)}; only the maxima are stored";
    }

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues)
    {
        CudaEpilogue? bias = step.InputCount > 2 ? new("x += bias[filter];", ("const T* bias", step.In(2))) : null;
        // The kernel always stores the argmax indices. If nothing reads them, they go behind its workspace.
        ulong argmax = WithArgmax ? step.Out(1) : step.Workspace + (ulong)Cuda(step.Types).ForwardWorkspace;
        return
        [
            Cuda(step.Types).Forward(
                step.In(0), step.In(1), step.Out(0), argmax, step.Workspace, bias, epilogues[0]?.Epilogue("x", "at")),
        ];
    }

    public long CudaWorkspace(CudaStepTypes step) =>
        Cuda(step).ForwardWorkspace + (WithArgmax ? 0 : step.Outputs[0].Shape.Count * sizeof(int));

    private CudaConvolution Cuda(CudaStepTypes step) => new(
        Convolution.ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape), step.Inputs[0].DType, Pools: true,
        step.TensorFloat32);

    /// <summary>Returns the shape of the convolution's result, before it is pooled.</summary>
    internal Shape Whole(Shape images, Shape filters)
    {
        ConvShape shape = Convolution.ConvShape(images, filters);
        return [shape.N, shape.O, shape.OH, shape.OW];
    }

    /// <summary>
    /// Returns configurations, with the shapes of the images and the filters, that reach every branch.
    /// </summary>
    internal static IEnumerable<(Conv2D Op, Shape Images, Shape Filters)> Cases(Random random)
    {
        int n = random.Next(1, 4), c = random.Next(2, 4), o = random.Next(1, 5);
        int h = random.Next(4, 9), w = random.Next(4, 9);
        yield return (new Conv2D((1, 1), (0, 0), true), [n, c, h, w], [o, c, 3, 3]);
        yield return (new Conv2D((1, 1), (0, 0), false), [n, 1, h, w], [o, 1, 2, 3]);
        yield return (new Conv2D((1, 1), (2, 1), true), [n, c, h, w], [o, c, 5, 4]);
        yield return (new Conv2D((1, 1), (1, 1), true), [n, 1, h, w], [o, 1, 3, 3]);
        yield return (new Conv2D((1, 1), (0, 0), false), [2, 5, 7, 17], [18, 5, 2, 2]);
        yield return (new Conv2D((1, 1), (0, 0), true), [34, 1, 5, 4], [2, 1, 2, 2]);
        yield return (
            new Conv2D((1, 1), (0, 1), true) { Path = ConvolutionPath.Winograd2 }, [n, c, h, w], [o, c, 3, 3]);
        yield return (new Conv2D((1, 1), (0, 0), true), [0, c, h, w], [o, c, 2, 2]);

        // More planes than a block of a GPU holds at once, and images that it cannot hold at all.
        yield return (new Conv2D((1, 1), (0, 0), true), [2, 40, 14, 15], [3, 40, 2, 2]);
        yield return (new Conv2D((1, 1), (1, 0), true), [1, 1, 52, 53], [2, 1, 3, 3]);
    }

    private static Sample Of(Conv2D convolution, params Arg[] args) =>
        new(new Conv2DMaxPool(convolution), args) { HasGradient = false };

    private static Arg Whole(Shape shape) => new(shape, Low: -4, High: 5, Whole: true);

    private static Sample Misuse(Shape x, Shape w, int stride, string error) =>
        new(new Conv2DMaxPool(new Conv2D((stride, stride), (0, 0), true)), new Arg(x), new Arg(w)) { Error = error };

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T> => PooledConvolution.Forward(
        Convolution.ConvShape(step.Shape(0), step.Shape(1)),
        Convolution.Path,
        step.In<T>(0),
        step.In<T>(1),
        step.InputCount > 2 ? step.In<T>(2) : null,
        step.Out<T>(),
        WithArgmax ? step.Out<int>(1) : null,
        step.Workspace,
        step.Threads);
}

/// <summary>
/// Computes the gradients of <see cref="Conv2DMaxPool"/> with respect to the requested ones of filters, bias (only with
/// the filters) and images, in this order. The inputs are the images, the filters, the gradient with respect to the
/// result, and the argmax indices.
/// </summary>
internal sealed record Conv2DMaxPoolGradients(Conv2D Of, bool WithFilters, bool WithBias, bool WithImages)
    : Op, ICpuOp, ICudaEpilogueOp, ISampled
{
    private static readonly (bool WithFilters, bool WithBias, bool WithImages)[] s_kinds =
        [(true, false, true), (true, true, false), (true, true, true), (false, false, true)];

    public override string Name => "conv2DMaxPoolGradients" + Of.PathSuffix;

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach ((Conv2D op, Shape x, Shape w) in Conv2DMaxPool.Cases(random))
        {
            Shape whole = new Conv2DMaxPool(op).Whole(x, w);
            Shape pooled = Conv2DMaxPool.Window.Infer(new TensorType(DType.Float32, whole)).Shape;
            var argmax = new Arg(
                pooled, DType.Int32,
                Values: MaxPool2DGradient.RandomArgmax(Conv2DMaxPool.Window, whole, pooled, random));
            foreach ((bool filters, bool bias, bool images) in s_kinds)
            {
                yield return new Sample(
                    new Conv2DMaxPoolGradients(op, filters, bias, images),
                    new Arg(x), new Arg(w), new Arg(pooled), argmax)
                {
                    HasGradient = false,
                };
            }
        }

        yield return new Sample(
            new Conv2DMaxPoolGradients(new Conv2D((1, 1), (0, 0), true), true, true, true),
            new Arg([1, 1, 6, 6]), new Arg([1, 1, 3, 3]), new Arg([1, 1, 4, 4]), Arg.Int([1, 1, 4, 4], 0, 1))
        {
            Error = "the pooled images are (1, 1, 2, 2)",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        // An operand that is not read may have another dtype.
        DType dtype = inputs[2].DType;
        TensorType Read(TensorType input, int i) => Reads(i) ? input : input with { DType = dtype };
        TensorType pooled = new Conv2DMaxPool(Of).Infer([Read(inputs[0], 0), Read(inputs[1], 1)])[0];
        if (dtype.Computes() != pooled.DType || !pooled.Shape.Admits(inputs[2].Shape)
            || inputs[3].DType != DType.Int32 || !pooled.Shape.Admits(inputs[3].Shape))
        {
            throw new EngineException($"the pooled images are {pooled.Shape}");
        }

        List<TensorType> types = WithFilters ? [inputs[1] with { DType = pooled.DType }] : [];
        if (WithBias)
        {
            types.Add(new TensorType(pooled.DType, [inputs[1].Shape[0]]));
        }

        if (WithImages)
        {
            types.Add(inputs[0] with { DType = pooled.DType });
        }

        return types;
    }

    public override bool Reads(int input) => input switch
    {
        0 => WithFilters,
        1 => WithImages,
        _ => true,
    };

    /// <summary>Only the largest element of each window has a gradient.</summary>
    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        (WithImages ? 2 : 1) * 2 * inputs[2].Shape.Count * Of.ConvShape(inputs[0].Shape, inputs[1].Shape).Taps;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray x, NdArray w) = (inputs[0], inputs[1]);
        var dy = new NdArray(new Conv2DMaxPool(Of).Whole(x.Shape, w.Shape));
        new MaxPool2DGradient(Conv2DMaxPool.Window).Reference([inputs[2], inputs[3]], [dy]);
        if (WithFilters)
        {
            new Conv2DWeightsGradient(Of, WithBias).Reference([x, dy, w], outputs);
        }

        if (WithImages)
        {
            new Conv2DInputGradient(Of).Reference([w, dy, x], [outputs[^1]]);
        }
    }

    internal override int TensorOperands => 3;

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Conv2D.OfNumbers(inputs, OfMagnitudes(inputs, outputs));

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step)
    {
        ConvShape shape = Of.ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape);
        return step.Inputs[0].DType == DType.Float32
            ? PooledConvolution.GradientBytes<float>(shape, Of.Path, step.Threads)
            : PooledConvolution.GradientBytes<double>(shape, Of.Path, step.Threads);
    }

    public string CpuPath(CpuStepTypes step)
    {
        ConvShape shape = Of.ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape);
        return PooledConvolution.IsSparse(shape, Of.Path)
            ? "of the maxima alone, a quarter of the pixels"
            : Of.DescribePath(
                WithFilters ? ConvolutionPass.WeightsGradient : ConvolutionPass.InputGradient, step, shape);
    }

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues)
    {
        CudaConvolution convolution = Cuda(step.Types);
        (ulong x, ulong w, ulong g, ulong argmax) = (step.In(0), step.In(1), step.In(2), step.In(3));
        List<CudaLaunch> launches = [];
        if (WithImages)
        {
            launches.Add(convolution.InputGradient(
                w, g, argmax, step.Out(step.OutputCount - 1), step.Workspace,
                epilogues[^1]?.Epilogue("x", convolution.ImagesIndex)));
        }

        if (WithFilters)
        {
            ulong workspace = step.Workspace + (ulong)(WithImages ? convolution.InputGradientWorkspace : 0);
            launches.Add(convolution.WeightsGradient(
                x, g, argmax, step.Out(), WithBias ? step.Out(1) : 0, workspace,
                epilogues[0], WithBias ? epilogues[1] : null));
        }

        return [.. launches];
    }

    public long CudaWorkspace(CudaStepTypes step)
    {
        CudaConvolution convolution = Cuda(step);
        return (WithImages ? convolution.InputGradientWorkspace : 0)
            + (WithFilters ? convolution.WeightsGradientWorkspace(WithBias) : 0);
    }

    private CudaConvolution Cuda(CudaStepTypes step) =>
        new(
            Of.ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape), step.Inputs[2].DType, Pools: true,
            step.TensorFloat32);

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T> => PooledConvolution.Gradients(
        Of.ConvShape(step.Shape(0), step.Shape(1)),
        Of.Path,
        step.In<T>(0),
        step.In<T>(1),
        step.In<T>(2),
        step.In<int>(3),
        WithFilters ? step.Out<T>() : null,
        WithBias ? step.Out<T>(1) : null,
        WithImages ? step.Out<T>(step.Operands.Outputs.Count - 1) : null,
        step.Workspace,
        step.Threads);
}
