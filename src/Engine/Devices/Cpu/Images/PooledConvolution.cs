using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// Convolutions of stride 1 with 2 × 2 max pooling, in one pass, and their gradients. Forward, filters are in the lanes
/// and pixels in the rows of a tile, and only the maxima of the windows leave the registers
/// (<see cref="PoolTile{T}"/>). Backward, only the pixels that were a maximum are used, a quarter of them
/// (<see cref="SparseTile{T}"/>).
/// </summary>
internal static unsafe class PooledConvolution
{
    /// <summary>The most chunks of images for the weights' gradient: fixed, so that its sums have one order.</summary>
    private const int MaxChunks = 32;

    private const int GroupBytes = 1 << 14;
    private const int MinDenseChannels = 48;
    private const int Alignment = 64;

    /// <summary>Returns whether this class can compute the convolution, with offsets in 32 bits.</summary>
    internal static bool Takes(in ConvShape s)
    {
        if ((s.StrideH, s.StrideW) != (1, 1) || s.OH < 2 || s.OW < 2 || s.Taps == 0 || s.O == 0)
        {
            return false;
        }

        double filters = s.O + Alignment, depth = s.C == 1 ? s.KH + 4 : s.C;
        double image = depth * PaddedH(s) * PaddedW(s), pooled = 2 * filters * PooledH(s) * PooledW(s);
        double weights = filters * ((s.C == 1 ? 1 : s.KH) * ((s.KW * depth) + Alignment) + 1);
        return Math.Max(Math.Max(image, pooled), weights) <= Shape.MaxElements;
    }

    internal static int PooledH(in ConvShape s) => s.OH / 2;

    internal static int PooledW(in ConvShape s) => s.OW / 2;

    internal static long ForwardBytes<T>(in ConvShape s, ConvolutionPath path, int workers)
        where T : unmanaged => path == ConvolutionPath.Columns
            ? new ForwardMemory<T>(s, null).Bytes(workers)
            : Convolution.WorkspaceBytes<T>(ConvolutionPass.Forward, s, path, workers);

    /// <summary>
    /// The maximum of each 2 × 2 window of w ∗ x + bias and, unless <paramref name="argmax"/> is null, its index in the
    /// plane; <paramref name="bias"/> is O values, or null.
    /// </summary>
    internal static Phase[] Forward<T>(
        ConvShape s, ConvolutionPath path, T* x, T* w, T* bias, T* y, int* argmax, byte* workspace, int workers)
        where T : unmanaged, INumber<T> => path switch
        {
            ConvolutionPath.Winograd2 =>
                Winograd.ForwardPooled<Winograd2, T>(s, x, w, bias, y, argmax, workspace, workers),
            ConvolutionPath.Winograd4 =>
                Winograd.ForwardPooled<Winograd4, T>(s, x, w, bias, y, argmax, workspace, workers),
            _ => Forward(s, x, w, bias, y, argmax, workspace),
        };

    private static Phase[] Forward<T>(ConvShape s, T* x, T* w, T* bias, T* y, int* argmax, byte* workspace)
        where T : unmanaged, INumber<T>
    {
        var memory = new ForwardMemory<T>(s, workspace);
        int[] offsets = [.. Enumerable.Range(0, s.Taps).Select(tap => TapOffset(s, tap))];
        int windows = PooledH(s) * PooledW(s);
        return
        [
            new Phase(1, 1, (_, _, _) =>
            {
                new Span<T>(memory.Weights, (s.Taps + 1) * memory.Filters).Clear();
                Packing.Columns(s.Taps, s.O, w, s.Taps, memory.Weights, memory.Filters);
                if (bias != null)
                {
                    new Span<T>(bias, s.O).CopyTo(new Span<T>(memory.Bias, s.O));
                }
            }),
            new Phase(s.N, 1, (start, end, worker) =>
            {
                T* pooled = memory.Pooled(worker), at = pooled + (windows * memory.Filters);
                fixed (int* offset = offsets)
                {
                    var job = new ForwardJob<T> { Shape = s, Memory = memory, Offsets = offset, Y = pooled, At = at };
                    job.WithArgmax = argmax != null;
                    for (int image = start; image < end; image++)
                    {
                        job.X = Padded(s, x + ((nint)image * s.ImageSize), memory.Padded(worker));
                        Simd.Dispatch<T, ForwardJob<T>>(ref job);
                        nint to = (nint)image * s.O * windows;
                        Packing.Columns(s.O, windows, pooled, memory.Filters, y + to, windows);
                        if (argmax != null)
                        {
                            ArgmaxOf(s.O, windows, at, memory.Filters, argmax + to);
                        }
                    }
                }
            }),
        ];
    }

