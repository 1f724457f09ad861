using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Convolves each channel of images (N, C, …) with its own filters, (O, 1, …), where O is a multiple of C: a depthwise
/// convolution.
/// </summary>
internal sealed record Channelwise(Patches Patches, bool FlipFilters) : Op, IProduct, ICpuOp, ICudaOp, ISampled
{
    public override string Name => $"channelwise{Patches.Size}";

    public static IEnumerable<Sample> Samples(Random random) => Cases(random)
        .Select(each => new Sample(each.Op, new Arg(each.Images), new Arg(each.Filters)))
        .Concat(
        [
            new Sample(
                new Channelwise(new Patches([2], [1], [0], [0], [1]), true), new Arg([1, 2, 4]), new Arg([3, 1, 2]))
            {
                Error = "2 channels cannot share 3 filters",
            },
            new Sample(
                new Channelwise(new Patches([2], [1], [0], [0], [1]), true), new Arg([1, 2, 4]), new Arg([2, 2, 2]))
            {
                Error = "the filters must be (O, 1, 2)",
            },
            new Sample(
                new Channelwise(new Patches([2], [1], [0], [0], [1]), true), Arg.Int([1, 2, 4]), Arg.Int([2, 1, 2]))
            {
                Error = "must be float32 or float64, both alike",
            },
        ]);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        (Shape x, Shape w) = (inputs[0].Shape, inputs[1].Shape);
        Patches.Check(x);
        if (!inputs[0].DType.IsFloat() || inputs[0].DType != inputs[1].DType)
        {
            throw new EngineException("its inputs must be float32 or float64, both alike: cast them");
        }

        if (!w.Admits([Shape.Unknown, 1, .. Patches.Size]))
        {
            throw new EngineException($"the filters must be (O, 1, {string.Join(", ", Patches.Size)})");
        }

        return x[1] is Shape.Unknown || w[0] is Shape.Unknown || (x[1] == 0 ? w[0] == 0 : w[0] % x[1] == 0)
            ? [new TensorType(inputs[0].DType, [x[0], w[0], .. Patches.Over(x)])]
            : throw new EngineException($"{x[1]} channels cannot share {w[0]} filters");
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable x, Variable w, Variable g) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        return [new ChannelwiseInputGradient(this).Call(w, g, x), new ChannelwiseWeightsGradient(this).Call(x, g, w)];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        2 * outputs[0].Shape.Count * Patches.Size.Product(0, Patches.Rank);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) => Sum(
        outputs[0], inputs[0].Shape, inputs[1].Shape,
        (i, j, k) => (k, DoubleDouble.Product(inputs[0].Data[i], inputs[1].Data[j])));

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Conv2D.OfNumbers(inputs, OfMagnitudes(inputs, outputs));

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Workspace(step, Planes(step));

    public CudaLaunch[] Cuda(CudaStep step) => [Launch(step, "channelwise", step.Shape(0), step.Shape(1))];

    internal static IEnumerable<(Channelwise Op, Shape Images, Shape Filters)> Cases(Random random)
    {
        foreach ((Patches patches, Shape images) in Unfold.Cases(random))
        {
            int multiples = patches.Size == [1] ? 1 : random.Next(1, 3);
            yield return (
                new Channelwise(patches, random.Next(2) == 0), images, [images[1] * multiples, 1, .. patches.Size]);
        }
    }

    /// <summary>
    /// Computes the reference: sums of terms, given the offsets of a pixel, a weight and an element of the result.
    /// </summary>
    internal void Sum(NdArray to, Shape images, Shape filters, Func<int, int, int, (int At, DoubleDouble Term)> term)
    {
        var sums = new DoubleDoubles(to);
        int taps = Patches.Size.Product(0, Patches.Rank), count = filters[0],
            multiples = images[1] == 0 ? 1 : count / images[1];
        int area = Patches.Over(images).Product(0, Patches.Rank), pixels = images.Product(2, images.Rank);
        Unfold.ForEach(Patches, images, (pixel, patch) =>
        {
            // The patch is (channel, tap, image, element of the result). Image and channel of pixel and patch agree;
            // only the filter varies.
            int result = patch % area, tap = patch / area / images[0] % taps;
            (int image, int channel) = Math.DivRem(pixel / pixels, images[1]);
            for (int filter = channel * multiples; filter < (channel + 1) * multiples; filter++)
            {
                int weight = (filter * taps) + (FlipFilters ? taps - 1 - tap : tap);
                (int at, DoubleDouble value) = term(pixel, weight, (((image * count) + filter) * area) + result);
                sums.Add(at, value);
            }
        });
        sums.Round();
    }

    internal KernelLaunch Launch(CudaStep step, string entry, Shape images, Shape filters)
    {
        int count = checked((int)step.OutShape().Count);
        return CudaCopies.Spread(
            Kernel(step, entry), count, step.In(0), step.In(1), step.Out(),
            CudaArgument.Of(PatchShape.Of(Patches, images)), filters[0], count);
    }

    internal CudaKernel Kernel(CudaStep step, string entry) =>
        new("channelwise.cu", entry, $"T {step.DType(0).Cuda()}", $"FLIP {(FlipFilters ? 1 : 0)}");

    internal static long Workspace(CpuStepTypes step, ChannelwisePlanes planes) =>
        step.Threads * (step.Inputs[0].DType == DType.Float32 ? planes.Bytes<float>() : planes.Bytes<double>());

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        [Planes(step.Types).Loop(step.In<T>(0), step.In<T>(1), step.Out<T>(), step.Workspace)];

    private ChannelwisePlanes Planes(CpuStepTypes step) =>
        new(this, step.Inputs[0].Shape, step.Inputs[1].Shape[0], ChannelwisePass.Result);
}

