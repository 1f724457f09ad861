using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// How a block of conv_direct.cuh works: a sum of planes, each convolved with filters, from shared memory. The layout
/// follows from the shape and the dtype alone, as a tiling does.
/// </summary>
/// <param name="Own">Outputs of which a thread makes a window of 2 × 2 pixels.</param>
/// <param name="Groups">So many groups of <paramref name="Own"/> outputs are a block's.</param>
/// <param name="Images">Images of a block.</param>
/// <param name="Chunk">Planes that are in shared memory at once.</param>
/// <param name="RowsStep">Elements there from two rows of a plane to the next two.</param>
/// <param name="ImageStep">Elements there from an image's planes to those of the next.</param>
internal readonly record struct CudaDirect(int Own, int Groups, int Images, int Chunk, int RowsStep, int ImageStep)
{
    private const int MaxThreads = 256, Warp = 32, Window = 4;

    /// <summary>
    /// What a launch may want: with more a block would be alone on a multiprocessor, and nobody work while it waits.
    /// </summary>
    private const int MaxBytes = 40 * 1024;

    /// <summary>A filter's area is unrolled: larger ones would fill the cache of instructions.</summary>
    private const int MaxFilterArea = 25;

    /// <summary>
    /// Multiprocessors of a large GPU, as in <see cref="CudaTiling"/>, and instructions each issues in a clock.
    /// </summary>
    private const int Multiprocessors = 128, IssuedPerClock = 4;

    /// <summary>
    /// Instructions of a thread, counted in the kernels' PTX: for the weights of a chunk beside each of them, for the
    /// planes of an image in a chunk beside each of their elements, for an element of the result that is written in order,
    /// and for a plane beside its reads and products.
    /// </summary>
    private const int Weights = 40, PerWeight = 5, Planes = 45, PerElement = 5, PerResult = 25, PerPlane = 6;

    /// <summary>Returns the convolution.</summary>
    public static (CudaDirect Direct, CudaDirectSides Sides)? Forward(ConvShape shape, DType dtype, bool pools)
    {
        var sides = new CudaDirectSides(
            shape.N, shape.C, shape.O, pools ? shape.OH / 2 * 2 : shape.OH, pools ? shape.OW / 2 * 2 : shape.OW,
            shape.KH, shape.KW, pools);
        return shape is { StrideH: 1, StrideW: 1 } ? Choose(sides, dtype) : null;
    }

    /// <summary>Returns the gradient with respect to the images.</summary>
    public static (CudaDirect Direct, CudaDirectSides Sides)? InputGradient(ConvShape shape, DType dtype)
    {
        var sides = new CudaDirectSides(shape.N, shape.O, shape.C, shape.H, shape.W, shape.KH, shape.KW, false);
        return shape is { StrideH: 1, StrideW: 1 } && shape.PadH < shape.KH && shape.PadW < shape.KW
            ? Choose(sides, dtype)
            : null;
    }

    /// <summary>Returns the threads of a block.</summary>
    public int Threads(CudaDirectSides sides) => Groups * GroupThreads(sides);

    /// <summary>Returns the blocks.</summary>
    public Dim3 Grid(CudaDirectSides sides) =>
        new(CudaTypes.Blocks(sides.Images, Images), CudaTypes.Blocks(sides.Out, Groups * Own));

    /// <summary>Returns the shared memory of a block.</summary>
    public int SharedBytes(CudaDirectSides sides, DType dtype)
    {
        int planes = CudaTypes.Blocks(Images * ImageStep, 4) * 4;
        int weights = Chunk * sides.FilterArea * WeightStep;
        int results = sides.Pools ? 0 : Images * Groups * Own * sides.Height * sides.Width;
        return Math.Max(planes + weights, results) * dtype.Size();
    }

    /// <summary>Returns the macros that conv_direct.cuh takes.</summary>
    public IEnumerable<string> Defines(CudaDirectSides sides) =>
    [
        $"FILTER_HEIGHT {sides.FilterHeight}",
        $"FILTER_WIDTH {sides.FilterWidth}",
        $"OWN {Own}",
        $"GROUPS {Groups}",
        $"IMAGES {Images}",
        $"CHUNK {Chunk}",
        $"PLANE_HEIGHT {sides.PlaneHeight}",
        $"PLANE_WIDTH {sides.PlaneWidth}",
        $"ROWS_STEP {RowsStep}",
        $"IMAGE_STEP {ImageStep}",
        $"WEIGHT_STEP {WeightStep}",
        $"GROUP_THREADS {GroupThreads(sides)}",
        $"THREADS {Threads(sides)}",
    ];

    /// <summary>Whole warps: where one had windows of two groups, these would meet in banks.</summary>
    private int GroupThreads(CudaDirectSides sides) => CudaTypes.Blocks(sides.Tiles * Images, Warp) * Warp;

    /// <summary>
    /// From the weights of one tap to those of the next; by four more than a multiple of eight, so that the lanes that
    /// bring eight taps of four outputs meet 32 banks.
    /// </summary>
    private int WeightStep => ((Groups * Own + 7) / 8 * 8) + 4;

    private static (CudaDirect Direct, CudaDirectSides Sides)? Choose(CudaDirectSides sides, DType dtype)
    {
        if (sides.FilterArea > MaxFilterArea || sides.Tiles is 0 or > MaxThreads
            || sides.Images == 0 || sides.In == 0 || sides.Out == 0)
        {
            return null;
        }

        // The last, shorter batch takes the layout of the others.
        CudaDirectSides full = sides with { Images = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)sides.Images) };
        CudaDirect? best = null;
        double least = double.PositiveInfinity;
        int[] owns = dtype == DType.Float64 ? [4, 8] : [4, 8, 16];
        foreach (int own in owns)
        {
            for (int groups = 1; groups == 1 || groups / 2 * own < sides.Out; groups *= 2)
            {
                for (int images = 1; images <= sides.Images && sides.Tiles * images * groups <= MaxThreads; images++)
                {
                    if (new CudaDirect(own, groups, images, 0, 0, 0).Threads(sides) <= MaxThreads
                        && Layout(sides, dtype, own, groups, images) is { } layout && layout.Clocks(full) < least)
                    {
                        (best, least) = (layout, layout.Clocks(full));
                    }
                }
            }
        }

        return best is { } found ? (found, sides) : null;
    }

    /// <summary>The layout with as many planes at once as there is room for.</summary>
    private static CudaDirect? Layout(CudaDirectSides sides, DType dtype, int own, int groups, int images)
    {
        int rowsStep = NextLike(sides.Across, CudaTypes.Blocks(sides.PlaneWidth, 2) * 4);
        for (int chunk = sides.In; ; chunk = (chunk + 1) / 2)
        {
            int planes = chunk * CudaTypes.Blocks(sides.PlaneHeight, 2) * rowsStep;
            var layout = new CudaDirect(own, groups, images, chunk, rowsStep, NextLike(sides.Tiles, planes));
            if (layout.SharedBytes(sides, dtype) <= MaxBytes)
            {
                return layout;
            }

            if (chunk == 1)
            {
                return null;
            }
        }

        // The least number from one on that lies in the same bank as another.
        static int NextLike(int like, int from) => from + ((((like - from) % Warp) + Warp) % Warp);
    }

    /// <summary>An estimate, in clocks, of the time it takes.</summary>
    private double Clocks(CudaDirectSides sides)
    {
        const int TapsOfWarp = 8, OutputsOfWarp = 4;
        int warps = Threads(sides) / Warp, reads = (sides.FilterHeight + 1) * (sides.FilterWidth + 1);
        double plane = (sides.FilterArea * Own * (Window + (1.0 / Window))) + reads + PerPlane;

        // How often each thread goes through the planes of an image, and what it does of them together.
        int area = sides.PlaneHeight * sides.PlaneWidth, together = Math.Max(1, Threads(sides) / area);
        double planes = Math.Ceiling((double)together * area / Threads(sides)) * Images
            * (Planes + (Math.Ceiling((double)Chunk / together) * PerElement));
        double weights = Weights + (Math.Ceiling((double)Chunk * sides.FilterArea / (warps * TapsOfWarp))
            * (Groups * Own / OutputsOfWarp * PerWeight));
        double bringing = Math.Ceiling((double)sides.In / Chunk) * warps * (planes + weights);
        double results = sides.Pools
            ? 0
            : (double)Images * Groups * Own * sides.Height * sides.Width * PerResult / Warp;
        double block = (sides.In * warps * plane) + bringing + results;

        // The time alone on the GPU, and the work.
        double share = (double)Grid(sides).X * Grid(sides).Y / Multiprocessors;
        double alone = Math.Max(1, Math.Ceiling(share) * warps / IssuedPerClock) * block / warps;
        return alone + (CudaTiling.WorkWeight * share * block / IssuedPerClock);
    }
}