    internal static long GradientBytes<T>(in ConvShape s, ConvolutionPath path, int workers)
        where T : unmanaged => IsSparse(s, path)
            ? new GradientMemory<T>(s, null).Bytes(workers)
            : DenseBytes<T>(s) + Math.Max(
                Convolution.WorkspaceBytes<T>(ConvolutionPass.WeightsGradient, s, path, workers),
                Convolution.WorkspaceBytes<T>(ConvolutionPass.InputGradient, s, path, workers));

    /// <summary>
    /// The gradients with respect to w, to the bias and to x, each unless its pointer is null, from that with respect
    /// to y.
    /// </summary>
    internal static Phase[] Gradients<T>(
        ConvShape s, ConvolutionPath path, T* x, T* w, T* dy, int* argmax, T* dw, T* db, T* dx,
        byte* workspace, int workers)
        where T : unmanaged, INumber<T>
    {
        if (IsSparse(s, path))
        {
            return Gradients(s, x, w, dy, argmax, dw, db, dx, workspace);
        }

        var whole = (T*)workspace;
        byte* rest = workspace + DenseBytes<T>(s);
        return
        [
            .. Pooling.MaxGrad(new PoolShape(s.N * s.O, s.OH, s.OW, 2, 2, 2, 2), dy, argmax, whole),
            .. dw == null ? [] : Convolution.GradWeights(s, path, x, whole, dw, db, rest, workers),
            .. dx == null ? [] : Convolution.GradInput(s, path, w, whole, dx, rest, workers),
        ];
    }

    /// <summary>
    /// Returns whether the gradients are computed from the maxima alone, a quarter of the pixels. Loads and stores
    /// limit that algorithm: with many channels and filters, Winograd's products of all pixels are faster.
    /// </summary>
    internal static bool IsSparse(in ConvShape s, ConvolutionPath path) =>
        path == ConvolutionPath.Columns || Math.Min(s.C, s.O) < MinDenseChannels;

    private static long DenseBytes<T>(in ConvShape s)
        where T : unmanaged =>
        (((long)s.N * s.O * s.Pixels * sizeof(T)) + Alignment - 1) & -Alignment;

