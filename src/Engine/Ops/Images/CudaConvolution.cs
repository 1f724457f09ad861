using System.Runtime.InteropServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Builds the launches of a convolution, optionally with its result pooled in windows of 2 × 2, and of its gradients.
/// Each is one launch. If the images fit into shared memory, its kernel works there (<see cref="CudaDirect"/>,
/// <see cref="CudaMaxima"/>); otherwise, or if this is estimated to be faster on tensor cores, it is an implicit matrix
/// product, conv.cuh. <see cref="CudaColumns"/> is another for strides.
/// </summary>
/// <param name="Shape">The shape.</param>
/// <param name="DType">The type of the operands; the results are float32 if these have 16 bits.</param>
/// <param name="Pools">Whether the result is pooled.</param>
/// <param name="TensorFloat32">Whether float32 may be rounded to TF32, for tensor cores.</param>
internal sealed record CudaConvolution(
    ConvShape Shape, DType DType, bool Pools = false, bool TensorFloat32 = false)
{
    private const int Window = 4;

    /// <summary>
    /// Instructions of a thread for an element of conv.cuh on tensor cores, counted in the kernels' PTX: of images, and
    /// of a gradient that was pooled, which is compared with the index of the maximum.
    /// </summary>
    private const int LookUp = 12, PooledLookUp = 30;

    /// <summary>
    /// From this number of products on, a kernel is compiled with the dimensions as constants: the saved index
    /// arithmetic is then worth more than the tenth of a second of compilation.
    /// </summary>
    private const long WorthCompiling = 1 << 22;

    /// <summary>The number of pixels of the result that are computed.</summary>
    private int Pixels => checked(Shape.N * (Pools ? Shape.OH / 2 * (Shape.OW / 2) * Window : Shape.Pixels));

    private int GradientLookUp => Pools ? PooledLookUp : LookUp;

    private DType Sums => DType.Computes();

    private bool IsTensor => DType.IsHalf() || (TensorFloat32 && DType == DType.Float32);

    private CudaTiling ForwardTiling =>
        CudaTiling.Choose(Pixels, Shape.O, Shape.Taps, DType, TensorFloat32, LookUp, Pools);

    private CudaTiling InputTiling => CudaTiling.Choose(
        Shape.N * Shape.H * Shape.W, Shape.C, Shape.O * Shape.KH * Shape.KW, DType, TensorFloat32, GradientLookUp);

    public long ForwardWorkspace => DirectForward is null ? ForwardTiling.Workspace(DType) : 0;

    public long InputGradientWorkspace => DirectInputGradient is null ? InputTiling.Workspace(DType) : 0;

    /// <summary><c>struct ConvShape</c> of conv_shape.cuh.</summary>
    public CudaArgument Dimensions => CudaArgument.Of(ConvShapeLayout.Of(Shape));

    public long WeightsGradientWorkspace(bool withBias) =>
        Maxima?.Workspace(Shape, Sums) ?? WeightsTiling(withBias).Workspace(DType);

    private (CudaDirect Direct, CudaDirectShape Dimensions)? DirectForward =>
        Faster(CudaDirect.Forward(Shape, Sums, Pools), ForwardTiling, Shape.Taps, LookUp);

    private (CudaDirect Direct, CudaDirectShape Dimensions)? DirectInputGradient =>
        Faster(CudaDirect.InputGradient(Shape, Sums), InputTiling, Shape.O * Shape.KH * Shape.KW, GradientLookUp);

    /// <summary>
    /// Gets the layout of the gradient with respect to the filters if the result was pooled. Tensor cores do not
    /// replace it: they would multiply the three of four pixels that have no gradient, too.
    /// </summary>
    private CudaMaxima? Maxima => Pools ? CudaMaxima.Choose(Shape, Sums) : null;

    private (CudaDirect Direct, CudaDirectShape Dimensions)? Faster(
        (CudaDirect Direct, CudaDirectShape Dimensions)? direct, CudaTiling tiling, int k, int lookUp) =>
        !IsTensor || direct?.Direct.Clocks(direct.Value.Dimensions) <= tiling.Clocks(k, DType, lookUp)
            ? direct
            : null;

    /// <summary>Returns the launch of the convolution.</summary>
    /// <param name="x">The images.</param>
    /// <param name="w">The filters.</param>
    /// <param name="y">The result; if it is pooled, only the pooled result.</param>
    /// <param name="argmax">The index of each pooled element in its plane, as int32.</param>
    /// <param name="workspace">Memory of <see cref="ForwardWorkspace"/> bytes.</param>
    /// <param name="epilogue">
    /// The statements for each element (image, filter, pixel) before it is stored or pooled; null for none.
    /// </param>
    /// <param name="afterPooling">The statements for each pooled element y[at]; null for none.</param>
    public KernelLaunch Forward(
        ulong x, ulong w, ulong y, ulong argmax, ulong workspace, CudaEpilogue? epilogue = null,
        CudaEpilogue? afterPooling = null)
    {
        epilogue ??= CudaEpilogue.None;
        CudaEpilogue all = epilogue.And(afterPooling);
        string[] epilogues =
        [
            .. all.Defines("EPILOGUE(x, image, filter, pixel)", epilogue.Text),
            .. CudaEpilogue.Define("POOLED_EPILOGUE(x, at)", afterPooling?.Text ?? ""),
        ];
        if (DirectForward is { } direct)
        {
            return Direct("conv_direct.cu", "conv_direct", direct, epilogues, [x, w, y, argmax], all);
        }

        int vector = CudaGemm.Vector(w, Shape.Taps, DType);
        CudaTiling tiling = ForwardTiling;
        return Kernel(
            "conv.cu", "conv_forward", tiling,
            [$"VECTOR_W {vector}", .. epilogues])
            .Launch(
                tiling.Grid, tiling.Tile.Threads, [x, w, y, argmax, workspace, Dimensions, .. all.Arguments]);
    }

    /// <summary>Returns the launch of the gradient with respect to the images.</summary>
    /// <param name="w">The filters.</param>
    /// <param name="g">The gradient with respect to the result, or to the pooled result.</param>
    /// <param name="argmax">The indices of the pooled elements.</param>
    /// <param name="y">The gradient.</param>
    /// <param name="workspace">Memory of <see cref="InputGradientWorkspace"/> bytes.</param>
    /// <param name="epilogue">The statements for each element (image, channel, pixel); null for none.</param>
    public KernelLaunch InputGradient(
        ulong w, ulong g, ulong argmax, ulong y, ulong workspace, CudaEpilogue? epilogue = null)
    {
        epilogue ??= CudaEpilogue.None;
        IEnumerable<string> defines = epilogue.Defines("EPILOGUE(x, image, channel, pixel)");
        if (DirectInputGradient is { } direct)
        {
            return Direct(
                "conv_direct_input_gradient.cu", "conv_direct_input_gradient", direct, defines, [w, g, argmax, y],
                epilogue);
        }

        CudaTiling tiling = InputTiling;
        return Kernel("conv_input_gradient.cu", "conv_input_gradient", tiling, defines)
            .Launch(
                tiling.Grid, tiling.Tile.Threads, [w, g, argmax, y, workspace, Dimensions, .. epilogue.Arguments]);
    }

    /// <summary>
    /// Returns the launch of the gradients with respect to the filters and, unless <paramref name="bias"/> is 0, to the
    /// bias.
    /// </summary>
    /// <param name="x">The images.</param>
    /// <param name="g">The gradient with respect to the result, or to the pooled result.</param>
    /// <param name="argmax">The indices of the pooled elements.</param>
    /// <param name="y">The gradient with respect to the filters.</param>
    /// <param name="bias">The gradient with respect to the bias.</param>
    /// <param name="workspace">Memory of <see cref="WeightsGradientWorkspace"/> bytes.</param>
    /// <param name="filters">The statements for each element of y; null for none.</param>
    /// <param name="biases">The statements for the bias of each filter; null for none.</param>
    public KernelLaunch WeightsGradient(
        ulong x, ulong g, ulong argmax, ulong y, ulong bias, ulong workspace, CudaComposite? filters = null,
        CudaComposite? biases = null)
    {
        CudaEpilogue epilogue = filters?.Epilogue("x", "at") ?? CudaEpilogue.None;
        CudaEpilogue? sums = biases?.Epilogue("x", "filter");
        CudaEpilogue all = epilogue.And(sums);
        string[] defines =
        [
            $"SUMS {(bias == 0 ? 0 : 1)}",
            .. all.Defines("EPILOGUE(x, at)", epilogue.Text),
            .. CudaEpilogue.Define("SUMS_EPILOGUE(x, filter)", sums?.Text ?? ""),
        ];
        if (Maxima is { } maxima)
        {
            return new CudaKernel(
                "conv_pooled_weights_gradient.cu", "conv_pooled_weights_gradient",
                [.. KnownDimensions, .. maxima.Defines(Shape), .. defines])
            {
                Shared = maxima.SharedBytes(Shape, Sums),
            }
            .Launch(
                maxima.Grid(Shape), CudaMaxima.Threads,
                [x, g, argmax, y, bias, workspace, Dimensions, .. all.Arguments]);
        }

        CudaTiling tiling = WeightsTiling(bias != 0);
        int vector = Pools ? 1 : CudaGemm.Vector(g, Shape.Pixels, DType);
        return Kernel(
            "conv_weights_gradient.cu", "conv_weights_gradient", tiling,
            [$"VECTOR_G {vector}", .. defines])
            .Launch(
                tiling.Grid, tiling.Tile.Threads, [x, g, argmax, y, bias, workspace, Dimensions, .. all.Arguments]);
    }

    /// <summary>Gets the offset of an element of the result, from the indices of its epilogue.</summary>
    public string ResultIndex => $"((image) * {Shape.O} + (filter)) * {Shape.Pixels} + (pixel)";

    /// <summary>Gets the offset of an element of the gradient with respect to the images.</summary>
    public string ImagesIndex => $"((image) * {Shape.C} + (channel)) * {Shape.H * Shape.W} + (pixel)";

    /// <summary>Gets the macros of conv_shape.cuh.</summary>
    public IEnumerable<string> DimensionsDefines =>
        (long)Shape.N * Shape.Pixels * Shape.O * Shape.Taps >= WorthCompiling
            ? [$"FLIP {(Shape.Flip ? 1 : 0)}", $"CONV_SHAPE {ConvShapeLayout.Of(Shape).Text}"]
            : [$"FLIP {(Shape.Flip ? 1 : 0)}"];

    /// <summary>Gets the macros of a kernel whose dimensions are all constants.</summary>
    private IEnumerable<string> KnownDimensions =>
    [
        .. CudaGemm.Types(DType), $"FLIP {(Shape.Flip ? 1 : 0)}", $"POOL {(Pools ? 1 : 0)}",
        $"CONV_SHAPE {ConvShapeLayout.Of(Shape).Text}",
    ];

    private KernelLaunch Direct(
        string file, string entry, (CudaDirect Layout, CudaDirectShape Dimensions) direct, IEnumerable<string> defines,
        IEnumerable<CudaArgument> arguments, CudaEpilogue epilogue) =>
        new CudaKernel(file, entry, [.. KnownDimensions, .. direct.Layout.Defines(direct.Dimensions), .. defines])
        {
            Shared = direct.Layout.SharedBytes(direct.Dimensions, Sums),
        }
        .Launch(
            direct.Layout.Grid(direct.Dimensions), direct.Layout.Threads(direct.Dimensions),
            [.. arguments, Dimensions, .. epilogue.Arguments]);

    private CudaTiling WeightsTiling(bool withBias) =>
        CudaTiling.Choose(Shape.Taps + (withBias ? 1 : 0), Shape.O, Pixels, DType, TensorFloat32, LookUp);

    private CudaKernel Kernel(string file, string entry, CudaTiling tiling, IEnumerable<string> defines) => new(
        file, entry,
        [.. CudaGemm.Types(DType), $"POOL {(Pools ? 1 : 0)}", .. DimensionsDefines, .. tiling.Defines, .. defines])
    {
        Shared = tiling.Tile.SharedBytes(DType) + tiling.Tile.PartBytes,
    };

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ConvShapeLayout(
        int Images, int Channels, int Height, int Width, int Filters, int FilterHeight, int FilterWidth,
        int StrideH, int StrideW, int PadH, int PadW, int ResultHeight, int ResultWidth)
    {
        public string Text => string.Join(", ", MemoryMarshal.Cast<ConvShapeLayout, int>([this]).ToArray());

        public static ConvShapeLayout Of(ConvShape shape) => new(
            shape.N, shape.C, shape.H, shape.W, shape.O, shape.KH, shape.KW,
            shape.StrideH, shape.StrideW, shape.PadH, shape.PadW, shape.OH, shape.OW);
    }
}
