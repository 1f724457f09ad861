using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// Convolutions of float and double images, N × C × H × W, and their gradients: an image at a time becomes a matrix
/// (<see cref="Im2Col"/>) in a thread's own scratch memory, while it is in the cache, and is multiplied there.
/// </summary>
internal static unsafe class Convolution
{
    /// <summary>
    /// Into how many chunks the images are cut for the weights' gradient: fixed, so that its sums have one order.
    /// </summary>
    private const int MaxChunks = 32;

    private const int Alignment = 64;

    /// <summary>
    /// Bytes of workspace that each of the three needs for a team of <paramref name="workers"/> threads.
    /// </summary>
    internal static long WorkspaceBytes<T>(in ConvShape s, int workers)
        where T : unmanaged =>
        SharedBytes<T>(s) + (workers * WorkerBytes<T>(s));

    /// <summary>
    /// y = w ∗ x + bias; <paramref name="bias"/> is O values, or null.
    /// </summary>
    internal static Phase[] Forward<T>(
        ConvShape s, T* x, T* w, T* bias, T* y, byte* workspace)
        where T : unmanaged, INumber<T>
    {
        GemmShape product = ForwardProduct(s);
        return
        [
            new Phase(s.N, 1, (start, end, worker) =>
            {
                T* columns = Columns<T>(s, workspace, worker, out byte* scratch);
                for (int image = start; image < end; image++)
                {
                    var arguments = new GemmArguments<T>
                    {
                        A = w,
                        Lda = s.Taps,
                        B = Gather(s, x + ((nint)image * s.ImageSize), columns),
                        Ldb = Ld<T>(s),
                        C = y + ((nint)image * s.O * s.Pixels),
                        Ldc = s.Pixels,
                        RowBias = bias,
                    };
                    Gemm.Block(product, arguments, scratch);
                }
            }),
        ];
    }

    /// <summary>The gradient with respect to x, given that with respect to y.</summary>
    internal static Phase[] GradInput<T>(ConvShape s, T* w, T* dy, T* dx, byte* workspace)
        where T : unmanaged, INumber<T>
    {
        GemmShape product = GradInputProduct(s);
        var transposed = (T*)workspace;
        return
        [
            new Phase(1, 1, (_, _, _) => Packing.Columns(s.Taps, s.O, w, s.Taps, transposed, s.O)),
            new Phase(s.N, 1, (start, end, worker) =>
            {
                T* columns = Columns<T>(s, workspace, worker, out byte* scratch);
                for (int image = start; image < end; image++)
                {
                    T* result = dx + ((nint)image * s.ImageSize);
                    var arguments = new GemmArguments<T>
                    {
                        A = transposed,
                        Lda = s.O,
                        B = dy + ((nint)image * s.O * s.Pixels),
                        Ldb = s.Pixels,
                        C = s.IsPointwise ? result : columns,
                        Ldc = Ld<T>(s),
                    };
                    Gemm.Block(product, arguments, scratch);
                    if (!s.IsPointwise)
                    {
                        new Span<T>(result, s.ImageSize).Clear();
                        Im2Col.Scatter(s, columns, Ld<T>(s), result);
                    }
                }
            }),
        ];
    }

    /// <summary>
    /// The gradients with respect to w and, unless <paramref name="db"/> is null, to the bias, given that with respect
    /// to y.
    /// </summary>
    internal static Phase[] GradWeights<T>(ConvShape s, T* x, T* dy, T* dw, T* db, byte* workspace)
        where T : unmanaged, INumber<T>
    {
        GemmShape product = GradWeightsProduct(s);
        int chunks = Chunks(s);
        // A chunk's sums: the weights' gradient transposed, a row for each tap, and below it the bias's.
        nint partialSize = ((nint)s.Taps + 1) * s.O;
        var partials = (T*)workspace;
        return
        [
            new Phase(chunks, 1, (start, end, worker) =>
            {
                T* columns = Columns<T>(s, workspace, worker, out byte* scratch);
                for (int chunk = start; chunk < end; chunk++)
                {
                    int first = (int)((long)s.N * chunk / chunks), last = (int)((long)s.N * (chunk + 1) / chunks);
                    T* partial = partials + (chunk * partialSize), biasPartial = partial + (partialSize - s.O);
                    new Span<T>(biasPartial, s.O).Clear();
                    if (first == last)
                    {
                        new Span<T>(partial, s.Taps * s.O).Clear();
                    }

                    for (int image = first; image < last; image++)
                    {
                        var arguments = new GemmArguments<T>
                        {
                            A = Gather(s, x + ((nint)image * s.ImageSize), columns),
                            Lda = Ld<T>(s),
                            B = dy + ((nint)image * s.O * s.Pixels),
                            Ldb = s.Pixels,
                            C = partial,
                            Ldc = s.O,
                            Beta = image == first ? T.Zero : T.One,
                        };
                        Gemm.Block(product, arguments, scratch);
                        if (db != null)
                        {
                            AddRowSums(arguments.B, s.O, s.Pixels, biasPartial);
                        }
                    }
                }
            }),
            new Phase(s.Taps + 1, Math.Max(1, 8192 / (chunks * Math.Max(s.O, 1))), (start, end, _) =>
            {
                for (int tap = start; tap < end; tap++)
                {
                    T* to = tap < s.Taps ? dw + tap : db;
                    if (to != null)
                    {
                        int step = tap < s.Taps ? s.Taps : 1;
                        AddChunks(partials + ((nint)tap * s.O), partialSize, chunks, s.O, to, step);
                    }
                }
            }),
        ];
    }

