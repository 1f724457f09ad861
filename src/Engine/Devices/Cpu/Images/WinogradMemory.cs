namespace Engine.Devices.Cpu;

/// <summary>
/// The workspace of a Winograd convolution, in elements: what all threads share, then for each thread its own.
/// Distances between planes that are written or read together are whole cache lines but no multiple of two, or they
/// would meet in few sets of the first cache.
/// </summary>
internal readonly unsafe struct WinogradMemory<T>(WinogradShape shape, byte* workspace, bool isSums)
    where T : unmanaged
{
    /// <summary>How many rows of a product are computed before they are transformed: a few micro-tiles.</summary>
    internal const int GroupRows = 48;

    private static int Line => 64 / sizeof(T);

    /// <summary>The widest vector: memory is laid out for it whichever is used.</summary>
    private static int Lanes => 64 / sizeof(T);

    private ConvShape Conv => shape.Conv;

    /// <summary>Columns of the products: a block's tiles, up to whole vectors, and the distance of their rows.</summary>
    internal int Columns => Odd(shape.BlockTiles);

    /// <summary>Filters of the sums' rows, up to whole vectors, and the distance of those rows.</summary>
    internal int Filters => Odd(Conv.O);

    /// <summary>Channels of the transformed filters' rows: their distance.</summary>
    internal int Channels => Odd(Conv.C);

    internal int Chunks => WeightSums.Chunks(Conv, Filters, shape.Blocks);

    internal long SumsSize => WeightSums.Size(Conv, Filters);

    /// <summary>The transformed filters: planes [filter, channel].</summary>
    internal T* FilterPlanes => (T*)workspace;

    internal long FilterPlane => OddPage((long)Conv.O * Channels);

    internal T* Sums(int chunk) => (T*)workspace + (chunk * SumsSize);

    /// <summary>The transformed patches: planes [channel, tile], with room for a vector behind the last.</summary>
    internal T* Patches(int worker) => (T*)workspace + SharedSize + (worker * WorkerSize);

    internal long PatchPlane => OddPage(((long)Conv.C * Columns) + Lanes);

    /// <summary>The products: planes [filter of a group, tile], or for sums [channel, filter].</summary>
    internal T* ProductPlanes(int worker) => Patches(worker) + (shape.Products * PatchPlane);

    internal long ProductPlane => OddPage(isSums ? (long)Conv.C * Filters : (long)Math.Min(Conv.O, GroupRows) * Columns);

    /// <summary>For sums, the transformed gradients: planes [tile, filter].</summary>
    internal T* GradientPlanes(int worker) => ProductPlanes(worker) + (shape.Products * ProductPlane);

    internal long GradientPlane => isSums ? OddPage((long)shape.BlockTiles * Filters) : 0;

    /// <summary>Half-transformed patches or tiles, and rows of an image.</summary>
    internal T* Scratch(int worker) => GradientPlanes(worker) + (shape.Products * GradientPlane);

    internal long Bytes(int workers) => sizeof(T) * (SharedSize + (workers * WorkerSize));

    /// <summary>
    /// Half-transformed patches of one channel: for each column of a patch and each row of m a plane of every m-th row,
    /// and the distance of such planes.
    /// </summary>
    internal int HalfPlane => Odd(shape.BlockTiles + shape.StripTiles + (2 * Lanes));

    internal int HalfPlanes => shape.Patch * shape.Tile;

    /// <summary>A row of an image with its padding: what the patches of a strip cover, by whole vectors of tiles.</summary>
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

    /// <summary>Whole lines, an odd number of them.</summary>
    private static int Odd(int elements) => (((elements + Line - 1) / Line) | 1) * Line;

    /// <summary>Whole pages and a line.</summary>
    private static long OddPage(long elements)
    {
        int page = 4096 / sizeof(T);
        return (((elements + page - 1) / page) * page) + Line;
    }
}
