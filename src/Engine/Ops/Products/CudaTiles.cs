using System.Numerics;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Describes a product's tiles on the GPU, which gemm.cuh explains: a block's tile (M × N), the K-tile that is loaded
/// into shared memory at once, the rows and columns of a thread's accumulators, and a block's threads.
/// </summary>
internal readonly record struct CudaTile(int M, int N, int K, int Rows, int Columns, int Threads)
{
    /// <summary>Gets the tiles to choose from; among equally fast ones the first is chosen.</summary>
    public static IReadOnlyList<CudaTile> All { get; } =
    [
        new(128, 128, 16, 8, 8, 256),
        new(64, 64, 32, 8, 4, 256),
        new(64, 64, 16, 4, 4, 256),
        new(64, 32, 32, 8, 4, 128),
        new(64, 20, 32, 8, 5, 128),
        new(64, 16, 32, 8, 4, 128),
        new(32, 32, 32, 8, 4, 128),
        new(16, 64, 32, 8, 4, 128),
    ];

    /// <summary>Gets the tiles for tensor cores.</summary>
    public static IReadOnlyList<CudaTile> OfTensorCores { get; } =
    [
        new(128, 128, 16, 8, 8, 256) { Warp = (64, 32), Stages = 3 },
        new(64, 64, 32, 8, 4, 128) { Warp = (32, 32), Stages = 3 },
        new(64, 32, 32, 4, 4, 128) { Warp = (32, 16), Stages = 3 },
        new(32, 32, 32, 4, 2, 128) { Warp = (16, 16), Stages = 3 },
    ];

    /// <summary>Gets the tiles for numbers of 16 bits on tensor cores.</summary>
    public static IReadOnlyList<CudaTile> OfHalves { get; } =
    [
        new(128, 128, 32, 8, 8, 256) { Warp = (64, 32), Stages = 3 },
        new(64, 64, 32, 8, 4, 128) { Warp = (32, 32), Stages = 3 },
        new(64, 32, 32, 4, 4, 128) { Warp = (32, 16), Stages = 3 },
        new(32, 32, 32, 4, 2, 128) { Warp = (16, 16), Stages = 3 },
    ];

    private const int PaddingBytes = 16, Padding = 4, TensorPadding = 8;

    /// <summary>
    /// Gets or sets the part of the tile that a warp multiplies on tensor cores; 0 if they are not used.
    /// </summary>
    public (int M, int N) Warp { get; init; }

    /// <summary>Gets the number of K-tiles that are in shared memory at once.</summary>
    public int Stages { get; init; } = 2;

    /// <summary>Gets whether tensor cores are used.</summary>
    public bool IsTensor => Warp.M > 0;

    /// <summary>
    /// Gets whether a thread has the four pixels of a window: with tensor cores, in rows of two fragments of its warp.
    /// </summary>
    public bool HasWindows => !IsTensor || Warp.M % 32 == 0;

    /// <summary>
    /// Gets the bytes of shared memory for the parts of a convolution's offsets (tile.cuh's Part), for both operands in
    /// all layouts.
    /// </summary>
    public int PartBytes => IsTensor ? 16 * (M + N + (2 * Stages * K)) : 0;

    /// <summary>
    /// Gets the number of slices (slice-K): groups of threads with the same accumulators, each for its slice of every
    /// K-tile, because the tile has too few accumulators for all threads.
    /// </summary>
    public int SliceK => Threads / (M / Rows * (N / Columns));

    /// <summary>Gets the number of accumulators that a thread stores after slice-K, a multiple of four.</summary>
    public int SumsOfThread => IsTensor ? M * N / Threads : CudaTypes.Blocks(M * N, 4 * Threads) * 4;

    /// <summary>
    /// Returns whether a thread's accumulators fit into its registers, and two K-tiles into shared memory.
    /// </summary>
    public bool Takes(DType dtype)
    {
        const int MaxSumBytes = 256;
        return Rows * Columns * dtype.Size() <= MaxSumBytes && SharedBytes(dtype) <= CudaTypes.MaxSharedBytes;
    }

    /// <summary>
    /// Returns the bytes of shared memory: for two K-tiles of both operands in either layout, or at the end for the
    /// accumulators of all slices.
    /// </summary>
    public int SharedBytes(DType dtype)
    {
        if (IsTensor)
        {
            return Stages * (Dimension(M, dtype) + Dimension(N, dtype)) * dtype.Size();
        }

        int padding = Padding * (Math.Max(M, K) + Math.Max(N, K));
        int sums = SliceK == 1 ? 0 : SliceK * M * (N + Padding);
        return Math.Max(2 * (((M + N) * K) + padding), sums) * dtype.Size();
    }

    /// <summary>The elements of a K-tile of one operand with so many rows, whichever way it lies.</summary>
    private int Dimension(int rows, DType dtype) =>
        Math.Max(rows * (K + (PaddingBytes / dtype.Size())), K * (rows + TensorPadding));

    /// <summary>Returns the number of tiles that cover a matrix, down and across.</summary>
    public (int Down, int Across) Cover(int m, int n) => (CudaTypes.Blocks(m, M), CudaTypes.Blocks(n, N));
}

