using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Builds the gradient of a convolution with respect to its images by columns on CUDA: a plain matrix product gives the
/// matrix of columns, and col2im.cu adds its elements to the images. It needs memory for the columns and more launches.
/// <see cref="CudaConvolution"/> needs neither, but multiplies zeros if there are strides.
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

    private GemmShape Product => new(Shape.Taps, Pixels, Shape.O, TransposeA: true);

    private int Pixels => checked(Shape.N * Shape.Pixels);

    private int ColumnElements => checked(Shape.Taps * Pixels);

    private long ColumnBytes => Aligned((long)ColumnElements * DType.Computes().Size());

    private long ResultBytes => Aligned((long)Shape.O * Pixels * DType.Size());

    public long Workspace => ColumnBytes + ResultBytes + Tiling.Workspace(DType);

    /// <summary>Returns the launches of the gradient with respect to the images.</summary>
    public CudaLaunch[] InputGradient(ulong w, ulong g, ulong y, ulong workspace)
    {
        ulong planes = workspace + (ulong)ColumnBytes, parts = planes + (ulong)ResultBytes;
        int count = checked(Shape.N * Shape.ImageSize);
        return
        [
            PlanesFirst(g, planes),
            CudaGemm.Launch(Tiling, Product, DType, new GemmAddresses(w, planes, workspace, Workspace: parts)),
            CudaCopies.Spread(Kernel, count, workspace, y, Implicit.Dimensions, count),
        ];
    }

    private CudaConvolution Implicit => new(Shape, DType);

    private CudaKernel Kernel =>
        new("col2im.cu", "col2im", [$"T {DType.Computes().Cuda()}", .. Implicit.DimensionsDefines]);

    /// <summary>Transposes (N, O, pixels) to (O, N, pixels): the pixels of all images side by side.</summary>
    private KernelLaunch PlanesFirst(ulong g, ulong planes)
    {
        int area = Shape.Pixels, count = checked(Shape.O * Pixels);
        var loops = new CudaLoops([Shape.O, Shape.N, area], [area, Shape.O * area, 1]);
        var kernel = new CudaKernel("copy.cu", "permute", $"T {DType.CudaBits()}");
        return CudaCopies.Spread(kernel, count, g, planes, loops, count);
    }

    private CudaTiling Tiling => CudaGemm.Tiling(Product, DType, tensorFloat32: TensorFloat32);

    private static long Aligned(long bytes) => (bytes + 15) / 16 * 16;
}
