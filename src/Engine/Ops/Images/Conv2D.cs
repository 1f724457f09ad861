using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Convolves images (N, C, H, W) with filters (O, C, KH, KW), and adds the bias (O) if there is a third input.
/// </summary>
internal sealed record Conv2D((int Height, int Width) Stride, (int Height, int Width) Padding, bool FlipFilters)
    : Op, IProduct, ICpuEpilogueOp, ICudaEpilogueOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random) => Cases(random)
        .SelectMany(each => (Sample[])
        [
            new(each.Op, new Arg(each.Images), new Arg(each.Filters)),
            new(each.Op, new Arg(each.Images), new Arg(each.Filters), new Arg([each.Filters[0]])),
        ])
        .Concat(Halves.Select(dtype => new Sample(
            Strided, new Arg(StridedImages, dtype), new Arg(StridedFilters, dtype),
            new Arg([StridedFilters[0]], DType.Float32))
        {
            HasGradient = false,
            NeedsTensorCores = true,
        }))
        .Concat(
        [
            Misuse([1, 2, 5, 5], [3, 4, 2, 2], "the images have 2 channels, the filters take 4"),
            Misuse(
                [1, 2, 4, 5], [3, 2, 7, 2], "the images (4, 5), padded by (1, 1), are smaller than the filters (7, 2)"),
            Misuse([1, 2, 4, 5], [3, 2, 0, 2], "filters of (0, 2) have no weights"),
            Misuse([2, 4, 5], [3, 2, 2, 2], "it takes images (N, C, H, W) and filters (O, C, KH, KW)"),
            new Sample(Plain, new Arg([1, 1, 4, 4]), new Arg([2, 1, 2, 2]), new Arg([3]))
            {
                Error = "the bias must be (2)",
            },
            new Sample(Plain, Arg.Mask([1, 1, 4, 4]), Arg.Mask([2, 1, 2, 2]))
            {
                Error = "must be float32 or float64, all alike",
            },
            new Sample(new Conv2D((0, 1), (0, 0), true), new Arg([1, 1, 4, 4]), new Arg([2, 1, 2, 2]))
            {
                Error = "the stride (0, 1)",
            },
            new Sample(new Conv2D((1, 1), (0, -1), true), new Arg([1, 1, 4, 4]), new Arg([2, 1, 2, 2]))
            {
                Error = "the padding (0, -1)",
            },
        ]);

    /// <summary>Gets the algorithm that the CPU uses; a rewrite chooses it.</summary>
    public ConvolutionPath Path { get; init; }

    public override string Name => "conv2D" + PathSuffix;

    /// <summary>Gets the text that the path adds to a name.</summary>
    internal string PathSuffix => Path == ConvolutionPath.Columns ? "" : $"{{{Path.Name()}}}";

    /// <summary>Gets the types of 16 bits, and a convolution that tensor cores compute from them.</summary>
    internal static DType[] Halves => [DType.Float16, DType.BFloat16];

    internal static Conv2D Strided => new((2, 1), (1, 2), true);

    internal static Shape StridedImages => [3, 5, 9, 8];

    internal static Shape StridedFilters => [18, 5, 3, 4];

    internal static Shape StridedResult => [3, 18, 5, 9];

    private static Conv2D Plain => new((1, 1), (0, 0), true);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (Stride.Height < 1 || Stride.Width < 1)
        {
            throw new EngineException($"the stride {Stride} must be positive");
        }

        if (Padding.Height < 0 || Padding.Width < 0)
        {
            throw new EngineException($"the padding {Padding} cannot be negative");
        }

        Window.RequireCountable(Stride, Padding);
        (Shape x, Shape w) = (inputs[0].Shape, inputs[1].Shape);
        if (x.Rank != 4 || w.Rank != 4)
        {
            throw new EngineException("it takes images (N, C, H, W) and filters (O, C, KH, KW)");
        }

        for (int i = 0; i < inputs.Length; i++)
        {
            DType dtype = i < TensorOperands ? inputs[0].DType : inputs[0].DType.Computes();
            if (!inputs[i].DType.IsFloat() || inputs[i].DType != dtype)
            {
                throw new EngineException("its inputs must be float32 or float64, all alike: cast them");
            }
        }

        if (x[1] != w[1] && x[1] != Shape.Unknown && w[1] != Shape.Unknown)
        {
            throw new EngineException($"the images have {x[1]} channels, the filters take {w[1]}");
        }

        if (w[2] == 0 || w[3] == 0)
        {
            throw new EngineException($"filters of ({w[2]}, {w[3]}) have no weights");
        }

        if (inputs.Length > 2 && !inputs[2].Shape.Admits([w[0]]))
        {
            throw new EngineException($"the bias must be ({w[0]})");
        }

        return [new TensorType(inputs[0].DType.Computes(),
        [
            x[0],
            w[0],
            OutputDimension(x, w, 2, Stride.Height, Padding.Height),
            OutputDimension(x, w, 3, Stride.Width, Padding.Width),
        ])];
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable x, Variable w, Variable g) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        var weights = new Conv2DWeightsGradient(this, node.Inputs.Count > 2);
        return [new Conv2DInputGradient(this).Call(w, g, x), .. weights.Apply(x, g, w).Outputs];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        ConvShape(inputs[0].Shape, inputs[1].Shape).Flops;

    public override InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) =>
        new InputWindow((inputs[1].Shape[2], inputs[1].Shape[3]), Stride, IsFilter: true);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray x, NdArray w, NdArray y) = (inputs[0], inputs[1], outputs[0]);
        var sums = new DoubleDoubles(y);
        foreach (int[] index in NdArray.Indices(y.Shape))
        {
            sums[index] = inputs.Count > 2 ? inputs[2].Data[index[1]] : 0;
        }

        ForEachTerm(
            x.Shape, w.Shape, y.Shape, (i, j, k) => sums.Add(k, DoubleDouble.Product(x.Data[i], w.Data[j])));
        sums.Round();
    }

    internal override int TensorOperands => 2;

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfPath(inputs, numbers => OfMagnitudes(numbers, outputs));

    /// <summary>
    /// Returns the magnitudes for the path that is taken. Winograd's algorithms add neighbors before they multiply:
    /// their errors are those of the largest numbers, and nothing is promised if sums of a patch overflow.
    /// </summary>
    internal IReadOnlyList<NdArray> OfPath(
        IReadOnlyList<NdArray> inputs, Func<IReadOnlyList<NdArray>, IReadOnlyList<NdArray>> magnitudesOf)
    {
        if (Path == ConvolutionPath.Columns)
        {
            return OfNumbers(inputs, magnitudesOf(inputs));
        }

        // A patch has 16 numbers (F(4×4): 36), and so does its transform.
        const double Room = 36 * 36;
        NdArray[] maxima = [.. inputs.Select(MaxMagnitude)];
        IReadOnlyList<NdArray> magnitudes = magnitudesOf(maxima);
        double max = Rounding.MaxFinite(inputs[0].DType) / Room;
        if (maxima.Concat(magnitudes).Any(array => Array.Exists(array.Data, number => number > max)))
        {
            foreach (NdArray magnitude in magnitudes)
            {
                Array.Fill(magnitude.Data, double.NaN);
            }
        }

        return OfNumbers(inputs, magnitudes);

        static NdArray MaxMagnitude(NdArray input)
        {
            double max = input.Data.Select(Math.Abs).DefaultIfEmpty().Max();
            return new NdArray(input.Shape, [.. input.Data.Select(_ => max)], input.DType);
        }
    }

    /// <summary>
    /// Returns the magnitudes of convolutions of numbers. For infinities and NaNs nothing is promised: a kernel may or
    /// may not multiply them by the padding's zeros.
    /// </summary>
    internal static IReadOnlyList<NdArray> OfNumbers(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> magnitudes)
    {
        if (!inputs.All(input => Array.TrueForAll(input.Data, double.IsFinite)))
        {
            foreach (NdArray magnitude in magnitudes)
            {
                Array.Fill(magnitude.Data, double.NaN);
            }
        }

        return magnitudes;
    }

    public Phase[] Cpu(CpuStep step, CpuEpilogue? epilogue) =>
        step.DType(0) == DType.Float32 ? Loop<float>(step, epilogue) : Loop<double>(step, epilogue);

    public long CpuWorkspace(CpuStepTypes step) =>
        WorkspaceBytes(ConvolutionPass.Forward, step, ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape));

    public string CpuPath(CpuStepTypes step) =>
        DescribePath(ConvolutionPass.Forward, step, ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape));

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues)
    {
        CudaConvolution convolution = Cuda(step.Types);
        CudaEpilogue bias = step.InputCount > 2
            ? new("x += bias[filter];", ("const T* bias", step.In(2)))
            : CudaEpilogue.None;
        CudaEpilogue all = bias.And(epilogues[0]?.Epilogue("x", convolution.ResultIndex));
        return [convolution.Forward(step.In(0), step.In(1), step.Out(), 0, step.Workspace, all)];
    }

    public long CudaWorkspace(CudaStepTypes step) => Cuda(step).ForwardWorkspace;

    /// <summary>
    /// Returns configurations, with the shapes of the images and the filters, that reach every branch.
    /// </summary>
    internal static IEnumerable<(Conv2D Op, Shape Images, Shape Filters)> Cases(Random random)
    {
        int n = random.Next(1, 4), c = random.Next(1, 4), o = random.Next(1, 5);
        int h = random.Next(4, 9), w = random.Next(4, 9);
        yield return (Plain, [n, c, h, w], [o, c, 3, 3]);
        yield return (new Conv2D((1, 1), (0, 0), false), [n, c, h, w], [o, c, 2, 3]);
        yield return (new Conv2D((2, 3), (1, 0), true), [n, c, h, w], [o, c, 3, 2]);
        yield return (new Conv2D((1, 1), (2, 3), false), [n, c, h, w], [o, c, 3, 4]);
        yield return (new Conv2D((3, 3), (0, 0), true), [n, c, h, w], [o, c, 1, 2]);
        yield return (Plain, [n, c, h, w], [o, c, 1, 1]);
        yield return (Plain, [n, c, h, w], [o, c, h, w]);
        yield return (Plain, [34, 1, 5, 4], [2, 1, 2, 2]);
        yield return (Plain, [2, 5, 9, 31], [17, 5, 3, 3]);
        yield return (Plain with { Path = ConvolutionPath.Winograd2 }, [n, c, h, w], [o, c, 3, 3]);
        yield return (
            new Conv2D((1, 1), (1, 2), false) { Path = ConvolutionPath.Winograd2 }, [n, c, h, w], [o, c, 3, 3]);
        yield return (Plain, [0, c, h, w], [o, c, 2, 2]);
        yield return (Plain, [n, 0, h, w], [o, 0, 2, 2]);
        yield return (Plain, [n, c, h, w], [0, c, 2, 2]);
    }

    /// <summary>
    /// Computes the reference: calls <paramref name="term"/> with the offsets of an element of the images, of its
    /// weight, and of the element of the result to which their product is added.
    /// </summary>
    internal void ForEachTerm(Shape x, Shape w, Shape y, Action<int, int, int> term)
    {
        (int[] xs, int[] ws) = (x.Strides(), w.Strides());
        int at = 0;
        foreach (int[] index in NdArray.Indices(y))
        {
            (int n, int o, int oh, int ow) = (index[0], index[1], index[2], index[3]);
            foreach (int[] tap in NdArray.Indices([w[1], w[2], w[3]]))
            {
                (int c, int kh, int kw) = (tap[0], tap[1], tap[2]);
                int row = (oh * Stride.Height) - Padding.Height + kh, column = (ow * Stride.Width) - Padding.Width + kw;
                if (row >= 0 && row < x[2] && column >= 0 && column < x[3])
                {
                    (int fh, int fw) = FlipFilters ? (w[2] - 1 - kh, w[3] - 1 - kw) : (kh, kw);
                    int image = (n * xs[0]) + (c * xs[1]) + (row * xs[2]) + column;
                    term(image, (o * ws[0]) + (c * ws[1]) + (fh * ws[2]) + fw, at);
                }
            }

            at++;
        }
    }

    internal ConvShape ConvShape(Shape x, Shape w) => new(
        x[0], x[1], x[2], x[3], w[0], w[2], w[3],
        Stride.Height, Stride.Width, Padding.Height, Padding.Width, FlipFilters);

    private CudaConvolution Cuda(CudaStepTypes step) =>
        new(
            ConvShape(step.Inputs[0].Shape, step.Inputs[1].Shape), step.Inputs[0].DType,
            TensorFloat32: step.TensorFloat32);

    internal long WorkspaceBytes(ConvolutionPass pass, CpuStepTypes step, in ConvShape shape) =>
        step.Inputs[0].DType == DType.Float32
            ? Convolution.WorkspaceBytes<float>(pass, shape, Path, step.Threads)
            : Convolution.WorkspaceBytes<double>(pass, shape, Path, step.Threads);

    internal string DescribePath(ConvolutionPass pass, CpuStepTypes step, in ConvShape shape) =>
        step.Inputs[0].DType == DType.Float32
            ? Convolution.Describe<float>(pass, shape, Path, step.Threads)
            : Convolution.Describe<double>(pass, shape, Path, step.Threads);

    private unsafe Phase[] Loop<T>(CpuStep step, CpuEpilogue? epilogue)
        where T : unmanaged, INumber<T> => Convolution.Forward(
        ConvShape(step.Shape(0), step.Shape(1)),
        Path,
        step.In<T>(0),
        step.In<T>(1),
        step.InputCount > 2 ? step.In<T>(2) : null,
        step.Out<T>(),
        step.Workspace,
        step.Threads,
        epilogue);

    private int OutputDimension(Shape x, Shape w, int axis, int stride, int padding)
    {
        if (x[axis] == Shape.Unknown || w[axis] == Shape.Unknown)
        {
            return Shape.Unknown;
        }

        int last = x[axis] + (2 * padding) - w[axis];
        return last >= 0 ? (last / stride) + 1 : throw new EngineException(
            $"the images {Dimensions(x)}, padded by {Padding}, are smaller than the filters {Dimensions(w)}");

        static Shape Dimensions(Shape shape) => [shape[2], shape[3]];
    }

    private static Sample Misuse(Shape x, Shape w, string error) =>
        new(new Conv2D((1, 1), (1, 1), true), new Arg(x), new Arg(w)) { Error = error };
}

