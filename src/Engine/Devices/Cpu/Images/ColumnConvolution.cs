using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// Convolutions of any filters and strides, and their gradients, as matrix products. For one band of rows of the result
/// at a time, the pixels that it needs become a matrix (<see cref="Im2Col"/>) in a thread's own memory. The matrix
/// stays in the L2 cache until it is multiplied. A phase's index is a band of an image, so several threads can share
/// one image. If there are few bands, the filters or the channels are cut as well.
/// </summary>
internal static unsafe class ColumnConvolution
{
    /// <summary>The bytes of a band's matrix, which stays in the L2 cache together with the filters.</summary>
    private const int BandBytes = 256 << 10;

    /// <summary>The smallest pixels of a band when bands are cut for more threads: two panels of a product.</summary>
    private const int MinPixels = 64;

    /// <summary>The smallest rows of a part of a product when it is cut for more threads.</summary>
    private const int MinRows = 48;

    /// <summary>The pixels of a group of images with small planes, and the minimum number of groups.</summary>
    private const int GroupPixels = 256, MinGroups = 16;

    private const int PartsPerThread = 2;
    private const int Alignment = 64;

    /// <summary>
    /// Returns the bytes of workspace that a pass needs for a team of <paramref name="workers"/> threads.
    /// </summary>
    internal static long WorkspaceBytes<T>(ConvolutionPass pass, in ConvShape s, int workers)
        where T : unmanaged => pass switch
        {
            ConvolutionPass.Forward => ForwardMemory<T>(s, workers).Bytes(workers),
            ConvolutionPass.WeightsGradient => SumsMemory<T>(s).Bytes(workers),
            _ => ScatterMemory<T>(s, workers).Bytes(workers),
        };

    /// <summary>y = w ∗ x + bias; <paramref name="bias"/> is O values, or null.</summary>
    internal static Phase[] Forward<T>(
        ConvShape s, T* x, T* w, T* bias, T* y, byte* workspace, int workers, CpuEpilogue? epilogue)
        where T : unmanaged, INumber<T>
    {
        Bands bands = ForwardBands<T>(s, workers);
        int parts = Parts(s.N * bands.Count, s.O, workers);
        Memory<T> memory = ForwardMemory<T>(s, workers, workspace);
        return
        [
            new Phase(s.N * bands.Count * parts, 1, (start, end, worker) =>
            {
                int gathered = -1, formerBand = -1;
                for (int index = start; index < end; index++)
                {
                    (int imageBand, int part) = Math.DivRem(index, parts);
                    (int image, int b) = Math.DivRem(imageBand, bands.Count);
                    Band band = bands[b];
                    (int first, int last) = Part(s.O, part, parts);
                    T* from = x + ((nint)image * s.ImageSize);
                    int ld = s.IsPointwise ? s.Pixels : Ld<T>(band.Pixels);
                    if (imageBand != gathered && !s.IsPointwise)
                    {
                        Im2Col.Gather(
                            s, band, s.C, from, memory.Phases(worker), memory.Columns(worker), ld, b == formerBand);
                        (gathered, formerBand) = (imageBand, b);
                    }

                    nint at = ((nint)band.Top * s.OW) + band.Left;
                    var arguments = new GemmArguments<T>
                    {
                        A = w + ((nint)first * s.Taps),
                        Lda = s.Taps,
                        B = s.IsPointwise ? from + at : memory.Columns(worker),
                        Ldb = ld,
                        C = y + ((((nint)image * s.O) + first) * s.Pixels) + at,
                        Ldc = s.Pixels,
                        RowBias = bias == null ? null : bias + first,
                    };
                    Gemm.Block(new GemmShape(last - first, band.Pixels, s.Taps), arguments, memory.Scratch(worker));
                    if (epilogue is not null)
                    {
                        long plane = ((long)image * s.O) + first;
                        Convolution.End(epilogue, plane, last - first, s.Pixels, (int)at, band.Pixels);
                    }
                }
            }),
        ];
    }

