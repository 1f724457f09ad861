using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Describes how a block of conv_direct.cuh works: it sums convolutions of planes with filters, from shared memory. The
/// shape and the dtype alone determine the layout, as for a tiling.
/// </summary>
/// <param name="Own">The number of outputs for which a thread computes a window of 2 × 2 pixels.</param>
/// <param name="Groups">The number of groups of <paramref name="Own"/> outputs of a block.</param>
/// <param name="Images">The number of images of a block.</param>
/// <param name="Chunk">The number of planes that are in shared memory at once.</param>
/// <param name="RowsStep">The elements in shared memory from two rows of a plane to the next two.</param>
/// <param name="ImageStep">The elements in shared memory from an image's planes to those of the next image.</param>
internal readonly record struct CudaDirect(int Own, int Groups, int Images, int Chunk, int RowsStep, int ImageStep)
{
    private const int MaxThreads = 256, Warp = 32, Window = 4;

    /// <summary>
    /// The largest shared memory of a launch. With more, a block would be alone on a multiprocessor, which would be
    /// idle while the block waits.
    /// </summary>
    private const int MaxBytes = 40 * 1024;

    /// <summary>
    /// The largest area of a filter. The loop over it is unrolled, and a longer one would fill the instruction cache.
    /// </summary>
    private const int MaxFilterArea = 25;

    /// <summary>
    /// The multiprocessors of a large GPU, as in <see cref="CudaTiling"/>, and the instructions that each issues per
    /// clock.
    /// </summary>
    private const int Multiprocessors = 128, IssuedPerClock = 4;

    /// <summary>
    /// Instructions of a thread, counted in the kernels' PTX. <c>Weights</c> and <c>Planes</c> are for the weights, and
    /// for the planes of an image, of a chunk; <c>PerWeight</c> and <c>PerElement</c> for each of their elements.
    /// <c>PerResult</c> is for an element of the result that is written in order, and <c>PerPlane</c> for a plane
    /// without its reads and products.
    /// </summary>
    private const int Weights = 40, PerWeight = 5, Planes = 45, PerElement = 5, PerResult = 25, PerPlane = 6;

    /// <summary>Returns the layout of the convolution.</summary>
    public static (CudaDirect Direct, CudaDirectShape Dimensions)? Forward(ConvShape shape, DType dtype, bool pools)
    {
        var dimensions = new CudaDirectShape(
            shape.N, shape.C, shape.O, pools ? shape.OH / 2 * 2 : shape.OH, pools ? shape.OW / 2 * 2 : shape.OW,
            shape.KH, shape.KW, pools);
        return shape is { StrideH: 1, StrideW: 1 } ? Choose(dimensions, dtype) : null;
    }

    /// <summary>Returns the layout of the gradient with respect to the images.</summary>
    public static (CudaDirect Direct, CudaDirectShape Dimensions)? InputGradient(ConvShape shape, DType dtype)
    {
        var dimensions = new CudaDirectShape(shape.N, shape.O, shape.C, shape.H, shape.W, shape.KH, shape.KW, false);
        return shape is { StrideH: 1, StrideW: 1 } && shape.PadH < shape.KH && shape.PadW < shape.KW
            ? Choose(dimensions, dtype)
            : null;
    }

    /// <summary>Returns the number of threads of a block.</summary>
    public int Threads(CudaDirectShape dimensions) => Groups * GroupThreads(dimensions);

    /// <summary>Returns the number of blocks.</summary>
    public Dim3 Grid(CudaDirectShape dimensions) =>
        new(CudaTypes.Blocks(dimensions.Images, Images), CudaTypes.Blocks(dimensions.Out, Groups * Own));

    /// <summary>Returns the bytes of shared memory of a block.</summary>
    public int SharedBytes(CudaDirectShape dimensions, DType dtype)
    {
        int planes = CudaTypes.Blocks(Images * ImageStep, 4) * 4;
        int weights = Chunk * dimensions.FilterArea * WeightStep;
        int results = dimensions.Pools ? 0 : Images * Groups * Own * dimensions.Height * dimensions.Width;
        return Math.Max(planes + weights, results) * dtype.Size();
    }

    /// <summary>Returns the macros of conv_direct.cuh.</summary>
    public IEnumerable<string> Defines(CudaDirectShape dimensions) =>
    [
        $"FILTER_HEIGHT {dimensions.FilterHeight}",
        $"FILTER_WIDTH {dimensions.FilterWidth}",
        $"OWN {Own}",
        $"GROUPS {Groups}",
        $"IMAGES {Images}",
        $"CHUNK {Chunk}",
        $"PLANE_HEIGHT {dimensions.PlaneHeight}",
        $"PLANE_WIDTH {dimensions.PlaneWidth}",
        $"ROWS_STEP {RowsStep}",
        $"IMAGE_STEP {ImageStep}",
        $"WEIGHT_STEP {WeightStep}",
        $"GROUP_THREADS {GroupThreads(dimensions)}",
        $"THREADS {Threads(dimensions)}",
    ];

    /// <summary>
    /// Returns the threads of a group: whole warps, because two groups in one warp would have bank conflicts.
    /// </summary>
    private int GroupThreads(CudaDirectShape dimensions) => CudaTypes.Blocks(dimensions.Tiles * Images, Warp) * Warp;

    /// <summary>
    /// Gets the elements from the weights of one tap to those of the next. It is four more than a multiple of eight, so
    /// that the lanes that load eight taps of four outputs access 32 banks.
    /// </summary>
    private int WeightStep => ((Groups * Own + 7) / 8 * 8) + 4;

    private static (CudaDirect Direct, CudaDirectShape Dimensions)? Choose(CudaDirectShape dimensions, DType dtype)
    {
        if (dimensions.FilterArea > MaxFilterArea || dimensions.Tiles is 0 or > MaxThreads
            || dimensions.Images == 0 || dimensions.In == 0 || dimensions.Out == 0)
        {
            return null;
        }

        CudaDirect? best = null;
        double min = double.PositiveInfinity;
        int[] owns = dtype == DType.Float64 ? [4, 8] : [4, 8, 16];
        foreach (int own in owns)
        {
            for (int groups = 1; groups == 1 || groups / 2 * own < dimensions.Out; groups *= 2)
            {
                for (int images = 1; images <= dimensions.Images
                    && dimensions.Tiles * images * groups <= MaxThreads; images++)
                {
                    if (new CudaDirect(own, groups, images, 0, 0, 0).Threads(dimensions) <= MaxThreads
                        && Layout(dimensions, dtype, own, groups, images) is { } layout
                        && layout.Clocks(dimensions) < min)
                    {
                        (best, min) = (layout, layout.Clocks(dimensions));
                    }
                }
            }
        }

        return best is { } found ? (found, dimensions) : null;
    }

    /// <summary>Returns the layout with as many planes at once as fit.</summary>
    private static CudaDirect? Layout(CudaDirectShape dimensions, DType dtype, int own, int groups, int images)
    {
        int rowsStep = NextLike(dimensions.Across, CudaTypes.Blocks(dimensions.PlaneWidth, 2) * 4);
        for (int chunk = dimensions.In; ; chunk = (chunk + 1) / 2)
        {
            int planes = chunk * CudaTypes.Blocks(dimensions.PlaneHeight, 2) * rowsStep;
            var layout = new CudaDirect(own, groups, images, chunk, rowsStep, NextLike(dimensions.Tiles, planes));
            if (layout.SharedBytes(dimensions, dtype) <= MaxBytes)
            {
                return layout;
            }

            if (chunk == 1)
            {
                return null;
            }
        }

        // Returns the smallest number from one on that lies in the same bank as another number.
        static int NextLike(int like, int from) => from + ((((like - from) % Warp) + Warp) % Warp);
    }

    /// <summary>Estimates the time in clocks, for a full batch: the last, shorter one uses the same layout.</summary>
    public double Clocks(CudaDirectShape dimensions)
    {
        dimensions =
            dimensions with { Images = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)dimensions.Images) };
        const int TapsOfWarp = 8, OutputsOfWarp = 4;
        int warps = Threads(dimensions) / Warp, reads = (dimensions.FilterHeight + 1) * (dimensions.FilterWidth + 1);
        double plane = (dimensions.FilterArea * Own * (Window + (1.0 / Window))) + reads + PerPlane;

        // How often each thread goes through the planes of an image, and how many planes the threads load together.
        int area = dimensions.PlaneHeight * dimensions.PlaneWidth, together = Math.Max(1, Threads(dimensions) / area);
        double planes = Math.Ceiling((double)together * area / Threads(dimensions)) * Images
            * (Planes + (Math.Ceiling((double)Chunk / together) * PerElement));
        double weights = Weights + (Math.Ceiling((double)Chunk * dimensions.FilterArea / (warps * TapsOfWarp))
            * (Groups * Own / OutputsOfWarp * PerWeight));
        double bringing = Math.Ceiling((double)dimensions.In / Chunk) * warps * (planes + weights);
        double results = dimensions.Pools
            ? 0
            : (double)Images * Groups * Own * dimensions.Height * dimensions.Width * PerResult / Warp;
        double block = (dimensions.In * warps * plane) + bringing + results;

        // The time if it runs alone on the GPU, and the work.
        double share = (double)Grid(dimensions).X * Grid(dimensions).Y / Multiprocessors;
        double alone = Math.Max(1, Math.Ceiling(share) * warps / IssuedPerClock) * block / warps;
        return alone + (CudaTiling.WorkWeight * share * block / IssuedPerClock);
    }
}