/// <summary>Specifies how far a convolution extends over the images' borders.</summary>
public enum Border
{
    /// <summary>Not at all: the result is smaller than the images.</summary>
    Valid,

    /// <summary>
    /// So far that, with stride 1, the result is as large as the images. For filters of even dimensions the extra zero
    /// is behind.
    /// </summary>
    Same,

    /// <summary>As far as a filter covers at least one pixel: the result is larger than the images.</summary>
    Full,
}

public static partial class Symbolic
{
    /// <summary>
    /// Convolves images with filters. With <paramref name="flipFilters"/>, as in Lasagne, it is a true convolution,
    /// which rotates the filters by 180°. Without, it is the cross-correlation that other libraries call convolution.
    /// Integers are multiplied as float32, which is exact if every number and every sum is below 2²⁴.
    /// </summary>
    /// <param name="x">Images, (N, C, H, W).</param>
    /// <param name="w">Filters, (O, C, KH, KW).</param>
    /// <param name="stride">
    /// The pixels from one position of a filter to the next, down and across; by default (1, 1).
    /// </param>
    /// <param name="padding">The zeros around the images: rows above and below, columns left and right.</param>
    /// <param name="flipFilters">Whether it is a true convolution.</param>
    /// <param name="bias">O numbers that are added to the planes of the result; null for none.</param>
    /// <returns>(N, O, (H + 2·padding − KH) / stride + 1, …), rounded down.</returns>
    /// <exception cref="EngineException">The channels differ, or a filter is larger than the padded images.</exception>
    public static Variable Conv2D(
        Variable x,
        Variable w,
        (int Height, int Width)? stride = null,
        (int Height, int Width) padding = default,
        bool flipFilters = true,
        Variable? bias = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(w);
        Variable[] operands = bias is null ? [x, w] : [x, w, bias];
        return new Conv2D(stride ?? (1, 1), padding, flipFilters)
            .Call(Promotion.Convert("conv2D", operands, takesIntegers: false));
    }

