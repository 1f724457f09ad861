namespace Engine.Devices.Cpu;

/// <summary>
/// The blocks of tiles of a Winograd convolution. A strip is a row of tiles of an image; strips are counted through all
/// images. A block has <paramref name="Strips"/> strips, or fewer at the end, and the same one of their
/// <paramref name="Pieces"/> parts side by side. Its tiles, one strip after the other, are the columns of the products.
/// </summary>
internal readonly record struct WinogradShape(ConvShape Conv, int Tile, int Strips, int Pieces)
{
    /// <summary>
    /// The elements of a block's transformed patches, which stay in the L2 cache together with the filters.
    /// </summary>
    private const int BlockElements = 128 << 10;

    private const int MinTiles = 32;
    private const int MaxTiles = 256;
    private const int BlocksPerThread = 4;

    /// <summary>
    /// Returns blocks for a result whose bits do not depend on the blocks: small enough that each of
    /// <paramref name="threads"/> threads has some, and with few empty lanes.
    /// </summary>
    internal static WinogradShape Of(in ConvShape conv, int tile, int threads, int lanes)
    {
        (int across, int strips) = Tiles(conv, tile);
        int max = Max(conv.C, tile), pieces = Math.Max(1, Ceiling(across, max)), width = Ceiling(across, pieces);
        long each = (long)strips * across / Math.Max(1, BlocksPerThread * threads);
        max = (int)Math.Min(max, Math.Max(MinTiles, threads == 1 ? max : each));
        int best = Math.Max(1, max / Math.Max(width, 1));
        for (int rows = best - 1; rows > best / 2; rows--)
        {
            best = Waste(rows) < Waste(best) ? rows : best;
        }

        return new WinogradShape(conv, tile, best, pieces);

        double Waste(int rows) => (double)((rows * width) + lanes - 1) / lanes * lanes / (rows * width);
    }

    /// <summary>
    /// Returns blocks for sums over tiles. The blocks determine the order of addition, so they depend only on the
    /// shape.
    /// </summary>
    internal static WinogradShape OfSums(in ConvShape conv, int tile)
    {
        (int across, _) = Tiles(conv, tile);
        int max = Max(conv.C + conv.O, tile), pieces = Math.Max(1, Ceiling(across, max));
        return new WinogradShape(conv, tile, Math.Max(1, max / Math.Max(1, Ceiling(across, pieces))), pieces);
    }

    /// <summary>m + 2: the dimension of a patch, from which a tile is made.</summary>
    internal int Patch => Tile + 2;

    /// <summary>The number of matrix products.</summary>
    internal int Products => Patch * Patch;

    internal int TilesAcross => Ceiling(Conv.OW, Tile);

    internal int TilesDown => Ceiling(Conv.OH, Tile);

    internal int Blocks => Ceiling(Conv.N * TilesDown, Strips) * Pieces;

    /// <summary>The most tiles that a strip of a block has.</summary>
    internal int StripTiles => Ceiling(TilesAcross, Pieces);

    /// <summary>The most tiles that a block has.</summary>
    internal int BlockTiles => Strips * StripTiles;

    /// <summary>Block <paramref name="index"/>: its strips and, of each, its tiles.</summary>
    internal WinogradBlock Block(int index)
    {
        (int group, int piece) = Math.DivRem(index, Pieces);
        int first = group * Strips, left = (int)((long)TilesAcross * piece / Pieces);
        int right = (int)((long)TilesAcross * (piece + 1) / Pieces);
        return new WinogradBlock(first, Math.Min(first + Strips, Conv.N * TilesDown), left, right);
    }

    private static (int Across, int Strips) Tiles(in ConvShape conv, int tile) =>
        (Ceiling(conv.OW, tile), conv.N * Ceiling(conv.OH, tile));

    private static int Max(int channels, int tile) =>
        Math.Clamp(BlockElements / ((tile + 2) * (tile + 2) * Math.Max(channels, 1)), MinTiles, MaxTiles);

    private static int Ceiling(int value, int divisor) => (value + divisor - 1) / divisor;
}

/// <summary>
/// Strips <paramref name="First"/> up to, not including, <paramref name="Last"/>, and of each the tiles from
/// <paramref name="Left"/> up to, not including, <paramref name="Right"/>.
/// </summary>
internal readonly record struct WinogradBlock(int First, int Last, int Left, int Right)
{
    /// <summary>Tiles of a strip.</summary>
    internal int Across => Right - Left;

    internal int Tiles => (Last - First) * Across;
}