    /// <summary>
    /// The gradient with respect to x, from that with respect to y: a product with dy, whose columns are added to their
    /// pixels. The bands of an image follow one another in an order that depends only on the shape.
    /// </summary>
    internal static Phase[] GradInput<T>(
        ConvShape s, T* w, T* dy, T* dx, byte* workspace, int workers, CpuEpilogue? epilogue)
        where T : unmanaged, INumber<T>
    {
        Bands bands = SumBands<T>(s);
        int parts = Parts(s.N, s.C, workers), taps = s.KH * s.KW;
        var filters = (T*)workspace;
        Memory<T> memory = ScatterMemory<T>(s, workers, workspace);
        return
        [
            new Phase(s.C, Math.Max(1, 16384 / Math.Max(1, taps * s.O)), (start, end, _) => Packing.Columns(
                (end - start) * taps, s.O, w + ((nint)start * taps), s.Taps, filters + ((nint)start * taps * s.O),
                s.O)),
            new Phase(s.N * parts, 1, (start, end, worker) =>
            {
                for (int index = start; index < end; index++)
                {
                    (int image, int part) = Math.DivRem(index, parts);
                    (int first, int last) = Part(s.C, part, parts);
                    T* to = dx + ((nint)image * s.ImageSize) + ((nint)first * s.H * s.W);
                    if (!s.IsPointwise)
                    {
                        new Span<T>(to, (last - first) * s.H * s.W).Clear();
                    }

                    for (int b = 0; b < bands.Count; b++)
                    {
                        Band band = bands[b];
                        nint at = ((nint)band.Top * s.OW) + band.Left;
                        int ld = s.IsPointwise ? s.Pixels : Ld<T>(band.Pixels);
                        var arguments = new GemmArguments<T>
                        {
                            A = filters + ((nint)first * taps * s.O),
                            Lda = s.O,
                            B = dy + ((nint)image * s.O * s.Pixels) + at,
                            Ldb = s.Pixels,
                            C = s.IsPointwise ? to + at : memory.Columns(worker),
                            Ldc = ld,
                        };
                        var product = new GemmShape((last - first) * taps, band.Pixels, s.O);
                        Gemm.Block(product, arguments, memory.Scratch(worker));
                        if (!s.IsPointwise)
                        {
                            Im2Col.Scatter(s, band, last - first, arguments.C, ld, memory.Phases(worker), to);
                        }
                    }

                    epilogue?.Invoke(to - dx, (last - first) * s.H * s.W);
                }
            }),
        ];
    }

    /// <summary>
    /// The gradients with respect to w and, unless <paramref name="db"/> is null, to the bias, from that with respect
    /// to y.
    /// </summary>
    internal static Phase[] GradWeights<T>(ConvShape s, T* x, T* dy, T* dw, T* db, byte* workspace, int workers)
        where T : unmanaged, INumber<T>
    {
        Bands bands = SumBands<T>(s);
        int group = Group<T>(s, bands), count = Units(s, bands, group), chunks = WeightSums.Chunks(s, s.O, count);
        Memory<T> memory = SumsMemory<T>(s, workspace);
        return
        [
            new Phase(chunks, 1, (start, end, worker) =>
            {
                for (int chunk = start; chunk < end; chunk++)
                {
                    int first = (int)((long)count * chunk / chunks), last = (int)((long)count * (chunk + 1) / chunks);
                    T* sums = (T*)workspace + (chunk * (nint)WeightSums.Size(s, s.O));
                    T* bias = sums + ((nint)s.Taps * s.O);
                    new Span<T>(first == last ? sums : bias, first == last ? (s.Taps + 1) * s.O : s.O).Clear();
                    int formerBand = -1;
                    for (int index = first; index < last; index++)
                    {
                        (int unit, int b) = Math.DivRem(index, bands.Count);
                        int image = unit * group, images = Math.Min(group, s.N - image);
                        Band band = bands[b];
                        int depth = images * band.Pixels, ld = Ld<T>(group * band.Pixels);
                        T* from = x + ((nint)image * s.ImageSize), gradients = dy + ((nint)image * s.O * s.Pixels);
                        nint at = ((nint)band.Top * s.OW) + band.Left;
                        bool isHere = s.IsPointwise && group == 1;
                        for (int i = 0; i < images && !isHere; i++, from += s.ImageSize)
                        {
                            T* columns = memory.Columns(worker) + (i * band.Pixels);
                            if (s.IsPointwise)
                            {
                                ShortRows.Copy(s.C, s.Pixels, from, s.Pixels, columns, ld);
                            }
                            else
                            {
                                // A former unit has at least as many images: only the last one has fewer.
                                Im2Col.Gather(
                                    s, band, s.C, from, memory.Phases(worker), columns, ld,
                                    keepsZeros: b == formerBand);
                            }
                        }

                        formerBand = b;

                        for (int i = 0; i < images && group > 1; i++, gradients += (nint)s.O * s.Pixels)
                        {
                            T* target = memory.Gradients(worker) + (i * s.Pixels);
                            ShortRows.Copy(s.O, s.Pixels, gradients, s.Pixels, target, ld);
                        }

                        var arguments = new GemmArguments<T>
                        {
                            A = isHere ? from + at : memory.Columns(worker),
                            Lda = isHere ? s.Pixels : ld,
                            B = group > 1 ? memory.Gradients(worker) : gradients + at,
                            Ldb = group > 1 ? ld : s.Pixels,
                            C = sums,
                            Ldc = s.O,
                            Beta = index == first ? T.Zero : T.One,
                        };
                        Gemm.Block(SumsProduct(s, depth), arguments, memory.Scratch(worker));
                        if (db != null)
                        {
                            WeightSums.AddRows(arguments.B, s.O, depth, arguments.Ldb, bias);
                        }
                    }
                }
            }),
            WeightSums.Add(s, (T*)workspace, s.O, chunks, dw, db),
        ];
    }

