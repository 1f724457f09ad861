namespace Engine.Devices.Cpu;

/// <summary>
/// The workspace of a Winograd convolution, in elements: shared memory of all threads, then memory for each thread.
/// Planes that are written or read together lie an odd number of cache lines apart; otherwise they would fall into few
/// sets of the L1 cache.
/// </summary>
internal readonly unsafe struct WinogradMemory<T>(WinogradShape shape, byte* workspace, bool isSums)
    where T : unmanaged
{
    /// <summary>The rows of a product that are computed before they are transformed: a few register tiles.</summary>
    internal const int GroupRows = 48;

    private static int Line => 64 / sizeof(T);

    /// <summary>The lanes of the widest vector; the layout is the same for all vectors.</summary>
    private static int Lanes => 64 / sizeof(T);

    private ConvShape Conv => shape.Conv;

    /// <summary>
    /// The columns of the products and the distance of their rows: a block's tiles, rounded up to whole vectors.
    /// </summary>
    internal int Columns => Odd(shape.BlockTiles);

    /// <summary>The filters in the rows of sums and the distance of these rows, rounded up to whole vectors.</summary>
    internal int Filters => Odd(Conv.O);

    /// <summary>The distance of the rows of transformed filters, each of the channels.</summary>
    internal int Channels => Odd(Conv.C);

    internal int Chunks => WeightSums.Chunks(Conv, Filters, shape.Blocks);

    internal long SumsSize => WeightSums.Size(Conv, Filters);

    /// <summary>The transformed filters: planes [filter, channel].</summary>
    internal T* FilterPlanes => (T*)workspace;

    internal long FilterPlane => OddPage((long)Conv.O * Channels);

    internal T* Sums(int chunk) => (T*)workspace + (chunk * SumsSize);

    /// <summary>The transformed patches: planes [channel, tile], with room for a vector after the last.</summary>
    internal T* Patches(int worker) => (T*)workspace + SharedSize + (worker * WorkerSize);

    internal long PatchPlane => OddPage(((long)Conv.C * Columns) + Lanes);

    /// <summary>The products: planes [filter of a group, tile], or for sums [channel, filter].</summary>
    internal T* ProductPlanes(int worker) => Patches(worker) + (shape.Products * PatchPlane);

    internal long ProductPlane =>
        OddPage(isSums ? (long)Conv.C * Filters : (long)Math.Min(Conv.O, GroupRows) * Columns);

    /// <summary>For sums, the transformed gradients: planes [tile, filter].</summary>
    internal T* GradientPlanes(int worker) => ProductPlanes(worker) + (shape.Products * ProductPlane);

    internal long GradientPlane => isSums ? OddPage((long)shape.BlockTiles * Filters) : 0;

    /// <summary>Half-transformed patches or tiles, and rows of an image.</summary>
    internal T* Scratch(int worker) => GradientPlanes(worker) + (shape.Products * GradientPlane);

    internal long Bytes(int workers) => sizeof(T) * (SharedSize + (workers * WorkerSize));

    /// <summary>
    /// The distance of the planes of one channel's half-transformed patches. For each column of a patch and each r
    /// below m, there is a plane of every m-th row from row r on.
    /// </summary>
    internal int HalfPlane => Odd(shape.BlockTiles + shape.StripTiles + (2 * Lanes));

    internal int HalfPlanes => shape.Patch * shape.Tile;

    /// <summary>
    /// A padded row of an image: all pixels under the patches of a strip, for whole vectors of tiles.
    /// </summary>
    internal int PaddedRow => Odd((shape.Tile * (shape.StripTiles + Lanes)) + (2 * Lanes));

    private long SharedSize => RoundUp(isSums ? Chunks * SumsSize : shape.Products * FilterPlane);

    private long WorkerSize => (shape.Products * (PatchPlane + ProductPlane + GradientPlane)) + ScratchSize;

    private long ScratchSize
    {
        get
        {
            long images = (HalfPlanes * (long)HalfPlane) + PaddedRow;
            long gradients = ((long)shape.Tile * shape.Tile * shape.StripTiles * Filters) + (shape.Products * Lanes);
            long filters = (9L * Channels) + (shape.Products * Lanes);
            return RoundUp(Math.Max(images, Math.Max(isSums ? gradients : 0, filters)));
        }
    }

    private static long RoundUp(long elements) => (elements + Line - 1) / Line * Line;

    /// <summary>Rounds up to whole cache lines, an odd number of them.</summary>
    private static int Odd(int elements) => (((elements + Line - 1) / Line) | 1) * Line;

    /// <summary>Rounds up to whole pages, plus a cache line.</summary>
    private static long OddPage(long elements)
    {
        int page = 4096 / sizeof(T);
        return (((elements + page - 1) / page) * page) + Line;
    }
}