/// <summary>Describes the dimensions of a direct convolution, from planes to outputs.</summary>
/// <param name="Images">The number of images.</param>
/// <param name="In">The number of planes that are read: channels or, for the gradient, filters.</param>
/// <param name="Out">The number of planes that are written.</param>
/// <param name="Height">The number of their rows that are computed.</param>
/// <param name="Width">The number of their columns that are computed.</param>
/// <param name="FilterHeight">The number of rows of a filter.</param>
/// <param name="FilterWidth">The number of columns of a filter.</param>
/// <param name="Pools">Whether only the largest element of each window is stored.</param>
internal readonly record struct CudaDirectShape(
    int Images, int In, int Out, int Height, int Width, int FilterHeight, int FilterWidth, bool Pools)
{
    public int FilterArea => FilterHeight * FilterWidth;

    /// <summary>Gets the number of rows of an input plane, with the zeros around it, as far as windows reach.</summary>
    public int PlaneHeight => (2 * Down) + FilterHeight - 1;

    /// <summary>Gets the number of columns of an input plane, likewise.</summary>
    public int PlaneWidth => (2 * Across) + FilterWidth - 1;

    public int Down => (Height + 1) / 2;

    public int Across => (Width + 1) / 2;

    /// <summary>Gets the number of windows of 2 × 2 that cover a plane of the result.</summary>
    public int Tiles => Down * Across;
}