    private static Phase[] Gradients<T>(
        ConvShape s, T* x, T* w, T* dy, int* argmax, T* dw, T* db, T* dx, byte* workspace)
        where T : unmanaged, INumber<T>
    {
        var memory = new GradientMemory<T>(s, workspace);
        var patches = new PatchShape(s);
        int[] offsets = [.. Enumerable.Range(0, s.Pixels).Select(pixel => patches.Offset(pixel / s.OW, pixel % s.OW))];
        int[] order = memory.Order;
        int windows = PooledH(s) * PooledW(s);
        int chunks = Math.Clamp(s.N, 1, MaxChunks);
        return
        [
            new Phase(dx == null ? 0 : 1, 1, (_, _, _) =>
            {
                for (int o = 0; o < s.O; o++)
                {
                    T* filter = memory.Weights + (o * (nint)memory.FilterStep);
                    for (int i = 0; i < order.Length; i++)
                    {
                        filter[i] = order[i] < 0 ? T.Zero : w[((nint)o * s.Taps) + order[i]];
                    }
                }
            }),
            new Phase(chunks, 1, (start, end, worker) =>
            {
                for (int chunk = start; chunk < end; chunk++)
                {
                    T* partial = memory.Partial(chunk);
                    new Span<T>(partial, memory.PartialSize).Clear();
                    int first = (int)((long)s.N * chunk / chunks), last = (int)((long)s.N * (chunk + 1) / chunks);
                    fixed (int* offset = offsets)
                    {
                        var job = new GradientJob<T> { Shape = s, Offsets = offset, Memory = memory };
                        job.Dw = partial;
                        job.Patches = memory.Patches(worker);
                        job.DPatches = dx == null ? null : memory.DPatches(worker);
                        for (int image = first; image < last; image += job.Images)
                        {
                            job.Images = Math.Min(memory.Group, last - image);
                            nint at = (nint)image * s.O * windows;
                            job.Dy = dy + at;
                            job.At = argmax + at;
                            for (int i = 0; i < job.Images; i++)
                            {
                                patches.Gather(x + ((nint)(image + i) * s.ImageSize), job.Patches + (i * patches.Size));
                                if (db != null)
                                {
                                    T* gradient = job.Dy + (i * (nint)s.O * windows);
                                    WeightSums.AddRows(gradient, s.O, windows, windows, memory.BiasPartial(chunk));
                                }
                            }

                            if (dx != null)
                            {
                                new Span<T>(job.DPatches, job.Images * patches.Size).Clear();
                            }

                            Simd.Dispatch<T, GradientJob<T>>(ref job);
                            for (int i = 0; i < job.Images && dx != null; i++)
                            {
                                patches.Scatter(
                                    job.DPatches + (i * patches.Size), dx + ((nint)(image + i) * s.ImageSize));
                            }
                        }
                    }
                }
            }),
            new Phase(s.O, Math.Max(1, 8192 / (chunks * s.Taps)), (start, end, _) =>
            {
                for (int o = start; o < end; o++)
                {
                    T* sums = memory.Partial(0) + (o * (nint)memory.FilterStep), bias = memory.BiasPartial(0) + o;
                    for (int chunk = 1; chunk < chunks; chunk++)
                    {
                        nint apart = chunk * (nint)memory.PartialSize;
                        ShortRows.Add(1, memory.FilterStep, sums + apart, 0, sums, 0);
                        *bias += bias[apart];
                    }

                    for (int i = 0; i < order.Length && dw != null; i++)
                    {
                        if (order[i] >= 0)
                        {
                            dw[((nint)o * s.Taps) + order[i]] = sums[i];
                        }
                    }

                    if (db != null)
                    {
                        db[o] = *bias;
                    }
                }
            }),
        ];
    }

    /// <summary>Returns the offset of a weight's pixel from the pixel of the result, in a padded image.</summary>
    private static int TapOffset(in ConvShape s, int tap)
    {
        (int c, int within) = Math.DivRem(tap, s.KH * s.KW);
        (int kh, int kw) = Math.DivRem(s.Flip ? (s.KH * s.KW) - 1 - within : within, s.KW);
        return (((c * PaddedH(s)) + kh) * PaddedW(s)) + kw;
    }

    private static int PaddedH(in ConvShape s) => s.H + (2 * s.PadH);

    private static int PaddedW(in ConvShape s) => s.W + (2 * s.PadW);

    private static T* Padded<T>(in ConvShape s, T* image, T* padded)
        where T : unmanaged
    {
        if ((s.PadH, s.PadW) == (0, 0))
        {
            return image;
        }

        int plane = PaddedH(s) * PaddedW(s);
        new Span<T>(padded, s.C * plane).Clear();
        for (int c = 0; c < s.C; c++)
        {
            T* to = padded + ((nint)c * plane) + (s.PadH * PaddedW(s)) + s.PadW;
            ShortRows.Copy(s.H, s.W, image + ((nint)c * s.H * s.W), s.W, to, PaddedW(s));
        }

        return padded;
    }

