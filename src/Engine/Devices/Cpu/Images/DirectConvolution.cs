using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// Convolutions of stride 1 without a matrix of pixels. The rows that a band reads are copied once, with their padding.
/// Then each tap reads one run of these planes for all pixels of the band, at its own offset: the planes are the second
/// factor of the product, and its rows overlap. The few pixels between two rows are computed in vain.
/// </summary>
internal static unsafe class DirectConvolution
{
    /// <summary>The bytes of a band's planes, which stay in the L2 cache together with the filters.</summary>
    private const int PlanesBytes = 256 << 10;

    /// <summary>The fewest rows of a band that the planes must hold, as rows are copied for two bands.</summary>
    private const int MinRows = 4;

    /// <summary>
    /// The smallest channels or filters for which Winograd's transforms pay in comparison with this class.
    /// </summary>
    private const int MinWinogradChannels = 32;

    /// <summary>The filters of which a tile of pixels is computed before the next tile.</summary>
    private const int GroupFilters = 48;

    private const int Alignment = 64;

    /// <summary>
    /// Returns whether this class can compute the convolution, and faster than <see cref="ColumnConvolution"/>: at most
    /// an eighth of the pixels are computed in vain.
    /// </summary>
    internal static bool Takes<T>(in ConvShape s)
        where T : unmanaged => (s.StrideH, s.StrideW) == (1, 1) && !s.IsPointwise && s.C > 0 && s.O > 0 && s.Pixels > 0
            && 7L * Pitch(s) <= 8L * s.OW && FittingRows<T>(s) >= Math.Min(s.OH, MinRows);

    /// <summary>Returns whether it is faster than <see cref="Winograd"/>, too.</summary>
    internal static bool IsFasterThanWinograd(in ConvShape s) =>
        Math.Min(s.C, s.O) < MinWinogradChannels && Takes<double>(s);

    /// <summary>
    /// Returns the bytes of workspace that a team of <paramref name="workers"/> threads needs.
    /// </summary>
    internal static long WorkspaceBytes<T>(in ConvShape s, int workers)
        where T : unmanaged => new Memory<T>(s, BandsOf<T>(s, workers), null).Bytes(workers);

    /// <summary>y = w ∗ x + bias; <paramref name="bias"/> is O values, or null.</summary>
    internal static Phase[] Forward<T>(
        ConvShape s, T* x, T* w, T* bias, T* y, byte* workspace, int workers, CpuEpilogue? epilogue)
        where T : unmanaged
    {
        Bands bands = BandsOf<T>(s, workers);
        var memory = new Memory<T>(s, bands, workspace);
        int parts = ColumnConvolution.Parts(s.N * bands.Count, s.O, workers);
        int[] offsets = [.. Enumerable.Range(0, s.Taps).Select(tap => Offset(s, memory.PlaneSize, tap))];
        return
        [
            new Phase(s.N * bands.Count * parts, 1, (start, end, worker) =>
            {
                fixed (int* offset = offsets)
                {
                    var job = new Job<T>
                    {
                        Shape = s, Memory = memory, Bands = bands, Parts = parts, Offsets = offset, X = x, W = w, Bias =
                            bias,
                        Y = y, Epilogue = epilogue, Start = start, End = end, Worker = worker,
                    };
                    Simd.Dispatch<T, Job<T>>(ref job);
                }
            }),
        ];
    }

    /// <summary>Describes in words how a convolution is computed.</summary>
    internal static string Describe<T>(in ConvShape s, int workers)
        where T : unmanaged => $"taps read the padded images, {BandsOf<T>(s, workers).Down} bands an image";

    /// <summary>The distance of rows of a plane: the pixels of a row and those that only its last taps read.</summary>
    private static int Pitch(in ConvShape s) => s.OW + s.KW - 1;

    /// <summary>Returns how many rows of a result the planes of one band can hold.</summary>
    private static long FittingRows<T>(in ConvShape s)
        where T : unmanaged => (PlanesBytes / ((long)sizeof(T) * s.C * Pitch(s))) - s.KH + 1;

    private static Bands BandsOf<T>(in ConvShape s, int workers)
        where T : unmanaged
    {
        long rows = Math.Min(FittingRows<T>(s), ColumnConvolution.PixelsForThreads(s, workers) / s.OW);
        return Bands.Of(s.OH, s.OW, Math.Max(1, rows) * s.OW);
    }

    /// <summary>Returns where a tap's element for the first pixel lies in the planes.</summary>
    private static int Offset(in ConvShape s, int planeSize, int tap)
    {
        (int c, int at) = Math.DivRem(tap, s.KH * s.KW);
        (int kh, int kw) = Math.DivRem(s.Flip ? (s.KH * s.KW) - 1 - at : at, s.KW);
        return (c * planeSize) + (kh * Pitch(s)) + kw;
    }

    private struct Job<T> : ISimdJob<T>
        where T : unmanaged
    {
        public ConvShape Shape;
        public Memory<T> Memory;
        public Bands Bands;
        public int* Offsets;
        public T* X, W, Bias, Y;
        public CpuEpilogue? Epilogue;
        public int Parts, Start, End, Worker;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            int copied = -1, cleared = -1;
            for (int index = Start; index < End; index++)
            {
                (int imageBand, int part) = Math.DivRem(index, Parts);
                (int image, int b) = Math.DivRem(imageBand, Bands.Count);
                Band band = Bands[b];
                if (imageBand != copied)
                {
                    // The padding of the same band of another image is as it was.
                    if (b != cleared)
                    {
                        new Span<T>(Memory.Planes(Worker), Memory.PlanesSize).Clear();
                    }

                    Copy(band, X + ((nint)image * Shape.ImageSize), Memory.Planes(Worker));
                    (copied, cleared) = (imageBand, b);
                }

                (int first, int last) = ColumnConvolution.Part(Shape.O, part, Parts);
                for (int group = first; group < last; group += GroupFilters)
                {
                    int filters = Math.Min(GroupFilters, last - group);
                    long plane = ((long)image * Shape.O) + group;
                    Multiply<S, V>(band, group, filters, Y + ((nint)plane * Shape.Pixels) + (band.Top * Shape.OW));
                    if (Epilogue is not null)
                    {
                        Convolution.End(Epilogue, plane, filters, Shape.Pixels, band.Top * Shape.OW, band.Pixels);
                    }
                }
            }
        }