/// <summary>
/// The gradient with respect to the images, from the filters and that of the result; of the images the shape is read.
/// </summary>
internal sealed record ChannelwiseInputGradient(Channelwise Of) : Op, IProduct, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Channelwise.Cases(random).Select(each => new Sample(
        new ChannelwiseInputGradient(each.Op),
        new Arg(each.Filters), new Arg(Result(each.Op, each.Images, each.Filters)), new Arg(each.Images)));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType images = inputs[2] with { DType = inputs[0].DType };
        Shape result = Of.Infer([images, inputs[0]])[0].Shape;
        return result.Admits(inputs[1].Shape)
            ? [images]
            : throw new EngineException($"the result has the shape {result}");
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable w, Variable g, Variable x) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        return [new ChannelwiseWeightsGradient(Of).Call(x, g, w), Of.Call(x, w), null];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        2 * inputs[1].Shape.Count * Of.Patches.Size.Product(0, Of.Patches.Rank);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) => Of.Sum(
        outputs[0], outputs[0].Shape, inputs[0].Shape,
        (i, j, k) => (i, DoubleDouble.Product(inputs[0].Data[j], inputs[1].Data[k])));

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Conv2D.OfNumbers([inputs[0], inputs[1]], OfMagnitudes(inputs, outputs));

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Channelwise.Workspace(step, Planes(step));

    public CudaLaunch[] Cuda(CudaStep step) =>
        [Of.Launch(step, "channelwise_input_gradient", step.OutShape(), step.Shape(0))];

    internal static Shape Result(Channelwise of, Shape images, Shape filters) =>
        of.Infer([new TensorType(DType.Float32, images), new TensorType(DType.Float32, filters)])[0].Shape;

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        [Planes(step.Types).Loop(step.In<T>(1), step.In<T>(0), step.Out<T>(), step.Workspace)];

    private ChannelwisePlanes Planes(CpuStepTypes step) =>
        new(Of, step.Outputs[0].Shape, step.Inputs[0].Shape[0], ChannelwisePass.Images);
}

/// <summary>
/// The gradient with respect to the filters, from the images and that of the result; of the filters the shape is read.
/// </summary>
internal sealed record ChannelwiseWeightsGradient(Channelwise Of) : Op, IProduct, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Channelwise.Cases(random).Select(each => new Sample(
        new ChannelwiseWeightsGradient(each.Op), new Arg(each.Images),
        new Arg(ChannelwiseInputGradient.Result(each.Op, each.Images, each.Filters)), new Arg(each.Filters)));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType filters = inputs[2] with { DType = inputs[0].DType };
        Shape result = Of.Infer([inputs[0], filters])[0].Shape;
        return result.Admits(inputs[1].Shape)
            ? [filters]
            : throw new EngineException($"the result has the shape {result}");
    }

    public override bool Reads(int input) => input < 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable x, Variable g, Variable w) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        return [new ChannelwiseInputGradient(Of).Call(w, g, x), Of.Call(x, w), null];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        2 * inputs[1].Shape.Count * Of.Patches.Size.Product(0, Of.Patches.Rank);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) => Of.Sum(
        outputs[0], inputs[0].Shape, outputs[0].Shape,
        (i, j, k) => (j, DoubleDouble.Product(inputs[0].Data[i], inputs[1].Data[k])));

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Conv2D.OfNumbers([inputs[0], inputs[1]], OfMagnitudes(inputs, outputs));

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Channelwise.Workspace(step, Planes(step));

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        return
        [
            Of.Kernel(step, "channelwise_weights_gradient").Launch(
                checked((int)step.OutShape().Count), Threads, step.In(0), step.In(1), step.Out(),
                CudaArgument.Of(PatchShape.Of(Of.Patches, step.Shape(0))), step.OutShape()[0]),
        ];
    }

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        [Planes(step.Types).Loop(step.In<T>(0), step.In<T>(1), step.Out<T>(), step.Workspace)];

    private ChannelwisePlanes Planes(CpuStepTypes step) =>
        new(Of, step.Inputs[0].Shape, step.Outputs[0].Shape[0], ChannelwisePass.Weights);
}
