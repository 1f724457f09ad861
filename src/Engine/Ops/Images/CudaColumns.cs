using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Builds the general algorithm of a convolution and its gradients on CUDA: im2col.cu writes the images as a matrix of
/// columns, and a plain matrix product does the rest. It takes any stride and padding, but needs memory for the columns
/// and more launches. <see cref="CudaConvolution"/> needs neither, and the tests compare it with this.
/// </summary>
internal sealed record CudaColumns(ConvShape Shape, DType DType, bool TensorFloat32 = false)
{
    /// <summary>
    /// The number of products that the implicit form of the gradient with respect to the images must waste before two
    /// more launches are worthwhile: about five microseconds' worth on a large GPU.
    /// </summary>
    private const long WorthLaunching = 1 << 26;

    /// <summary>
    /// Gets whether the gradient with respect to the images should use this algorithm. The implicit form multiplies
    /// every tap by every pixel of the images, though with strides only one tap in StrideH · StrideW meets a pixel of
    /// the result; the others are multiplied by 0. The convolution itself and the gradient with respect to the filters
    /// waste nothing and always use the implicit form.
    /// </summary>
    public bool IsFasterForInputGradient
    {
        get
        {
            long products = (long)Shape.N * Shape.H * Shape.W * Shape.O * Shape.Taps;
            long elements = (long)Shape.Taps * Shape.N * Shape.Pixels;
            int stride = Shape.StrideH * Shape.StrideW;
            return products - (products / stride) >= WorthLaunching && elements <= Engine.Shape.MaxElements;
        }
    }

    private GemmShape ForwardProduct => new(Shape.O, Pixels, Shape.Taps);

    private GemmShape InputProduct => new(Shape.Taps, Pixels, Shape.O, TransposeA: true);

    private GemmShape WeightsProduct => new(Shape.O, Shape.Taps, Pixels, TransposeB: true);

    private int Pixels => checked(Shape.N * Shape.Pixels);

    private int ColumnElements => checked(Shape.Taps * Pixels);

    private long ColumnBytes => Aligned((long)ColumnElements * DType.Computes().Size());

    private long ResultBytes => Aligned((long)Shape.O * Pixels * DType.Size());

    public long ForwardWorkspace => ColumnBytes + PartBytes(ForwardProduct);

    public long InputGradientWorkspace => ColumnBytes + ResultBytes + PartBytes(InputProduct);

    public long WeightsGradientWorkspace => ColumnBytes + ResultBytes + PartBytes(WeightsProduct);

    /// <summary>
    /// Returns the launches of the convolution; the parameters are those of <see cref="CudaConvolution.Forward"/>.
    /// </summary>
    public CudaLaunch[] Forward(ulong x, ulong w, ulong y, ulong workspace, CudaEpilogue? epilogue = null)
    {
        // The product is (O, N · OH · OW), the result (N, O, OH · OW).
        string indices = $"int filter = i, image = j / {Shape.Pixels}, pixel = j - image * {Shape.Pixels}; ";
        var named = new CudaEpilogue($"{{ {indices}{epilogue?.Text} }}", epilogue?.Operands ?? []);
        string store = $"{{ {indices}c[((size_t)image * {Shape.O} + filter) * {Shape.Pixels} + pixel] = x; }}";
        return
        [
            Gather(x, workspace),
            CudaGemm.Launch(
                Tiling(ForwardProduct), ForwardProduct, DType,
                new GemmAddresses(w, workspace, y, Workspace: workspace + (ulong)ColumnBytes), named, storeText: store),
        ];
    }

    /// <summary>Returns the launches of the gradient with respect to the images.</summary>
    public CudaLaunch[] InputGradient(ulong w, ulong g, ulong y, ulong workspace)
    {
        ulong planes = workspace + (ulong)ColumnBytes, parts = planes + (ulong)ResultBytes;
        int count = checked(Shape.N * Shape.ImageSize);
        return
        [
            PlanesFirst(g, planes),
            CudaGemm.Launch(
                Tiling(InputProduct), InputProduct, DType,
                new GemmAddresses(w, planes, workspace, Workspace: parts)),
            CudaCopies.Spread(Kernel("col2im", DType.Computes().Cuda()), count, workspace, y, Implicit.Dimensions, count),
        ];
    }

    /// <summary>Returns the launches of the gradient with respect to the filters.</summary>
    public CudaLaunch[] WeightsGradient(ulong x, ulong g, ulong y, ulong workspace)
    {
        ulong planes = workspace + (ulong)ColumnBytes, parts = planes + (ulong)ResultBytes;
        return
        [
            Gather(x, workspace),
            PlanesFirst(g, planes),
            CudaGemm.Launch(
                Tiling(WeightsProduct), WeightsProduct, DType,
                new GemmAddresses(planes, workspace, y, Workspace: parts)),
        ];
    }

    private CudaConvolution Implicit => new(Shape, DType);

    private CudaKernel Kernel(string entry, string type) =>
        new("im2col.cu", entry, [$"T {type}", .. Implicit.DimensionsDefines]);

    private KernelLaunch Gather(ulong x, ulong columns) =>
        CudaCopies.Spread(Kernel("im2col", DType.CudaBits()), ColumnElements, x, columns, Implicit.Dimensions, ColumnElements);

    /// <summary>Transposes (N, O, pixels) to (O, N, pixels): the pixels of all images side by side.</summary>
    private KernelLaunch PlanesFirst(ulong g, ulong planes)
    {
        int area = Shape.Pixels, count = checked(Shape.O * Pixels);
        var loops = new CudaLoops([Shape.O, Shape.N, area], [area, Shape.O * area, 1]);
        var kernel = new CudaKernel("copy.cu", "permute", $"T {DType.CudaBits()}");
        return CudaCopies.Spread(kernel, count, g, planes, loops, count);
    }

    private CudaTiling Tiling(GemmShape shape) => CudaGemm.Tiling(shape, DType, tensorFloat32: TensorFloat32);

    private long PartBytes(GemmShape shape) => Tiling(shape).Workspace(DType);

    private static long Aligned(long bytes) => (bytes + 15) / 16 * 16;
}
