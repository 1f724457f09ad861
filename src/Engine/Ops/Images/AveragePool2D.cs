using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Computes the mean of each window, over all its pixels or only over those that are not padding.</summary>
internal sealed record AveragePool2D(Window Window, bool CountPadding) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Window.Cases(random)
        .SelectMany(each => (Sample[])
        [
            new(new AveragePool2D(each.Window, false), new Arg(each.Images)),
            new(new AveragePool2D(each.Window, true), new Arg(each.Images)),
        ])
        .Concat(Window.Misuses(window => new AveragePool2D(window, false)));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs) => [Window.Infer(inputs[0])];

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new AveragePool2DGradient(this).Call(outputGrads[0]!, node.Inputs[0])];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        inputs[0].Shape.Count;

    public override InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) =>
        new InputWindow(Window.Size, Window.Stride);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        Window.ForEach(inputs[0].Shape, outputs[0].Shape, (at, inside, counted) =>
        {
            DoubleDouble sum = inside.Aggregate((DoubleDouble)0, (sum, i) => sum + inputs[0].Data[i]);
            outputs[0].Data[at] = (sum / Divisor(inside.Count, counted)).High;
        });

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Window.CpuWorkspace(step, step.Inputs[0].Shape);

    public CudaLaunch[] Cuda(CudaStep step) =>
        CudaPooling.Launches(step, "average_pool", 1, Window.Of(step.Shape(0)), CountPadding);

    internal int Divisor(int inside, int counted) => CountPadding ? counted : Math.Max(inside, 1);

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Pooling.Average(Window.Of(step.Shape(0)), CountPadding, step.In<T>(0), step.Out<T>(), step.Workspace);
}

/// <summary>
/// Computes the gradient of average pooling: each window's gradient is distributed among its elements. The result has
/// the shape of the second input.
/// </summary>
internal sealed record AveragePool2DGradient(AveragePool2D Of) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Window.Cases(random)
        .SelectMany(each => (Sample[])[Example(each, countPadding: false), Example(each, countPadding: true)])
        .Append(new Sample(
            new AveragePool2DGradient(new AveragePool2D(new Window((2, 2), (2, 2), (0, 0), true), false)),
            new Arg([1, 1, 2, 2]),
            new Arg([1, 1, 7, 7]))
        {
            Error = "the pooled images are (1, 1, 3, 3)",
        });

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType images = inputs[1] with { DType = inputs[0].DType };
        Shape pooled = Of.Window.Infer(images).Shape;
        return pooled.Admits(inputs[0].Shape) ? [images] : throw new EngineException($"the pooled images are {pooled}");
    }

    public override bool Reads(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Of.Call(outputGrads[0]!), null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var sums = new DoubleDoubles(outputs[0]);
        Of.Window.ForEach(outputs[0].Shape, inputs[0].Shape, (at, inside, counted) =>
        {
            foreach (int i in inside)
            {
                sums.Add(i, (DoubleDouble)inputs[0].Data[at] / Of.Divisor(inside.Count, counted));
            }
        });
        sums.Round();
    }

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Of.Window.CpuWorkspace(step, step.Outputs[0].Shape);

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Pooling.AverageGrad(
            Of.Window.Of(step.OutShape()), Of.CountPadding, step.In<T>(0), step.Out<T>(), step.Workspace);

    private static Sample Example((Window Window, Shape Images) each, bool countPadding) => new(
        new AveragePool2DGradient(new AveragePool2D(each.Window, countPadding)),
        new Arg(each.Window.Infer(new TensorType(DType.Float32, each.Images)).Shape),
        new Arg(each.Images));

    public CudaLaunch[] Cuda(CudaStep step) =>
        CudaPooling.Launches(step, "average_pool_gradient", 1, Of.Window.Of(step.OutShape()), Of.CountPadding);
}

public static partial class Symbolic
{
    /// <summary>Computes the mean of each window of the images.</summary>
    /// <param name="x">Images, (N, C, H, W).</param>
    /// <param name="size">The height and width of a window.</param>
    /// <param name="stride">
    /// The pixels from one window to the next, down and across; by default the size, so that windows adjoin.
    /// </param>
    /// <param name="padding">
    /// The rows above and below the images, and the columns left and right of them, that windows may cover.
    /// </param>
    /// <param name="countPadding">
    /// Whether the padding counts as zeros (Theano's mode <c>average_inc_pad</c>). If not, the mean is over the pixels
    /// of the image only (<c>average_exc_pad</c>, the default of Theano and Lasagne).
    /// </param>
    /// <param name="ignoreBorder">
    /// Whether a last window that does not fit is left out (dimensions are rounded down). If not, it is cut off at the
    /// padded border.
    /// </param>
    /// <exception cref="EngineException">
    /// The padded images are smaller than a window, or the padding is not smaller than a window.
    /// </exception>
    public static Variable AveragePool2D(
        Variable x,
        (int Height, int Width) size,
        (int Height, int Width)? stride = null,
        (int Height, int Width) padding = default,
        bool countPadding = false,
        bool ignoreBorder = true)
    {
        ArgumentNullException.ThrowIfNull(x);
        var window = new Window(size, stride ?? size, padding, ignoreBorder);
        return new AveragePool2D(window, countPadding).Call(
            Promotion.Convert("averagePool2D", [x], takesIntegers: false));
    }
}