        /// <summary>Copies the rows that a band reads into the planes.</summary>
        private readonly void Copy(in Band band, T* image, T* planes)
        {
            int top = band.Top - Shape.PadH, begin = Math.Max(0, -top);
            int rows = Math.Min(band.Rows + Shape.KH - 1, Shape.H - top) - begin,
                columns = Math.Min(Shape.W, Pitch(Shape) - Shape.PadW);
            if (rows > 0 && columns > 0)
            {
                ShortRows.Copy(
                    Shape.C, (nint)Shape.H * Shape.W, Memory.PlaneSize, rows, columns,
                    image + ((nint)(top + begin) * Shape.W),
                    Shape.W, planes + ((nint)begin * Pitch(Shape)) + Shape.PadW, Pitch(Shape));
            }
        }

        /// <summary>
        /// Computes a band of a group of filters, tile by tile. A tile within a row is stored at once, one that crosses
        /// the pixels between rows through separate memory.
        /// </summary>
        private readonly void Multiply<S, V>(in Band band, int first, int filters, T* y)
            where S : struct, ISimd<V, T> where V : struct
        {
            T zero = default;
            T* edge = Memory.Edge(Worker);
            int pitch = Pitch(Shape), pixels = ((band.Rows - 1) * pitch) + Shape.OW,
                max = MicroKernel<S, V, T>.MaxRows;
            int tiles = (filters + max - 1) / max, low = filters / tiles, high = filters % tiles;
            int kTiles = (Shape.Taps + Gemm.Depth - 1) / Gemm.Depth, width = 2 * S.Count;
            for (int pixel = 0; pixel < pixels; pixel += width)
            {
                (int row, int column) = Math.DivRem(pixel, pitch);
                if (column >= Shape.OW)
                {
                    (row, column) = (row + 1, 0);
                    pixel = row * pitch;
                }

                bool isInRow = column + width <= Shape.OW, isWide = pixels - pixel > S.Count;
                int filter = first;
                for (int t = 0; t < tiles; t++)
                {
                    int height = t < high ? low + 1 : low;
                    T* to = y + ((nint)(filter - first) * Shape.Pixels);
                    for (int kTile = 0; kTile < kTiles; kTile++)
                    {
                        int begin = (int)((long)Shape.Taps * kTile / kTiles),
                            end = (int)((long)Shape.Taps * (kTile + 1) / kTiles);
                        var tile = new Tile<T>
                        {
                            Depth = end - begin,
                            A = W + ((nint)filter * Shape.Taps) + begin,
                            RowStep = Shape.Taps,
                            DepthStep = 1,
                            B = Memory.Planes(Worker) + pixel,
                            Offsets = Offsets + begin,
                            C = isInRow ? to + ((nint)row * Shape.OW) + column : edge,
                            Ldc = isInRow ? Shape.Pixels : width,
                            Bias = Bias == null || kTile > 0 ? &zero : Bias + filter,
                            BiasStep = Bias == null || kTile > 0 ? 0 : 1,
                            Add = kTile > 0,
                        };
                        MicroKernel<S, V, T>.Run(height, isWide, tile);
                    }

                    if (!isInRow)
                    {
                        Store(band, height, row, column, isWide ? width : S.Count, edge, width, to);
                    }

                    filter += height;
                }
            }
        }

        /// <summary>Stores the pixels of a tile without those between rows.</summary>
        private readonly void Store(in Band band, int filters, int row, int column, int count, T* edge, int width, T* y)
        {
            for (int at = 0; at < count && row < band.Rows; row++, column = 0)
            {
                int pixels = Math.Min(count - at, Shape.OW - column);
                ShortRows.Copy(filters, pixels, edge + at, width, y + ((nint)row * Shape.OW) + column, Shape.Pixels);
                at += Pitch(Shape) - column;
            }
        }
    }

    /// <summary>A thread's workspace: the planes of a band, with room for two vectors, and a tile.</summary>
    private readonly struct Memory<T>(ConvShape shape, Bands bands, byte* workspace)
        where T : unmanaged
    {
        private const int Room = 2 * Alignment, MaxRows = 12;

        public int PlaneSize => Lines((bands.MaxRows + shape.KH - 1) * Pitch(shape));

        public int PlanesSize => Lines((shape.C * PlaneSize) + (Room / sizeof(T)));

        public T* Planes(int worker) => (T*)(workspace + (worker * WorkerBytes));

        public T* Edge(int worker) => Planes(worker) + PlanesSize;

        public long Bytes(int workers) => workers * WorkerBytes;

        private long WorkerBytes => ((long)PlanesSize * sizeof(T)) + (MaxRows * Room);

        /// <summary>
        /// Rounds up to an odd number of cache lines: planes must not fall into few sets of the L1 cache.
        /// </summary>
        private static int Lines(int elements)
        {
            int line = Alignment / sizeof(T);
            return (((elements + line - 1) / line) | 1) * line;
        }
    }
}
