using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Describes how a block of conv_pooled_weights_gradient.cu works, which multiplies only the windows' largest pixels.
/// The shape and the dtype alone determine the layout, as for a tiling.
/// </summary>
/// <param name="Filters">The number of filters of a block.</param>
/// <param name="Groups">The number of groups of <paramref name="Own"/> channels of a block.</param>
/// <param name="Own">The number of channels whose sums a thread keeps.</param>
/// <param name="Splits">The number of blocks among which the images are split.</param>
internal readonly record struct CudaMaxima(int Filters, int Groups, int Own, int Splits)
{
    /// <summary>The number of threads of a block.</summary>
    public const int Threads = 256;

    private const int Warp = 32;

    /// <summary>The largest bytes of sums in the registers of a thread, and of shared memory of a block.</summary>
    private const int MaxSumBytes = 160, MaxBytes = 36 * 1024;

    /// <summary>The multiprocessors of a large GPU, as in <see cref="CudaTiling"/>.</summary>
    private const int Multiprocessors = 128;

    /// <summary>
    /// Instructions of a thread, counted in the kernel's PTX: for a window without the read and the product for each
    /// accumulator; for an element that is loaded; for a window's maximum; and for each accumulator when splits are
    /// added.
    /// </summary>
    private const int PerWindow = 6, PerElement = 6, PerMaximum = 16, PerSum = 30;

    private int Walkers => Threads / (Filters * Groups);

    /// <summary>Returns the layout for a shape; null if the kernel cannot compute it.</summary>
    public static CudaMaxima? Choose(ConvShape shape, DType dtype)
    {
        if (shape is not { StrideH: 1, StrideW: 1 } || Math.Min(shape.N, Math.Min(shape.C, shape.O)) == 0)
        {
            return null;
        }

        CudaMaxima? best = null;
        double min = double.PositiveInfinity;
        for (int filters = 8; filters <= 64; filters *= 2)
        {
            for (int groups = 1; filters * groups <= Threads && groups < 2 * shape.C; groups *= 2)
            {
                for (int own = 1; own <= shape.C && own * shape.KH * shape.KW * dtype.Size() <= MaxSumBytes; own++)
                {
                    var layout = new CudaMaxima(filters, groups, own, 1);
                    Dim3 grid = layout.Grid(shape);
                    int max = Math.Max(1, Math.Min(shape.N, Multiprocessors / (grid.X * grid.Y)));
                    layout = layout with { Splits = 1 << BitOperations.Log2((uint)max) };
                    if (layout.SharedBytes(shape, dtype) <= MaxBytes && layout.Clocks(shape) < min)
                    {
                        (best, min) = (layout, layout.Clocks(shape));
                    }
                }
            }
        }

        return best;
    }

    /// <summary>Returns the number of blocks.</summary>
    public Dim3 Grid(ConvShape shape) =>
        new(CudaTypes.Blocks(shape.O, Filters), CudaTypes.Blocks(shape.C, Groups * Own), Splits);

    /// <summary>Returns the bytes of shared memory of a block.</summary>
    public int SharedBytes(ConvShape shape, DType dtype)
    {
        int maxima = Filters * (Windows(shape) | 1) * 2;
        int planes = CudaTypes.Blocks(Groups * Own * PlaneArea(shape), 2) * 2;
        return Math.Max(planes + maxima, Threads * Count(shape)) * dtype.Size();
    }

    /// <summary>Returns the bytes of the splits' accumulators; 0 for a single split.</summary>
    public long Workspace(ConvShape shape, DType dtype) =>
        Splits > 1 ? (long)Grid(shape).X * Grid(shape).Y * Splits * Left(shape) * Threads * dtype.Size() : 0;

    /// <summary>Returns the macros of the kernel.</summary>
    public IEnumerable<string> Defines(ConvShape shape) =>
    [
        $"FILTER_HEIGHT {shape.KH}",
        $"FILTER_WIDTH {shape.KW}",
        $"PLANE_HEIGHT {shape.H + (2 * shape.PadH)}",
        $"PLANE_WIDTH {PlaneWidth(shape)}",
        $"FILTERS {Filters}",
        $"GROUPS {Groups}",
        $"OWN {Own}",
        $"WALKERS {Walkers}",
        $"THREADS {Threads}",
        $"ARRIVALS {(Splits > 1 ? Grid(shape).X * Grid(shape).Y * Splits : 0)}",
    ];

    private static int Windows(ConvShape shape) => shape.OH / 2 * (shape.OW / 2);

    private static int PlaneArea(ConvShape shape) => (shape.H + (2 * shape.PadH)) * PlaneWidth(shape);

    /// <summary>
    /// Returns the columns of a plane in shared memory: the two rows of a window, and of its neighbor, are in different
    /// banks.
    /// </summary>
    private static int PlaneWidth(ConvShape shape)
    {
        const int Apart = 4;
        int width = shape.W + (2 * shape.PadW);
        while (width % Warp is < Apart or > Warp - Apart)
        {
            width++;
        }

        return width;
    }

    private int Count(ConvShape shape) => (Own * shape.KH * shape.KW) + 1;

    private int Left(ConvShape shape) => CudaTypes.Blocks((long)Filters * Groups * Count(shape), Threads);

    /// <summary>Estimates the time, in instructions of a multiprocessor.</summary>
    private double Clocks(ConvShape shape)
    {
        const int Warps = Threads / Warp;
        const double SharedBanks = 1.25;
        double walk = Math.Ceiling((double)Windows(shape) / Walkers) * (PerWindow + (2 * Count(shape)));
        double bringing = ((double)Groups * Own * PlaneArea(shape) * PerElement)
            + ((double)Filters * Windows(shape) * PerMaximum);
        double image = (Warps * walk * (Filters < Warp ? SharedBanks : 1)) + (bringing / Warp);
        double join = (double)Warps * Left(shape) * PerSum;
        double blocks = Math.Ceiling((double)Grid(shape).X * Grid(shape).Y * Splits / Multiprocessors);
        return blocks * ((Math.Ceiling((double)shape.N / Splits) * image) + join);
    }
}
