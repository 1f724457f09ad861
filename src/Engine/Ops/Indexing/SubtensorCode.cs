using System.Numerics;
using System.Runtime.Intrinsics.X86;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Runs <see cref="SubtensorCode.Put"/> for the step's type.</summary>
internal sealed class SubtensorPut(SubtensorLoops loops, bool adds) : IForElements<CpuStep, Phase>
{
    public Phase For<T>(CpuStep step) where T : unmanaged, INumber<T> => SubtensorCode.Put<T>(step, loops, adds);
}

/// <summary>
/// Builds the loops and launches of <see cref="Subtensor"/> and <see cref="SubtensorUpdate"/>: index.cu.
/// </summary>
internal static unsafe class SubtensorCode
{
    /// <summary>
    /// The number of offsets that are computed at once, and the number of elements of a row that are written at once.
    /// </summary>
    private const int Together = 2048, Chunk = 64;

    private const int Grain = 4096, Groups = 4096;

    /// <summary>
    /// The number of rows between a prefetch and its use, the maximum number of bytes that are prefetched, and the
    /// bytes of a cache line.
    /// </summary>
    private const int RowsAhead = 4, MaxAhead = 1024, Line = 64;

    /// <summary>
    /// The number of elements between a prefetch and its use; only for arrays with more bytes than a second-level
    /// cache.
    /// </summary>
    private const int EachAhead = 48, InCaches = 1 << 20;

    /// <summary>Returns the bytes of the list of offsets.</summary>
    public static long Workspace(SubtensorLoops loops) =>
        loops.Arrays.Length == 0 ? 0 : loops.IndexShape.Count * sizeof(int);

    /// <summary>
    /// Returns the bytes of the list of offsets and, behind it, of the smallest and the largest offset of each part.
    /// </summary>
    public static long CpuWorkspace(SubtensorLoops loops) =>
        Workspace(loops) + (loops.Arrays.Length == 0 ? 0 : 2 * sizeof(int) * Parts(loops));

    /// <summary>Returns the offsets that all index arrays together give. Each index is checked.</summary>
    public static Phase[] Offsets(CpuStep step, SubtensorLoops loops, int firstArray)
    {
        if (loops.Arrays.Length == 0)
        {
            return [];
        }

        var offsets = (int*)step.Workspace;
        int* bounds = offsets + loops.IndexShape.Count;
        var indices = new IndexOffsets(step, loops, firstArray);
        int count = (int)loops.IndexShape.Count;
        return
        [
            new Phase(Parts(loops), 2, (start, end, _) =>
            {
                for (int part = start; part < end; part++)
                {
                    int first = part * Together, n = Math.Min(Together, count - first);
                    indices.Find(first, n, offsets + first);
                    (bounds[2 * part], bounds[(2 * part) + 1]) = IndexOffsets.Bounds(offsets + first, n);
                }
            }),
        ];
    }

    private static int Parts(SubtensorLoops loops) => (int)((loops.IndexShape.Count + Together - 1) / Together);

    public static CudaLaunch[] Offsets(CudaStep step, SubtensorLoops loops, int firstArray)
    {
        var kernel = new CudaKernel("index.cu", "index_offsets", "T int");
        return [.. loops.Arrays.Select((array, i) =>
        {
            int count = (int)loops.IndexShape.Count;
            (ulong fault, int code) = step.Fault((index, _) => Message(index, array.Dimension));
            return (CudaLaunch)CudaCopies.Spread(
                kernel, count, step.In(firstArray + i), step.Workspace,
                new CudaLoops(loops.Walk.Dimensions, loops.Walk.Strides[i]), array.Dimension,
                array.Stride, i == 0 ? 1 : 0, count, fault, code);
        })];
    }

    /// <summary>Copies the selected part to an array of its own.</summary>
    public static Phase Take<T>(CpuStep step, SubtensorLoops loops) where T : unmanaged =>
        loops.HasArraysOnly ? TakeEach<T>(step, loops) : TakeRows<T>(step, loops);

