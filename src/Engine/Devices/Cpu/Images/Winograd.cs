using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// Convolutions with 3 × 3 filters and stride 1 by Winograd's minimal filtering algorithms, and their gradients. Images
/// are cut into tiles. Patches and filters are transformed, multiplied as (m + 2)² matrix products, and transformed
/// back (<see cref="IWinograd"/>), a block of tiles at a time, which stays in the L2 cache. A phase's index is a block,
/// so several threads can share one image.
/// </summary>
internal static unsafe class Winograd
{
    /// <summary>The smallest filters and channels for which fewer multiplications outweigh the transforms.</summary>
    private const int MinChannels = 16;

    /// <summary>The smallest tiles for which they outweigh the transform of the filters.</summary>
    private const int MinTiles = 64;

    /// <summary>Returns whether this class can compute the convolution and all its gradients.</summary>
    internal static bool Takes(in ConvShape s) =>
        (s.KH, s.KW, s.StrideH, s.StrideW) == (3, 3, 1, 1)
        && s.PadH <= 2 && s.PadW <= 2 && s.C > 0 && s.O > 0;

    /// <summary>Says in words why another path is faster for this convolution; null if none is.</summary>
    internal static string? WhyNot(in ConvShape s)
    {
        if (!Takes(s))
        {
            return (s.StrideH, s.StrideW) != (1, 1) ? $"the stride is {s.StrideH} × {s.StrideW}"
                : (s.KH, s.KW) != (3, 3) ? $"the filters are {s.KH} × {s.KW}"
                : "the padding is wider than the filters, or there are none";
        }

        long tiles = (long)s.N * ((s.OH + 1) / 2) * ((s.OW + 1) / 2);
        return Math.Min(s.C, s.O) < MinChannels
                ? $"{s.C} channels and {s.O} filters, less than {MinChannels}, are too few for Winograd's transforms"
            : tiles < MinTiles
                ? $"{tiles} tiles, less than {MinTiles}, are too few for transforming the filters"
            : 2 * (long)s.N * s.Pixels < 5 * tiles
                ? $"planes of {s.OH} × {s.OW} leave too much of Winograd's tiles empty"
            : null;
    }

    /// <summary>Says in words how a pass is computed and why.</summary>
    internal static string Describe<F, T>(ConvolutionPass pass, in ConvShape s, int workers)
        where F : struct, IWinograd
        where T : unmanaged
    {
        WinogradShape shape = pass switch
        {
            ConvolutionPass.Forward => Shape<F, T>(s, workers),
            ConvolutionPass.InputGradient => Shape<F, T>(s.Adjoint, workers),
            _ => WinogradShape.OfSums(s, F.Tile),
        };
        double fewer = 9.0 * F.Tile * F.Tile / shape.Products;
        return FormattableString.Invariant(
            $"Winograd F({F.Tile}×{F.Tile}, 3×3), {shape.Blocks} blocks of {shape.BlockTiles} tiles: 3 × 3 filters of ")
            + FormattableString.Invariant($"stride 1 and {s.C} → {s.O} channels, {fewer} times fewer products");
    }

    /// <summary>
    /// Returns the bytes of workspace that a pass needs for a team of <paramref name="workers"/> threads.
    /// </summary>
    internal static long WorkspaceBytes<F, T>(ConvolutionPass pass, in ConvShape s, int workers)
        where F : struct, IWinograd
        where T : unmanaged => pass switch
        {
            ConvolutionPass.Forward => Memory<F, T>(s, workers, null).Bytes(workers),
            ConvolutionPass.InputGradient => Memory<F, T>(s.Adjoint, workers, null).Bytes(workers),
            _ => new WinogradMemory<T>(WinogradShape.OfSums(s, F.Tile), null, true).Bytes(workers),
        };

    /// <summary>y = w ∗ x + bias; <paramref name="bias"/> is O values, or null.</summary>
    internal static Phase[] Forward<F, T>(
        ConvShape s, T* x, T* w, T* bias, T* y, byte* workspace, int workers, CpuEpilogue? epilogue)
        where F : struct, IWinograd
        where T : unmanaged
    {
        var target = new Target<T> { Y = y, Bias = bias, Epilogue = epilogue };
        return Correlate<F, T>(s, x, w, s.Taps, 9, workspace, workers, target);
    }