    /// <summary>Describes in words how a pass is computed.</summary>
    internal static string Describe<T>(ConvolutionPass pass, in ConvShape s, int workers)
        where T : unmanaged
    {
        Bands bands = pass == ConvolutionPass.Forward ? ForwardBands<T>(s, workers) : SumBands<T>(s);
        string rows = bands.Across > 1 ? $"{bands.Across} pieces a row" : $"{bands.Down} bands an image";
        int group = pass == ConvolutionPass.WeightsGradient ? Group<T>(s, bands) : 1;
        rows = group > 1 ? $"{group} images side by side" : rows;
        return s.IsPointwise && group == 1 ? $"products with the image itself, {rows}" : $"im2col, {rows}";
    }

    /// <summary>
    /// Returns how many images with small planes are put side by side: each product adds to all sums, which does not
    /// pay for the few pixels of one image. It depends only on the shape, and leaves enough groups for the threads.
    /// </summary>
    private static int Group<T>(in ConvShape s, in Bands bands)
        where T : unmanaged => bands.Count != 1 ? 1 : (int)Math.Clamp(
            Math.Min(GroupPixels, Fitting<T>(s.Taps)) / Math.Max(s.Pixels, 1), 1, Math.Max(1, s.N / MinGroups));

    private static int Units(in ConvShape s, in Bands bands, int group) => (s.N + group - 1) / group * bands.Count;

    private static GemmShape SumsProduct(in ConvShape s, int pixels) => new(s.Taps, s.O, pixels, TransposeB: true);

    private static Bands ForwardBands<T>(in ConvShape s, int workers)
        where T : unmanaged => Bands.Of(s.OH, s.OW, Math.Min(Fitting<T>(s.Taps), PixelsForThreads(s, workers)));

    /// <summary>Returns the most pixels of a band with which there are enough bands for the threads.</summary>
    internal static long PixelsForThreads(in ConvShape s, int workers) => workers == 1
        ? long.MaxValue
        : Math.Max(MinPixels, (long)s.N * s.Pixels / ((long)PartsPerThread * workers));

    private static Bands SumBands<T>(in ConvShape s)
        where T : unmanaged => Bands.Of(s.OH, s.OW, Fitting<T>(s.Taps));

    private static long Fitting<T>(int taps)
        where T : unmanaged => Math.Max(MinPixels, BandBytes / (sizeof(T) * Math.Max(taps, 1L)));