    /// <summary>Copies elements that each have their own index; the offsets stay in the first-level cache.</summary>
    private static Phase TakeEach<T>(CpuStep step, SubtensorLoops loops) where T : unmanaged
    {
        T* x = step.In<T>(0) + loops.Start, y = step.Out<T>();
        var indices = new IndexOffsets(step, loops, firstArray: 1);
        int count = (int)loops.IndexShape.Count;
        bool isFar = Sse.IsSupported && step.Shape(0).Count * sizeof(T) > InCaches;
        return new Phase(Parts(loops), 2, (start, end, _) =>
        {
            int* offsets = stackalloc int[Together];
            for (int part = start; part < end; part++)
            {
                int first = part * Together, n = Math.Min(Together, count - first), i = 0;
                indices.Find(first, n, offsets);
                T* to = y + first;
                if (isFar)
                {
                    for (; i < n - EachAhead; i++)
                    {
                        Sse.Prefetch0(x + offsets[i + EachAhead]);
                        to[i] = x[offsets[i]];
                    }
                }

                for (; i < n; i++)
                {
                    to[i] = x[offsets[i]];
                }
            }
        });
    }

    private static Phase TakeRows<T>(CpuStep step, SubtensorLoops loops) where T : unmanaged
    {
        T* x = step.In<T>(0) + loops.Start, y = step.Out<T>();
        SubtensorLoop[] outer = loops.All[..^1];
        SubtensorLoop run = loops.All[^1];
        var offsets = (int*)step.Workspace;
        bool isRowsAlone = outer is [{ OffsetStep: not 0 }] && run.Step == 1;
        return new Phase(
            SubtensorLoops.Product(outer), Copies.Grain((long)run.Dimension * sizeof(T)), (start, end, _) =>
            {
                for (int row = start; row < end; row++)
                {
                    if (isRowsAlone && row + RowsAhead < end)
                    {
                        Ask(x + offsets[row + RowsAhead], run.Dimension);
                    }

                    T* from = x + (isRowsAlone ? offsets[row] : SubtensorLoops.Offset(outer, row, offsets)),
                        to = y + ((long)row * run.Dimension);
                    if (run.OffsetStep != 0)
                    {
                        for (int i = 0; i < run.Dimension; i++)
                        {
                            to[i] = from[offsets[i]];
                        }
                    }
                    else if (run.Step == 1)
                    {
                        new ReadOnlySpan<T>(from, run.Dimension).CopyTo(new Span<T>(to, run.Dimension));
                    }
                    else
                    {
                        for (int i = 0; i < run.Dimension; i++)
                        {
                            to[i] = from[(long)i * run.Step];
                        }
                    }
                }
            });
    }

    /// <summary>Prefetches a row, because the processor cannot predict its address.</summary>
    private static void Ask<T>(T* row, int count) where T : unmanaged
    {
        if (Sse.IsSupported)
        {
            for (int at = 0; at < Math.Min(count * sizeof(T), MaxAhead); at += Line)
            {
                Sse.Prefetch0((byte*)row + at);
            }
        }
    }

    /// <summary>
    /// Writes an array to the part of another, or adds it. One unit handles all elements that differ only in their
    /// index, in order: the loop over indices is the innermost, except for a chunk of the last loop. If there are fewer
    /// units than threads, each thread goes through all indices and handles those in its own range.
    /// </summary>
    public static Phase Put<T>(CpuStep step, SubtensorLoops loops, bool adds) where T : unmanaged, INumber<T>
    {
        T* v = step.In<T>(1), y = step.Out<T>() + loops.Start;
        int at = loops.ArraysAt, count = at < 0 ? 1 : loops.All[at].Dimension;
        SubtensorLoop[] front = at < 0 ? loops.All[..^1] : loops.All[..at];
        SubtensorLoop[] inner = at < 0 ? [] : loops.All[(at + 1)..];
        SubtensorLoop run = at < 0 ? loops.All[^1] : inner is [.., var last] ? last : new SubtensorLoop(1, 1, 0);
        inner = inner is [] ? inner : inner[..^1];
        int rows = SubtensorLoops.Product(inner), chunks = (run.Dimension + Chunk - 1) / Chunk;
        int units = SubtensorLoops.Product(front) * rows * chunks;
        int ranges = at < 0 || units >= step.Threads || count < Together ? 1 : step.Threads;
        long extent = loops.Arrays.Sum(array => (array.Dimension - 1L) * array.Stride) + 1;
        var offsets = (int*)step.Workspace;
        int* bounds = offsets + loops.IndexShape.Count;
        int grain = Math.Max(1, Grain / Math.Max(1, count * Math.Min(run.Dimension, Chunk)));
        return new Phase(units * ranges, grain, (start, end, _) =>
        {
            for (int index = start; index < end; index++)
            {
                (int unit, int range) = Math.DivRem(index, ranges);
                (int line, int chunk) = Math.DivRem(unit, chunks);
                (int outer, int row) = Math.DivRem(line, rows);
                int first = chunk * Chunk, n = Math.Min(Chunk, run.Dimension - first);
                T* to = y + SubtensorLoops.Offset(front, outer, null) + SubtensorLoops.Offset(inner, row, null)
                    + ((long)first * run.Step);
                T* from = v + ((((long)outer * count * rows) + row) * run.Dimension) + first;
                if (at < 0)
                {
                    Row(from, to, n, run.Step, adds);
                    continue;
                }

                int low = (int)(extent * range / ranges), high = (int)(extent * (range + 1) / ranges);
                for (int part = 0, done = 0; done < count; part++, done += Together)
                {
                    bool isWhole = ranges == 1 || (bounds[2 * part] >= low && bounds[(2 * part) + 1] < high);
                    if (!isWhole && (bounds[(2 * part) + 1] < low || bounds[2 * part] >= high))
                    {
                        continue;
                    }

                    int here = Math.Min(Together, count - done);
                    T* values = from + ((long)done * rows * run.Dimension);
                    if (isWhole && run.Dimension == 1 && rows == 1)
                    {
                        Each(values, to, offsets + done, here, adds);
                        continue;
                    }

                    for (int i = 0; i < here; i++, values += (long)rows * run.Dimension)
                    {
                        int offset = offsets[done + i];
                        if (isWhole || (offset >= low && offset < high))
                        {
                            Row(values, to + offset, n, run.Step, adds);
                        }
                    }
                }
            }
        });
    }