    private static GemmShape ForwardProduct(in ConvShape s) => new(s.O, s.Pixels, s.Taps);

    private static GemmShape GradInputProduct(in ConvShape s) => new(s.Taps, s.Pixels, s.O);

    /// <summary>
    /// Transposed: the matrix to be copied and turned is dy then, which has fewer rows than the image's.
    /// </summary>
    private static GemmShape GradWeightsProduct(in ConvShape s) => new(s.Taps, s.O, s.Pixels, TransposeB: true);

    private static T* Gather<T>(in ConvShape s, T* image, T* columns)
        where T : unmanaged, INumber<T>
    {
        if (s.IsPointwise)
        {
            return image;
        }

        Im2Col.Gather(s, image, columns, Ld<T>(s));
        return columns;
    }

    /// <summary>
    /// From row to row of the matrix of an image: whole cache lines, and not a multiple of half a kilobyte, which would
    /// put the rows into few sets of the first cache.
    /// </summary>
    private static int Ld<T>(in ConvShape s)
        where T : unmanaged
    {
        int line = Alignment / sizeof(T), ld = (s.Pixels + line - 1) / line * line;
        return s.IsPointwise ? s.Pixels : ld * sizeof(T) % 512 == 0 ? ld + line : ld;
    }

    private static T* Columns<T>(in ConvShape s, byte* workspace, int worker, out byte* scratch)
        where T : unmanaged
    {
        byte* own = workspace + SharedBytes<T>(s) + (worker * WorkerBytes<T>(s));
        scratch = own + ColumnsBytes<T>(s);
        return (T*)own;
    }

    private static long SharedBytes<T>(in ConvShape s)
        where T : unmanaged =>
        RoundUp(Chunks(s) * ((long)s.Taps + 1) * s.O * sizeof(T));

    private static int Chunks(in ConvShape s) => Math.Clamp(s.N, 1, MaxChunks);

    private static long ColumnsBytes<T>(in ConvShape s)
        where T : unmanaged => s.IsPointwise ? 0 : RoundUp((long)s.Taps * Ld<T>(s) * sizeof(T));

    private static long WorkerBytes<T>(in ConvShape s)
        where T : unmanaged =>
        ColumnsBytes<T>(s) + RoundUp(Math.Max(
            Gemm.ScratchBytes<T>(ForwardProduct(s)),
            Math.Max(Gemm.ScratchBytes<T>(GradInputProduct(s)), Gemm.ScratchBytes<T>(GradWeightsProduct(s)))));

    private static long RoundUp(long bytes) => (bytes + Alignment - 1) & -Alignment;

    internal static void AddRowSums<T>(T* from, int rows, int columns, T* sums)
        where T : unmanaged
    {
        var job = new RowSumsJob<T> { From = from, Rows = rows, Columns = columns, Sums = sums };
        Simd.Dispatch<T, RowSumsJob<T>>(ref job);
    }

    /// <summary>Adds the later chunks to the first and puts the sums <paramref name="step"/> elements apart.</summary>
    private static void AddChunks<T>(T* from, nint apart, int chunks, int count, T* to, int step)
        where T : unmanaged, INumber<T>
    {
        for (int chunk = 1; chunk < chunks; chunk++)
        {
            ShortRows.Add(1, count, from + (chunk * apart), 0, from, 0);
        }

        for (int i = 0; i < count; i++)
        {
            to[(nint)i * step] = from[i];
        }
    }

    private struct RowSumsJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public T* From, Sums;
        public int Rows, Columns;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            T* row = From;
            for (int i = 0; i < Rows; i++, row += Columns)
            {
                V sum = S.Zero;
                int j = 0;
                for (; j + S.Count <= Columns; j += S.Count)
                {
                    sum = S.Add(sum, S.Load(row + j));
                }

                sum = S.Add(sum, S.LoadPartial(row + j, Columns - j));
                V total = S.Add(S.Splat(Sums[i]), S.Splat(S.Sum(sum)));
                S.StorePartial(Sums + i, total, 1);
            }
        }
    }
}