    /// <summary>
    /// Returns into how many parts the rows of a product are cut if there are too few other parts for the threads.
    /// </summary>
    internal static int Parts(int others, int rows, int workers)
    {
        int wanted = workers == 1 ? 1 : PartsPerThread * workers;
        return others == 0 ? 1 : Math.Clamp((wanted + others - 1) / others, 1, Math.Max(1, rows / MinRows));
    }

    internal static (int First, int Last) Part(int length, int part, int parts) =>
        ((int)((long)length * part / parts), (int)((long)length * (part + 1) / parts));

    /// <summary>
    /// Returns the row distance of a band's matrix: whole cache lines, and not a multiple of 512 bytes, which would put
    /// the rows into few sets of the L1 cache.
    /// </summary>
    private static int Ld<T>(int pixels)
        where T : unmanaged
    {
        int line = Alignment / sizeof(T), ld = (pixels + line - 1) / line * line;
        return ld * sizeof(T) % 512 == 0 ? ld + line : ld;
    }

    private static Memory<T> ForwardMemory<T>(in ConvShape s, int workers, byte* workspace = null)
        where T : unmanaged
    {
        Bands bands = ForwardBands<T>(s, workers);
        var product = new GemmShape(s.O, bands.MaxPixels, s.Taps);
        return new Memory<T>(s, s.C, bands, 1, 0, Gemm.ScratchBytes<T>(product), workspace);
    }

    private static Memory<T> SumsMemory<T>(in ConvShape s, byte* workspace = null)
        where T : unmanaged
    {
        Bands bands = SumBands<T>(s);
        int group = Group<T>(s, bands);
        long sums = WeightSums.Chunks(s, s.O, Units(s, bands, group)) * WeightSums.Size(s, s.O) * sizeof(T);
        long scratch = Gemm.ScratchBytes<T>(SumsProduct(s, group * bands.MaxPixels));
        return new Memory<T>(s, s.C, bands, group, RoundUp(sums), scratch, workspace);
    }

    private static Memory<T> ScatterMemory<T>(in ConvShape s, int workers, byte* workspace = null)
        where T : unmanaged
    {
        Bands bands = SumBands<T>(s);
        int parts = Parts(s.N, s.C, workers), channels = (s.C + parts - 1) / parts;
        var product = new GemmShape(channels * s.KH * s.KW, bands.MaxPixels, s.O);
        long filters = RoundUp((long)s.Taps * s.O * sizeof(T));
        return new Memory<T>(s, channels, bands, 1, filters, Gemm.ScratchBytes<T>(product), workspace);
    }

    private static long RoundUp(long bytes) => (bytes + Alignment - 1) & -Alignment;

    /// <summary>
    /// The workspace: memory that all threads share, then memory of each thread. A thread has the matrix of a band of a
    /// group of images, their gradients if there are several images, the phases of rows, and a product's scratch.
    /// </summary>
    private readonly struct Memory<T>(
        ConvShape shape, int channels, Bands bands, int group, long sharedBytes, long scratchBytes, byte* workspace)
        where T : unmanaged
    {
        public T* Columns(int worker) => (T*)(workspace + sharedBytes + (worker * WorkerBytes));

        public T* Gradients(int worker) => (T*)((byte*)Columns(worker) + ColumnsBytes);

        public T* Phases(int worker) => (T*)((byte*)Gradients(worker) + GradientsBytes);

        public byte* Scratch(int worker) => (byte*)Phases(worker) + PhasesBytes;

        public long Bytes(int workers) => sharedBytes + (workers * WorkerBytes);

        private long ColumnsBytes => shape.IsPointwise && group == 1 ? 0
            : RoundUp((long)channels * shape.KH * shape.KW * Ld<T>(group * bands.MaxPixels) * sizeof(T));

        private long GradientsBytes => group == 1 ? 0
            : RoundUp((long)shape.O * Ld<T>(group * bands.MaxPixels) * sizeof(T));

        private long PhasesBytes => RoundUp(
            Im2Col.PhaseElements(shape, channels, bands.MaxRows) * sizeof(T));

        private long WorkerBytes => ColumnsBytes + GradientsBytes + PhasesBytes + RoundUp(scratchBytes);
    }
}