    /// <summary>
    /// Convolves images with filters whose height and width are known, with the padding that <paramref name="border"/>
    /// requires.
    /// </summary>
    /// <inheritdoc cref="Conv2D(Variable, Variable, ValueTuple{int, int}?, ValueTuple{int, int}, bool, Variable?)"/>
    /// <exception cref="EngineException">
    /// The filters' dimensions are not known; the channels differ; or a filter is larger than the padded images.
    /// </exception>
    public static Variable Conv2D(
        Variable x,
        Variable w,
        Border border,
        (int Height, int Width)? stride = null,
        bool flipFilters = true,
        Variable? bias = null)
    {
        ArgumentNullException.ThrowIfNull(w);
        if (w.Rank != 4 || w.Shape[2] < 1 || w.Shape[3] < 1)
        {
            throw new EngineException(
                $"The padding '{border}' needs filters (O, C, KH, KW) of known dimensions, not '{w}' ({w.Type})."
                + Origin.Current);
        }

        (int height, int width) = (w.Shape[2], w.Shape[3]);
        if (border == Border.Same && (height % 2 == 0 || width % 2 == 0))
        {
            (int down, int across) = stride ?? (1, 1);
            return Convolve(
                x, w, new ConvOptions { Stride = [down, across], Padding = [-1], FlipFilters = flipFilters }, bias);
        }

        (int, int) padding = border switch
        {
            Border.Valid => (0, 0),
            Border.Same => (height / 2, width / 2),
            _ => (height - 1, width - 1),
        };
        return Conv2D(x, w, stride, padding, flipFilters, bias);
    }
}