/// <summary>The sides of a direct convolution, of planes to outputs.</summary>
/// <param name="Images">Images.</param>
/// <param name="In">Planes that are read: channels or, for the gradient, filters.</param>
/// <param name="Out">Planes that are made.</param>
/// <param name="Height">Rows of those, as far as they are computed.</param>
/// <param name="Width">Columns, likewise.</param>
/// <param name="FilterHeight">Rows of a filter.</param>
/// <param name="FilterWidth">Columns of a filter.</param>
/// <param name="Pools">Whether only the greatest of each window is stored.</param>
internal readonly record struct CudaDirectSides(
    int Images, int In, int Out, int Height, int Width, int FilterHeight, int FilterWidth, bool Pools)
{
    public int FilterArea => FilterHeight * FilterWidth;

    /// <summary>Gets rows of a plane that is read, with the zeros around it, as far as windows reach.</summary>
    public int PlaneHeight => (2 * Down) + FilterHeight - 1;

    /// <summary>Gets its columns, likewise.</summary>
    public int PlaneWidth => (2 * Across) + FilterWidth - 1;

    public int Down => (Height + 1) / 2;

    public int Across => (Width + 1) / 2;

    /// <summary>Windows of 2 × 2 that cover a plane of the result.</summary>
    public int Tiles => Down * Across;
}
