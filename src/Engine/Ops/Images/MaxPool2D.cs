using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Computes the largest element of each window and, as int32, its index in its plane (row times width plus column).
/// NaN is greater than all numbers; of several equal elements the first counts.
/// </summary>
internal sealed record MaxPool2D(Window Window) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Window.Cases(random)
        .Select(each => new Sample(new MaxPool2D(each.Window), new Arg(each.Images, Distinct: true)))
        .Concat(Window.Misuses(window => new MaxPool2D(window)));

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType pooled = Window.Infer(inputs[0]);
        return [pooled, pooled with { DType = DType.Int32 }];
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new MaxPool2DGradient(Window).Call(outputGrads[0]!, node.Outputs[1], node.Inputs[0])];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        inputs[0].Shape.Count;

    public override InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) =>
        new InputWindow(Window.Size, Window.Stride);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        double[] x = inputs[0].Data;
        int plane = inputs[0].Shape[2] * inputs[0].Shape[3];
        Window.ForEach(inputs[0].Shape, outputs[0].Shape, (at, inside, _) =>
        {
            int max = inside.Aggregate((best, i) => IsGreater(x[i], x[best]) ? i : best);
            outputs[0].Data[at] = x[max];
            outputs[1].Data[at] = max % plane;
        });
    }

    /// <summary>
    /// Returns whether a value replaces the best so far: NaN is greater than every number, and of equals the first is
    /// taken.
    /// </summary>
    internal static bool IsGreater(double value, double best) =>
        value > best || (double.IsNaN(value) && !double.IsNaN(best));

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public long CpuWorkspace(CpuStepTypes step) => Window.CpuWorkspace(step, step.Inputs[0].Shape);

    public CudaLaunch[] Cuda(CudaStep step) => CudaPooling.Launches(step, "max_pool", 1, Window.Of(step.Shape(0)));

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        Pooling.Max(Window.Of(step.Shape(0)), step.In<T>(0), step.Out<T>(), step.Out<int>(1), step.Workspace);
}

/// <summary>
/// Adds each element of the first array, at the argmax index in the second, to zeros of the shape of the third.
/// </summary>
internal sealed record MaxPool2DGradient(Window Window) : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach ((Window window, Shape images) in Window.Cases(random))
        {
            Shape pooled = window.Infer(new TensorType(DType.Float32, images)).Shape;
            yield return new Sample(
                new MaxPool2DGradient(window),
                new Arg(pooled),
                new Arg(pooled, DType.Int32, Values: RandomArgmax(window, images, pooled, random)),
                new Arg(images))
            {
                HasGradient = false,
            };
        }

        yield return new Sample(
            new MaxPool2DGradient(new Window((2, 2), (2, 2), (0, 0), true)),
            new Arg([1, 1, 2, 2]),
            Arg.Int([1, 1, 2, 2], 0, 2),
            new Arg([1, 1, 7, 7]))
        {
            Error = "the pooled images are (1, 1, 3, 3)",
        };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType images = inputs[2] with { DType = inputs[0].DType };
        Shape pooled = Window.Infer(images).Shape;
        return pooled.Admits(inputs[0].Shape) && pooled.Admits(inputs[1].Shape)
            ? [images]
            : throw new EngineException($"the pooled images are {pooled}");
    }

    public override bool Reads(int input) => input < 2;

    /// <summary>Reads the gradient at the argmax indices to which the elements were added.</summary>
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        Variable argmax = node.Inputs[1];
        Variable planes = Symbolic.Reshape(outputGrads[0]!, [.. Planes(outputGrads[0]!)]);
        Variable read = Symbolic.TakeAlongAxis(planes, Symbolic.Reshape(argmax, [.. Planes(argmax)]));
        return [Symbolic.ReshapeLike(read, node.Inputs[0]), null, null];

        static Dimension[] Planes(Variable images) =>
            [Symbolic.DimensionOf(images, 0), Symbolic.DimensionOf(images, 1),
                Symbolic.DimensionOf(images, 2) * Symbolic.DimensionOf(images, 3)];
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var sums = new DoubleDoubles(outputs[0]);
        int plane = outputs[0].Shape[2] * outputs[0].Shape[3], pooled = inputs[0].Shape[2] * inputs[0].Shape[3];
        for (int i = 0; i < inputs[0].Data.Length; i++)
        {
            sums.Add((i / pooled * plane) + (int)inputs[1].Data[i], inputs[0].Data[i]);
        }

        sums.Round();
    }

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T> =>
        Pooling.MaxGrad(Window.Of(step.OutShape()), step.In<T>(0), step.In<int>(1), step.Out<T>());

    public CudaLaunch[] Cuda(CudaStep step) =>
        CudaPooling.Launches(step, "max_pool_gradient", 2, Window.Of(step.OutShape()));

    /// <summary>Returns a random index in each window, where its largest element might be.</summary>
    internal static double[] RandomArgmax(Window window, Shape images, Shape pooled, Random random)
    {
        var argmax = new double[pooled.Count];
        window.ForEach(images, pooled, (at, inside, _) =>
            argmax[at] = inside[random.Next(inside.Count)] % (images[2] * images[3]));
        return argmax;
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the largest element of each window of the images, or NaN if the window has one. The gradient of a
    /// window goes to its largest element; if several are equal, to the first of them in C order (in Theano, to all of
    /// them). Integers are compared, and returned, as float32, which is exact below 2²⁴.
    /// </summary>
    /// <param name="x">Images, (N, C, H, W).</param>
    /// <param name="size">The height and width of a window.</param>
    /// <param name="stride">
    /// The pixels from one window to the next, down and across; by default the size, so that windows adjoin.
    /// </param>
    /// <param name="padding">
    /// The rows above and below the images, and the columns left and right of them, that windows may cover. They are
    /// never the largest.
    /// </param>
    /// <param name="ignoreBorder">
    /// Whether a last window that does not fit is left out (dimensions are rounded down). If not, it is cut off at the
    /// border.
    /// </param>
    /// <exception cref="EngineException">
    /// The padded images are smaller than a window, or the padding is not smaller than a window.
    /// </exception>
    public static Variable MaxPool2D(
        Variable x,
        (int Height, int Width) size,
        (int Height, int Width)? stride = null,
        (int Height, int Width) padding = default,
        bool ignoreBorder = true)
    {
        ArgumentNullException.ThrowIfNull(x);
        var window = new Window(size, stride ?? size, padding, ignoreBorder);
        return new MaxPool2D(window).Call(Promotion.Convert("maxPool2D", [x], takesIntegers: false));
    }
}