    private static void Each<T>(T* from, T* to, int* offsets, int count, bool adds) where T : unmanaged, INumber<T>
    {
        if (adds)
        {
            for (int i = 0; i < count; i++)
            {
                to[offsets[i]] += from[i];
            }
        }
        else
        {
            for (int i = 0; i < count; i++)
            {
                to[offsets[i]] = from[i];
            }
        }
    }

    private static void Row<T>(T* from, T* to, int n, int step, bool adds) where T : unmanaged, INumber<T>
    {
        if (step != 1 || n == 1)
        {
            for (int k = 0; k < n; k++)
            {
                T* element = to + ((long)k * step);
                *element = adds ? *element + from[k] : from[k];
            }

            return;
        }

        if (!adds)
        {
            new ReadOnlySpan<T>(from, n).CopyTo(new Span<T>(to, n));
            return;
        }

        int i = 0;
        for (; i <= n - Vector<T>.Count; i += Vector<T>.Count)
        {
            (Vector.Load(to + i) + Vector.Load(from + i)).Store(to + i);
        }

        for (; i < n; i++)
        {
            to[i] += from[i];
        }
    }

    public static CudaLaunch Take(CudaStep step, SubtensorLoops loops)
    {
        int count = checked((int)step.OutShape().Count);
        var kernel = new CudaKernel("index.cu", "take", $"T {step.DType(0).CudaBits()}");
        return CudaCopies.Spread(
            kernel, count, step.In(0), step.Workspace, step.Out(), loops.Start, Cuda(loops.All),
            loops.Arrays.Length == 0 ? 0 : 1,
            count);
    }

    public static CudaLaunch Put(CudaStep step, SubtensorLoops loops, bool adds)
    {
        int at = loops.ArraysAt, indices = at < 0 ? 1 : loops.All[at].Dimension;
        int behind = at < 0 ? 1 : SubtensorLoops.Product(loops.All.AsSpan(at + 1));
        SubtensorLoop[] others = [.. loops.All.Where(loop => loop.OffsetStep == 0)];
        int count = SubtensorLoops.Product(others);

        // If each index has few values, several threads share the indices by their remainders.
        int groups = at < 0 ? 1 : Math.Clamp(Math.Min(Groups / Math.Max(count, 1), indices), 1, Groups);
        string type = adds ? step.DType(0).Cuda() : step.DType(0).CudaBits();
        var kernel = new CudaKernel("index.cu", "put", $"T {type}", $"ADDS {(adds ? 1 : 0)}");
        return CudaCopies.Spread(
            kernel, checked(count * groups), step.In(1), step.Workspace, step.Out(), loops.Start, Cuda(others),
            at < 0 ? -1 : indices,
            behind, groups, count * groups);
    }

    internal static string Message(int index, int dimension) =>
        InvariantText.Of(
            $"The index {index} lies outside an axis of {dimension}: indices go from 0 to {dimension - 1}, "
            + $"and from -{dimension} counted from the end.");

    private static CudaLoops Cuda(SubtensorLoop[] loops) => new(
        [.. loops.Select(loop => loop.Dimension)],
        loops.Select(loop => loop.Step).ToArray(),
        loops.Select(loop => loop.OffsetStep).ToArray());
}