    /// <summary>
    /// The maximum of each 2 × 2 window of w ∗ x + bias and, unless <paramref name="argmax"/> is null, its index in the
    /// plane; needs as much workspace as <see cref="Forward"/>.
    /// </summary>
    internal static Phase[] ForwardPooled<F, T>(
        ConvShape s, T* x, T* w, T* bias, T* y, int* argmax, byte* workspace, int workers)
        where F : struct, IWinograd
        where T : unmanaged
    {
        var target = new Target<T> { Y = y, Bias = bias, Argmax = argmax, Pools = true };
        return Correlate<F, T>(s, x, w, s.Taps, 9, workspace, workers, target);
    }

    /// <summary>
    /// The gradient with respect to x, from that with respect to y: a convolution of dy with the filters rotated by 180
    /// degrees, and filters and channels exchanged.
    /// </summary>
    internal static Phase[] GradInput<F, T>(
        ConvShape s, T* w, T* dy, T* dx, byte* workspace, int workers, CpuEpilogue? epilogue)
        where F : struct, IWinograd
        where T : unmanaged
    {
        var target = new Target<T> { Y = dx, Epilogue = epilogue };
        return Correlate<F, T>(s.Adjoint, dy, w, 9, s.Taps, workspace, workers, target);
    }

    /// <summary>
    /// The gradients with respect to w and, unless <paramref name="db"/> is null, to the bias, from that with respect
    /// to y. The blocks, and the chunks of blocks that are summed separately, depend only on the shape.
    /// </summary>
    internal static Phase[] GradWeights<F, T>(ConvShape s, T* x, T* dy, T* dw, T* db, byte* workspace)
        where F : struct, IWinograd
        where T : unmanaged, INumber<T>
    {
        WinogradShape shape = WinogradShape.OfSums(s, F.Tile);
        var memory = new WinogradMemory<T>(shape, workspace, true);
        int chunks = memory.Chunks;
        return
        [
            new Phase(chunks, 1, (start, end, worker) =>
            {
                for (int chunk = start; chunk < end; chunk++)
                {
                    var job = new SumsJob<F, T> { Shape = shape, Memory = memory, X = x, Dy = dy, Worker = worker };
                    job.First = (int)((long)shape.Blocks * chunk / chunks);
                    job.Last = (int)((long)shape.Blocks * (chunk + 1) / chunks);
                    job.Sums = memory.Sums(chunk);
                    Simd.Dispatch<T, SumsJob<F, T>>(ref job);
                }
            }),
            WeightSums.Add(s, memory.Sums(0), memory.Filters, chunks, dw, db),
        ];
    }

    /// <param name="s">The shape.</param>
    /// <param name="x">The images.</param>
    /// <param name="w">The filters.</param>
    /// <param name="filterStep">The distance of the weights of two neighboring filters.</param>
    /// <param name="channelStep">The distance of the weights of two neighboring channels.</param>
    /// <param name="workspace">Memory for the team.</param>
    /// <param name="workers">The number of threads in the team.</param>
    /// <param name="target">The destination of the result.</param>
    private static Phase[] Correlate<F, T>(
        ConvShape s, T* x, T* w, int filterStep, int channelStep, byte* workspace, int workers, Target<T> target)
        where F : struct, IWinograd
        where T : unmanaged
    {
        WinogradMemory<T> memory = Memory<F, T>(s, workers, workspace);
        WinogradShape shape = Shape<F, T>(s, workers);
        return
        [
            new Phase(s.O, Math.Max(1, 256 / Math.Max(s.C, 1)), (start, end, worker) =>
            {
                var job = new FiltersJob<F, T> { Conv = s, Memory = memory, W = w, Worker = worker };
                (job.FilterStep, job.ChannelStep, job.Start, job.End) = (filterStep, channelStep, start, end);
                Simd.Dispatch<T, FiltersJob<F, T>>(ref job);
            }),
            new Phase(s.O == 0 ? 0 : shape.Blocks, 1, (start, end, worker) =>
            {
                for (int block = start; block < end; block++)
                {
                    var job = new BlockJob<F, T> { Shape = shape, Memory = memory, X = x, Target = target };
                    (job.Block, job.Worker) = (shape.Block(block), worker);
                    Simd.Dispatch<T, BlockJob<F, T>>(ref job);
                }
            }),
        ];
    }

