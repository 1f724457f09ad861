using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary><see cref="SubtensorCode.Put"/> for the step's type.</summary>
internal sealed class SubtensorPut(SubtensorLoops loops, bool adds) : IForElements<CpuStep, Phase>
{
    public Phase For<T>(CpuStep step) where T : unmanaged, INumber<T> => SubtensorCode.Put<T>(step, loops, adds);
}

/// <summary>The loops and launches of <see cref="Subtensor"/> and <see cref="SubtensorUpdate"/>: index.cu.</summary>
internal static unsafe class SubtensorCode
{
    private const int Grain = 4096, Chunk = 64, Groups = 4096;

    /// <summary>The bytes of the list of places.</summary>
    public static long Workspace(Shape? places) => places is { } shape ? shape.Count * sizeof(int) : 0;

    /// <summary>The offsets that the arrays of places come to, all axes together, each place checked.</summary>
    public static Phase[] Places(CpuStep step, SubtensorLoops loops, int firstArray)
    {
        if (loops.Arrays.Length == 0)
        {
            return [];
        }

        var places = (int*)step.Workspace;
        string origin = step.Origin;
        nint[] arrays = [.. loops.Arrays.Select((_, i) => (nint)step.In<int>(firstArray + i))];
        return
        [
            new Phase((int)step.Shape(firstArray).Count, Grain, (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    int offset = 0;
                    for (int array = 0; array < arrays.Length; array++)
                    {
                        (int side, int stride) = loops.Arrays[array];
                        int place = ((int*)arrays[array])[i], counted = place < 0 ? place + side : place;
                        if ((uint)counted >= (uint)side)
                        {
                            throw new EngineException(Message(place, side) + origin);
                        }

                        offset += counted * stride;
                    }

                    places[i] = offset;
                }
            }),
        ];
    }

    public static CudaLaunch[] Places(CudaStep step, SubtensorLoops loops, int firstArray)
    {
        var kernel = new CudaKernel("index.cu", "places", "T int");
        return [.. loops.Arrays.Select((array, i) =>
        {
            int count = (int)step.Shape(firstArray + i).Count;
            (ulong fault, int code) = step.Fault((place, _) => Message(place, array.Side));
            return (CudaLaunch)CudaCopies.Spread(
                kernel, count, step.In(firstArray + i), step.Workspace, array.Side, array.Stride, i == 0 ? 1 : 0, count,
                fault, code);
        })];
    }

    /// <summary>Copies the part that the loops go over to an array of its own.</summary>
    public static Phase Take<T>(CpuStep step, SubtensorLoops loops) where T : unmanaged
    {
        T* x = step.In<T>(0) + loops.Start, y = step.Out<T>();
        SubtensorLoop[] outer = loops.All[..^1];
        SubtensorLoop run = loops.All[^1];
        var places = (int*)step.Workspace;
        return new Phase(
            SubtensorLoops.Product(outer), Copies.Grain((long)run.Side * sizeof(T)), (start, end, _) =>
            {
                for (int row = start; row < end; row++)
                {
                    T* from = x + SubtensorLoops.Offset(outer, row, places), to = y + ((long)row * run.Side);
                    if (run.Places != 0)
                    {
                        for (int i = 0; i < run.Side; i++)
                        {
                            to[i] = from[places[i]];
                        }
                    }
                    else if (run.Step == 1)
                    {
                        new ReadOnlySpan<T>(from, run.Side).CopyTo(new Span<T>(to, run.Side));
                    }
                    else
                    {
                        for (int i = 0; i < run.Side; i++)
                        {
                            to[i] = from[(long)i * run.Step];
                        }
                    }
                }
            });
    }

    /// <summary>
    /// Writes an array to the part of another, or adds it. Elements that have their place but in common are done by one
    /// unit, in order: the loop over places is the innermost but for a chunk of the last loop.
    /// </summary>
    public static Phase Put<T>(CpuStep step, SubtensorLoops loops, bool adds) where T : unmanaged, INumber<T>
    {
        T* v = step.In<T>(1), y = step.Out<T>() + loops.Start;
        int at = loops.PlacesAt, count = at < 0 ? 1 : loops.All[at].Side;
        SubtensorLoop[] front = at < 0 ? loops.All[..^1] : loops.All[..at];
        SubtensorLoop[] inner = at < 0 ? [] : loops.All[(at + 1)..];
        SubtensorLoop run = at < 0 ? loops.All[^1] : inner is [.., var last] ? last : new SubtensorLoop(1, 1, 0);
        inner = inner is [] ? inner : inner[..^1];
        int rows = SubtensorLoops.Product(inner), chunks = (run.Side + Chunk - 1) / Chunk;
        var places = (int*)step.Workspace;
        int units = SubtensorLoops.Product(front) * rows * chunks;
        int grain = Math.Max(1, Grain / Math.Max(1, count * Math.Min(run.Side, Chunk)));
        return new Phase(units, grain, (start, end, _) =>
        {
            for (int unit = start; unit < end; unit++)
            {
                (int line, int chunk) = Math.DivRem(unit, chunks);
                (int outer, int row) = Math.DivRem(line, rows);
                int first = chunk * Chunk, n = Math.Min(Chunk, run.Side - first);
                T* to = y + SubtensorLoops.Offset(front, outer, null) + SubtensorLoops.Offset(inner, row, null)
                    + ((long)first * run.Step);
                T* from = v + ((((long)outer * count * rows) + row) * run.Side) + first;
                for (int place = 0; place < count; place++, from += (long)rows * run.Side)
                {
                    T* target = at < 0 ? to : to + places[place];
                    if (run.Step == 1)
                    {
                        Row(from, target, n, adds);
                        continue;
                    }

                    for (int i = 0; i < n; i++)
                    {
                        T* element = target + ((long)i * run.Step);
                        *element = adds ? *element + from[i] : from[i];
                    }
                }
            }
        });
    }

    private static void Row<T>(T* from, T* to, int n, bool adds) where T : unmanaged, INumber<T>
    {
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
            kernel, count, step.In(0), step.Workspace, step.Out(), loops.Start, Cuda(loops.All), loops.Arrays.Length == 0 ? 0 : 1,
            count);
    }

    public static CudaLaunch Put(CudaStep step, SubtensorLoops loops, bool adds)
    {
        int at = loops.PlacesAt, places = at < 0 ? 1 : loops.All[at].Side;
        int behind = at < 0 ? 1 : SubtensorLoops.Product(loops.All.AsSpan(at + 1));
        SubtensorLoop[] others = [.. loops.All.Where(loop => loop.Places == 0)];
        int count = SubtensorLoops.Product(others);

        // Where the values of one place are few, several threads share the places out by their remainders.
        int groups = at < 0 ? 1 : Math.Clamp(Math.Min(Groups / Math.Max(count, 1), places), 1, Groups);
        string type = adds ? step.DType(0).Cuda() : step.DType(0).CudaBits();
        var kernel = new CudaKernel("index.cu", "put", $"T {type}", $"ADDS {(adds ? 1 : 0)}");
        return CudaCopies.Spread(
            kernel, checked(count * groups), step.In(1), step.Workspace, step.Out(), loops.Start, Cuda(others), at < 0 ? -1 : places,
            behind, groups, count * groups);
    }

    private static string Message(int place, int side) =>
        InvariantText.Of(
            $"The index {place} is not one of an axis of {side}: places go from 0 to {side - 1}, and from -{side} counted from the end.");

    private static CudaLoops Cuda(SubtensorLoop[] loops) => new(
        [.. loops.Select(loop => loop.Side)],
        loops.Select(loop => loop.Step).ToArray(),
        loops.Select(loop => loop.Places).ToArray());
}