    /// <summary>Transposes integers that lie in lanes of <typeparamref name="T"/>'s size.</summary>
    private static void ArgmaxOf<T>(int filters, int windows, T* at, int ld, int* argmax)
        where T : unmanaged
    {
        if (sizeof(T) == sizeof(int))
        {
            Packing.Columns(filters, windows, (float*)at, ld, (float*)argmax, windows);
            return;
        }

        for (int window = 0; window < windows; window++)
        {
            for (int o = 0; o < filters; o++)
            {
                argmax[(o * windows) + window] = *(int*)(at + (window * ld) + o);
            }
        }
    }

    private static int RoundUp<T>(int elements)
        where T : unmanaged =>
        (int)((((long)elements * sizeof(T)) + Alignment - 1) / Alignment * Alignment / sizeof(T));

    /// <summary>The workspace: the filters, transposed, then for each worker a pooled image and a padded one.</summary>
    private readonly struct ForwardMemory<T>(ConvShape s, byte* workspace)
        where T : unmanaged
    {
        /// <summary>Gets the number of filters, rounded up to whole vectors.</summary>
        public int Filters { get; } = RoundUp<T>(s.O);

        public T* Weights => (T*)workspace;

        public T* Bias => Weights + ((nint)s.Taps * Filters);

        public T* Pooled(int worker) => Bias + Filters + (worker * (nint)WorkerSize);

        public T* Padded(int worker) => Pooled(worker) + PooledSize;

        public long Bytes(int workers) => sizeof(T) * (((s.Taps + 1L) * Filters) + (workers * (long)WorkerSize));

        private int PooledSize => 2 * PooledH(s) * PooledW(s) * Filters;

        private int WorkerSize => PooledSize + RoundUp<T>(s.C * PaddedH(s) * PaddedW(s));
    }

    /// <summary>
    /// The workspace: the filters in patch order, each chunk's sums, then for each worker the patches and their
    /// gradient.
    /// </summary>
    private readonly struct GradientMemory<T>(ConvShape s, byte* workspace)
        where T : unmanaged
    {
        /// <summary>Gets the distance of the runs of a filter: whole vectors.</summary>
        public int RunStep { get; } = RoundUp<T>(new PatchShape(s).Run);

        public int FilterStep => new PatchShape(s).Runs * RunStep;

        /// <summary>Gets the tap of each element of a filter in patch order, or -1.</summary>
        public int[] Order
        {
            get
            {
                (var patches, int step) = (new PatchShape(s), RunStep);
                return [.. Enumerable.Range(0, FilterStep).Select(i =>
                    i % step < patches.Run ? patches.Tap(i / step, i % step) : -1)];
            }
        }

        /// <summary>Gets how many images are computed together: about as many as fit the L1 cache.</summary>
        public int Group => Math.Clamp(GroupBytes / (sizeof(T) * new PatchShape(s).Size), 1, 8);

        public int PartialSize => (s.O * FilterStep) + RoundUp<T>(s.O);

        public T* Weights => (T*)workspace;

        public T* Partial(int chunk) => Weights + (s.O * (nint)FilterStep) + (chunk * (nint)PartialSize);

        public T* BiasPartial(int chunk) => Partial(chunk) + (s.O * (nint)FilterStep);

        public T* Patches(int worker) => Partial(MaxChunks) + (2 * worker * (nint)PatchesSize);

        public T* DPatches(int worker) => Patches(worker) + PatchesSize;

        public long Bytes(int workers) => sizeof(T)
            * ((s.O * (long)FilterStep) + (MaxChunks * (long)PartialSize) + (2L * workers * PatchesSize));

        /// <summary>
        /// Includes room for the vectors of the last run; the last vector may extend into another run.
        /// </summary>
        private int PatchesSize => RoundUp<T>((Group * new PatchShape(s).Size) + RunStep);
    }