/// <summary>
/// Describes the tile and the number of splits along k (split-K) for a product of (m, k) by (k, n). Both depend only on
/// the shape and the dtype, so that the same program gives the same bits on every GPU.
/// </summary>
internal readonly record struct CudaTiling(CudaTile Tile, int Down, int Across, int Splits)
{
    /// <summary>
    /// Constants of the estimate. A large GPU has about 128 multiprocessors (H200 132, A100 108, RTX 4090 128). Each
    /// issues instructions of <c>IssuedPerClock</c> threads, and has <c>Resident</c> blocks that wait at the same time.
    /// <c>BetweenKTiles</c> and <c>Meeting</c> are clocks: between two K-tiles, and of a round of split-K, without
    /// reading the splits.
    /// </summary>
    private const int Multiprocessors = 128, IssuedPerClock = 128, Resident = 4, BetweenKTiles = 150, Meeting = 1500;

    /// <summary>
    /// Instructions of a thread, counted in the kernel's PTX: for a K-tile without its reads, copies and products; for
    /// a copy of 16 bytes; once in all; and for each accumulator that is stored or added to others.
    /// </summary>
    private const int PerKTile = 20, PerCopy = 4, Once = 350, PerSum = 12;

    /// <summary>
    /// The weight of the clocks that all multiprocessors work, relative to the clocks until the launch is done. With
    /// less work, more is left for concurrent launches, and a GPU at its power limit slows down less often.
    /// </summary>
    public const int WorkWeight = 2;

    private const int WarpThreads = 32, CopyBytes = 16;

    /// <summary>The bytes that a multiprocessor reads from the L2 cache per clock.</summary>
    private const int BytesPerClock = 64;

    /// <summary>The number of splits that one round adds up; split_k.cuh has the same.</summary>
    private const int Fan = 16;

    private const int MaxSplits = 128;

    public Dim3 Grid => new(Down, Across, Splits);

    /// <summary>Gets the macros of gemm.cuh and split_k.cuh.</summary>
    public IEnumerable<string> Defines =>
    [
        $"TILE_M {Tile.M}",
        $"TILE_N {Tile.N}",
        $"TILE_K {Tile.K}",
        $"ROWS {Tile.Rows}",
        $"COLUMNS {Tile.Columns}",
        $"TILE_THREADS {Tile.Threads}",
        .. Tile.IsTensor
            ? (string[])["TENSOR 1", $"WARP_M {Tile.Warp.M}", $"WARP_N {Tile.Warp.N}", $"STAGES {Tile.Stages}"]
            : [],

        // A power of two, so that similar shapes share a kernel.
        $"ARRIVALS {(Splits > 1 ? BitOperations.RoundUpToPowerOf2((ulong)Grid.Count) : 0)}",
    ];

    /// <summary>Returns the bytes of the splits' accumulators; 0 for a single split.</summary>
    public long Workspace(DType dtype) =>
        Splits > 1 ? (long)Splits * Down * Across * Tile.SumsOfThread * Tile.Threads * dtype.Computes().Size() : 0;

    /// <summary>Returns the tiling with the smallest estimated time.</summary>
    /// <param name="m">The number of rows of the product.</param>
    /// <param name="n">The number of columns of the product.</param>
    /// <param name="k">The number of products in the sum of each element.</param>
    /// <param name="dtype">Their type.</param>
    /// <param name="tensorFloat32">Whether float32 may be rounded to TF32, for tensor cores.</param>
    /// <param name="lookUp">
    /// The instructions of a thread for each element of the left operand if tensor cores' kernel looks it up by itself.
    /// </param>
    /// <param name="pools">Whether windows of four rows are pooled.</param>
    public static CudaTiling Choose(
        int m, int n, int k, DType dtype, bool tensorFloat32 = false, int lookUp = 0, bool pools = false)
    {
        CudaTiling best = default;
        double min = double.PositiveInfinity;
        bool isTensor = tensorFloat32 && dtype == DType.Float32;
        foreach (CudaTile tile in dtype.IsHalf()
            ? CudaTile.OfHalves
            : isTensor ? CudaTile.OfTensorCores : CudaTile.All.Where(tile => tile.Takes(dtype)))
        {
            if (pools && !tile.HasWindows)
            {
                continue;
            }

            (int down, int across) = tile.Cover(m, n);
            int kTiles = CudaTypes.Blocks(k, tile.K);
            for (int splits = 1; splits <= Math.Max(1, Math.Min(MaxSplits, kTiles)); splits *= 2)
            {
                var tiling = new CudaTiling(tile, down, across, splits);
                double clocks = tiling.Clocks(k, dtype, lookUp);
                if (clocks < min)
                {
                    (best, min) = (tiling, clocks);
                }
            }
        }

        return best;
    }

    /// <summary>Estimates the time in clocks; the parameters are those of <see cref="Choose"/>.</summary>
    public double Clocks(int k, DType dtype, int lookUp)
    {
        int kTiles = CudaTypes.Blocks(k, Tile.K);
        double share = (double)Down * Across * Splits / Multiprocessors, blocks = Math.Ceiling(share);
        double each = Math.Ceiling((double)kTiles / Splits);
        const int Vector = 4;
        int depth = Tile.K / Tile.SliceK, sums = Tile.Rows * Tile.Columns;
        double kTile = (depth * (sums + ((Tile.Rows + Tile.Columns) / (double)Vector))) + PerKTile
            + (PerCopy * (Tile.M + Tile.N) * Tile.K / (double)(Vector * Tile.Threads));
        if (Tile.IsTensor)
        {
            // TF32: a warp multiplies 16 × 8 × 8 with one instruction, and reads and rounds both fragments with others.
            // 16 bits: it multiplies 16 × 8 × 16, and one instruction reads a fragment of A or two of B.
            bool isHalf = dtype.IsHalf();
            int depthOf = isHalf ? 16 : 8;
            double products = (double)Tile.M * Tile.N * Tile.K / (16 * 8 * depthOf) / (Tile.Threads / WarpThreads);
            double reads = isHalf
                ? Tile.K / 16.0 * ((Tile.Warp.M / 16) + (Tile.Warp.N / 16))
                : 2.0 * Tile.K / 8 * ((Tile.Warp.M / 16 * 4) + (Tile.Warp.N / 8 * 2));
            kTile = products + reads + PerKTile
                + (PerCopy * (Tile.M + Tile.N) * Tile.K * dtype.Size() / (double)(CopyBytes * Tile.Threads))
                + ((double)lookUp * Tile.M * Tile.K / Tile.Threads);
        }

        double thread = Once + (each * kTile) + ((double)PerSum * Tile.M * Tile.N / Tile.Threads);
        double arithmetic = (blocks + (WorkWeight * share)) * thread * Tile.Threads / IssuedPerClock;
        double waiting = Math.Ceiling(blocks / Resident) * each * BetweenKTiles;
        int rounds = Splits == 1 ? 0 : Splits <= Fan ? 1 : 2;
        double reading = (double)Math.Min(Splits, Fan) * Tile.M * Tile.N * dtype.Computes().Size() / BytesPerClock;
        return arithmetic + waiting + (rounds * (Meeting + reading));
    }
}