    private static WinogradShape Shape<F, T>(in ConvShape s, int workers)
        where F : struct, IWinograd
        where T : unmanaged => WinogradShape.Of(s, F.Tile, workers, Simd.Width / sizeof(T));

    private static WinogradMemory<T> Memory<F, T>(in ConvShape s, int workers, byte* workspace)
        where F : struct, IWinograd
        where T : unmanaged => new(Shape<F, T>(s, workers), workspace, false);

    internal struct FiltersJob<F, T> : ISimdJob<T>
        where F : struct, IWinograd
        where T : unmanaged
    {
        public ConvShape Conv;
        public WinogradMemory<T> Memory;
        public T* W;
        public int FilterStep, ChannelStep, Start, End, Worker;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            for (int o = Start; o < End; o++)
            {
                WinogradKernel<F, S, V, T>.Filters(
                    W + ((nint)o * FilterStep), Conv.C, ChannelStep, Conv.Flip, Memory.Scratch(Worker), Memory.Channels,
                    Memory.FilterPlanes + ((nint)o * Memory.Channels), (nint)Memory.FilterPlane);
            }
        }
    }

    internal struct BlockJob<F, T> : ISimdJob<T>
        where F : struct, IWinograd
        where T : unmanaged
    {
        public WinogradShape Shape;
        public WinogradMemory<T> Memory;
        public WinogradBlock Block;
        public Target<T> Target;
        public T* X;
        public int Worker;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            ConvShape conv = Shape.Conv;
            WinogradKernel<F, S, V, T>.Patches(Shape, Memory, Block, X, Worker);
            T* products = Memory.ProductPlanes(Worker), half = Memory.Scratch(Worker);
            nint plane = (nint)Memory.ProductPlane;
            for (int first = 0; first < conv.O; first += WinogradMemory<T>.GroupRows)
            {
                int rows = Math.Min(WinogradMemory<T>.GroupRows, conv.O - first);
                for (int product = 0; product < Shape.Products; product++)
                {
                    var tile = new Tile<T>
                    {
                        A = Memory.FilterPlanes + (product * Memory.FilterPlane) + ((nint)first * Memory.Channels),
                        RowStep = Memory.Channels,
                        B = Memory.Patches(Worker) + (product * Memory.PatchPlane),
                        Ldb = Memory.Columns,
                        C = products + (product * plane),
                        Ldc = Memory.Columns,
                    };
                    WinogradKernel<F, S, V, T>.Multiply(tile, rows, Block.Tiles, conv.C, add: false);
                }

                for (int row = 0; row < rows; row++)
                {
                    T* from = products + ((nint)row * Memory.Columns);
                    WinogradKernel<F, S, V, T>.HalfResults(Block.Tiles, from, plane, half, Memory.HalfPlane);
                    Results<S, V>(first + row, half);
                }

                if (Target.Epilogue is not null)
                {
                    End(first, rows, Target.Epilogue);
                }
            }
        }

        /// <summary>Calls the epilogue for the block's part of each image.</summary>
        private readonly void End(int first, int filters, CpuEpilogue epilogue)
        {
            ConvShape conv = Shape.Conv;
            int left = Block.Left * F.Tile, right = Math.Min(Block.Right * F.Tile, conv.OW);
            for (int strip = Block.First; strip < Block.Last;)
            {
                (int image, int down) = Math.DivRem(strip, Shape.TilesDown);
                int strips = Math.Min(Shape.TilesDown - down, Block.Last - strip);
                int top = down * F.Tile, bottom = Math.Min((down + strips) * F.Tile, conv.OH);
                // Whole rows are contiguous.
                int rows = right - left == conv.OW ? bottom - top : 1;
                for (int row = top; row < bottom; row += rows)
                {
                    Convolution.End(
                        epilogue, ((long)image * conv.O) + first, filters, conv.Pixels, (row * conv.OW) + left,
                        rows * (right - left));
                }

                strip += strips;
            }
        }

        private readonly void Results<S, V>(int o, T* half) where S : struct, ISimd<V, T> where V : struct
        {
            ConvShape conv = Shape.Conv;
            T bias = Target.Bias == null ? default : Target.Bias[o];
            if (!Target.Pools)
            {
                WinogradKernel<F, S, V, T>.Results(
                    Shape, Block, half, Memory.HalfPlane, bias, Target.Y + ((nint)o * conv.Pixels),
                    (nint)conv.O * conv.Pixels);
                return;
            }

            nint windows = PooledConvolution.PooledH(conv) * (nint)PooledConvolution.PooledW(conv);
            int* argmax = Target.Argmax == null ? null : Target.Argmax + (o * windows);
            WinogradKernel<F, S, V, T>.PooledResults(
                Shape, Block, half, Memory.HalfPlane, bias, Target.Y + (o * windows), argmax, conv.O * windows,
                half + (Memory.HalfPlanes * (nint)Memory.HalfPlane));
        }
    }

    /// <summary>The destination of results: with <see cref="Pools"/>, only the maxima of 2 × 2 windows.</summary>
    internal struct Target<T>
        where T : unmanaged
    {
        public T* Y, Bias;
        public int* Argmax;
        public bool Pools;
        public CpuEpilogue? Epilogue;
    }

    internal struct SumsJob<F, T> : ISimdJob<T>
        where F : struct, IWinograd
        where T : unmanaged
    {
        public WinogradShape Shape;
        public WinogradMemory<T> Memory;
        public T* X, Dy, Sums;
        public int First, Last, Worker;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            ConvShape conv = Shape.Conv;
            T* products = Memory.ProductPlanes(Worker), scratch = Memory.Scratch(Worker);
            nint plane = (nint)Memory.ProductPlane, filters = Memory.Filters;
            new Span<T>(Sums, checked((int)Memory.SumsSize)).Clear();
            for (int index = First; index < Last; index++)
            {
                WinogradBlock block = Shape.Block(index);
                WinogradKernel<F, S, V, T>.Patches(Shape, Memory, block, X, Worker);
                Gradients<S, V>(block);
                for (int product = 0; product < Shape.Products; product++)
                {
                    var tile = new Tile<T>
                    {
                        A = Memory.Patches(Worker) + (product * Memory.PatchPlane),
                        RowStep = Memory.Columns,
                        B = Memory.GradientPlanes(Worker) + (product * Memory.GradientPlane),
                        Ldb = filters,
                        C = products + (product * plane),
                        Ldc = filters,
                    };
                    WinogradKernel<F, S, V, T>.Multiply(
                        tile, conv.C, conv.O, block.Tiles, add: index > First, (nint)Memory.PatchPlane,
                        (nint)Memory.GradientPlane);
                }
            }

            for (int c = 0; c < conv.C && First < Last; c++)
            {
                WinogradKernel<F, S, V, T>.FilterSums(
                    products + (c * filters), plane, conv.O, conv.Flip, scratch, Sums + (9 * c * filters), filters);
            }
        }

        private readonly void Gradients<S, V>(in WinogradBlock block) where S : struct, ISimd<V, T> where V : struct
        {
            ConvShape conv = Shape.Conv;
            int filters = Memory.Filters, width = F.Tile * block.Across, begin = block.Left * F.Tile;
            int pixels = Math.Min(width, conv.OW - begin);
            T* rows = Memory.Scratch(Worker), to = Memory.GradientPlanes(Worker);
            int size = F.Tile * width * filters;
            new Span<T>(rows, size).Clear();
            for (int strip = block.First; strip < block.Last; strip++, to += block.Across * (nint)filters)
            {
                (int image, int down) = Math.DivRem(strip, Shape.TilesDown);
                for (int i = 0; i < F.Tile; i++)
                {
                    int row = (down * F.Tile) + i;
                    T* target = rows + ((nint)i * width * filters);
                    if (row < conv.OH)
                    {
                        T* from = Dy + ((nint)image * conv.O * conv.Pixels) + ((nint)row * conv.OW) + begin;
                        Packing.Columns(pixels, conv.O, from, conv.Pixels, target, filters);
                    }
                    else
                    {
                        new Span<T>(target, width * filters).Clear();
                    }
                }

                WinogradKernel<F, S, V, T>.Gradients(
                    rows, block.Across, conv.O, filters, rows + size, to, (nint)Memory.GradientPlane,
                    Sums + (conv.Taps * (nint)filters));
            }
        }
    }
}