    private struct ForwardJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public ConvShape Shape;
        public ForwardMemory<T> Memory;
        public T* X, Y, At;
        public bool WithArgmax;
        public int* Offsets;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            (int height, int width, int filters) = (PooledH(Shape), PooledW(Shape), Memory.Filters);
            int row = PaddedW(Shape), max = PoolKernel<S, V, T>.MaxWindows;
            int tiles = (width + max - 1) / max, low = width / tiles, high = width % tiles;
            var tile = new PoolTile<T>
            {
                Taps = Shape.Taps,
                Offsets = Offsets,
                Row = row,
                Filters = filters,
                Below = Shape.OW,
                WithArgmax = WithArgmax,
            };
            for (int o = 0; o < filters;)
            {
                int vectors = Math.Min(PoolKernel<S, V, T>.MaxVectors, (filters - o) / S.Count);
                tile.W = Memory.Weights + o;
                tile.Bias = Memory.Bias + o;
                tile.Y = Y + o;
                tile.At = At + o;
                for (int i = 0; i < height; i++)
                {
                    tile.X = X + (2 * i * row);
                    tile.Index = 2 * i * Shape.OW;
                    for (int t = 0; t < tiles; t++)
                    {
                        int windows = t < high ? low + 1 : low;
                        PoolKernel<S, V, T>.Run(windows, vectors, tile);
                        tile.X += 2 * windows;
                        tile.Index += 2 * windows;
                        tile.Y += windows * filters;
                        tile.At += windows * filters;
                    }
                }

                o += vectors * S.Count;
            }
        }
    }

    private struct GradientJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public ConvShape Shape;
        public GradientMemory<T> Memory;
        public int Images;
        public T* Dy, Patches, DPatches, Dw;
        public int* At, Offsets;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            var patches = new PatchShape(Shape);
            int windows = PooledH(Shape) * PooledW(Shape), max = SparseKernel<S, V, T>.MaxVectors;
            int all = (patches.Run + S.Count - 1) / S.Count, parts = (all + max - 1) / max;
            int atOnce = Math.Clamp(max / all, 1, SparseKernel<S, V, T>.MaxRuns);
            var tile = new SparseTile<T>
            {
                Images = Images,
                Windows = windows,
                DyStep = Shape.O * (nint)windows,
                Offsets = Offsets,
                PatchesStep = patches.Size,
                RunStep = patches.RunStep,
                FilterStep = Memory.FilterStep,
                FilterRunStep = Memory.RunStep,
            };
            for (int run = 0; run < patches.Runs; run += atOnce)
            {
                int runs = Math.Min(atOnce, patches.Runs - run);
                for (int part = 0; part < parts; part++)
                {
                    int first = all * part / parts, vectors = (all * (part + 1) / parts) - first;
                    int skip = (run * patches.RunStep) + (first * S.Count);
                    int skipFilter = (run * Memory.RunStep) + (first * S.Count);
                    tile.Patches = Patches + skip;
                    tile.DPatches = DPatches == null ? null : DPatches + skip;
                    tile.Last = Math.Min(S.Count, patches.Run - ((first + vectors - 1) * S.Count));
                    int filters = SparseKernel<S, V, T>.Filters(runs * vectors);
                    for (int o = 0; o < Shape.O;)
                    {
                        bool one = Shape.O - o < filters;
                        tile.Dy = Dy + (o * (nint)windows);
                        tile.At = At + (o * (nint)windows);
                        tile.W = Memory.Weights + (o * (nint)Memory.FilterStep) + skipFilter;
                        tile.Dw = Dw + (o * (nint)Memory.FilterStep) + skipFilter;
                        SparseKernel<S, V, T>.Run(runs, vectors, one, tile);
                        o += one ? 1 : filters;
                    }
                }
            }
        }
    }
}
