using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Says what a channelwise convolution computes: the result, or the gradient of the images or of the filters.
/// </summary>
internal enum ChannelwisePass
{
    Result,
    Images,
    Weights,
}

/// <summary>
/// Computes a channelwise convolution and its gradients on the CPU, one plane after the other. A plane is copied to
/// memory with zeros around it, and its rows are split into the phases of the stride. The pixels of a tap then have a
/// constant offset for all columns side by side. The gradient of the images is a convolution of the result's gradient,
/// for each phase of the images with the taps that read that phase.
/// </summary>
internal sealed unsafe class ChannelwisePlanes
{
    private const int Work = 1 << 16, Alignment = 64;

    /// <summary>The elements behind the last row that vectors may read: four of the widest vectors.</summary>
    private const int Slack = 4 * 16;

    private readonly int[] _offsets;

    public ChannelwisePlanes(Channelwise of, Shape images, int filters, ChannelwisePass pass)
    {
        PatchShape s = S = PatchShape.Of(of.Patches, images);
        Filters = filters;
        Multiples = s.Channels == 0 ? 0 : filters / s.Channels;
        Pass = pass;
        Reach0 = (s.Size0 - 1) * s.Dilation0 / s.Stride0;
        Reach1 = (s.Size1 - 1) * s.Dilation1 / s.Stride1;
        Reach2 = (s.Size2 - 1) * s.Dilation2 / s.Stride2;
        Columns = (s.Dimension2 + s.Pad2 + s.Stride2 - 1) / s.Stride2;
        if (pass == ChannelwisePass.Images)
        {
            Rows0 = Reach0 + Math.Max(s.Over0, (s.Dimension0 + s.Pad0 + s.Stride0 - 1) / s.Stride0);
            Rows1 = Reach1 + Math.Max(s.Over1, (s.Dimension1 + s.Pad1 + s.Stride1 - 1) / s.Stride1);
            Pitch = Length = Reach2 + Math.Max(s.Over2, Columns);
        }
        else
        {
            Rows0 = Math.Max(s.Dimension0 + s.Pad0, ((s.Over0 - 1) * s.Stride0) + ((s.Size0 - 1) * s.Dilation0) + 1);
            Rows1 = Math.Max(s.Dimension1 + s.Pad1, ((s.Over1 - 1) * s.Stride1) + ((s.Size1 - 1) * s.Dilation1) + 1);
            Length = Math.Max(s.Over2 + Reach2, Columns);
            Pitch = s.Stride2 * Length;
        }

        // For the gradient of the images, the taps are sorted by phase; otherwise they keep their order.
        bool isSplit = pass == ChannelwisePass.Images;
        int[] order = [.. Enumerable.Range(0, Taps).OrderBy(tap => isSplit ? ClassOf(tap) : 0)];
        _offsets = [.. order.Select(tap => isSplit ? OffsetOfGradient(tap) : OffsetOfPixel(tap))];
        Order = [.. order.Select(tap => of.FlipFilters ? Taps - 1 - tap : tap)];
        int classes = isSplit ? s.Stride0 * s.Stride1 * s.Stride2 : 1;
        Classes = new int[classes + 1];
        foreach (int tap in order)
        {
            Classes[(isSplit ? ClassOf(tap) : 0) + 1]++;
        }

        for (int each = 1; each <= classes; each++)
        {
            Classes[each] += Classes[each - 1];
        }
    }

    public PatchShape S { get; }

    public int Filters { get; }

    public int Multiples { get; }

    public ChannelwisePass Pass { get; }

    /// <summary>
    /// Gets the distance from the pixel of a filter's first tap to that of its last, in steps of the stride.
    /// </summary>
    public int Reach0 { get; }

    public int Reach1 { get; }

    public int Reach2 { get; }

    /// <summary>Gets the number of elements of a phase of an image's row, with the padding before it.</summary>
    public int Columns { get; }

    /// <summary>Gets the number of rows in memory, and of elements of a row and of one of its phases.</summary>
    public int Rows0 { get; }

    public int Rows1 { get; }

    public int Pitch { get; }

    public int Length { get; }

    /// <summary>
    /// Gets the index of the weight of each entry of the table of offsets, and the entry with which each phase begins.
    /// </summary>
    public int[] Order { get; }

    public int[] Classes { get; }

    public int Taps => S.Size0 * S.Size1 * S.Size2;

    /// <summary>Gets the number of elements of a plane of the result, and of the images.</summary>
    public int Area => S.Over0 * S.Over1 * S.Over2;

    public int Pixels => S.Dimension0 * S.Dimension1 * S.Dimension2;

    /// <summary>
    /// Returns the bytes that a thread needs: totals, offsets and weights of taps, the rows of a plane, the phases of a
    /// row.
    /// </summary>
    public long Bytes<T>() where T : unmanaged =>
        Aligned((Taps * (sizeof(double) + sizeof(int) + sizeof(T))) + ((RowsCount + Phases + Slack) * sizeof(T))
            + Alignment);

    private long RowsCount => (long)Rows0 * Rows1 * Pitch;

    private long Phases => Pass == ChannelwisePass.Images && S.Stride2 > 1 ? (long)S.Stride2 * Columns : 0;

    /// <summary>Returns the loop, over planes of the images or over filters.</summary>
    public Phase Loop<T>(T* x, T* w, T* y, byte* workspace) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        int count = Pass == ChannelwisePass.Weights ? Filters : S.Images * S.Channels;
        int grain = Pass == ChannelwisePass.Weights
            ? 1
            : Math.Max(1, Work / Math.Max(1, Area * Taps * Math.Max(1, Multiples)));
        return new Phase(count, grain, (start, end, worker) =>
        {
            var job = new Job<T> { Planes = this, X = x, W = w, Y = y, Start = start, End = end };
            job.Memory = workspace + (worker * Bytes<T>());
            Simd.Dispatch<T, Job<T>>(ref job);
        });
    }

    private static long Aligned(long bytes) => (bytes + Alignment - 1) & -Alignment;

    private (int S0, int S1, int S2) StepsOf(int tap) =>
        (tap / (S.Size1 * S.Size2) * S.Dilation0, tap / S.Size2 % S.Size1 * S.Dilation1,
            tap % S.Size2 * S.Dilation2);

    private int ClassOf(int tap)
    {
        (int s0, int s1, int s2) = StepsOf(tap);
        return (((s0 % S.Stride0 * S.Stride1) + (s1 % S.Stride1)) * S.Stride2) + (s2 % S.Stride2);
    }

    /// <summary>Returns the offset of a tap's pixel from the pixel of the filter's first tap.</summary>
    private int OffsetOfPixel(int tap)
    {
        (int s0, int s1, int s2) = StepsOf(tap);
        return checked((int)(((((long)s0 * Rows1) + s1) * Pitch) + (s2 % S.Stride2 * (long)Length) + (s2 / S.Stride2)));
    }

    /// <summary>Returns the offset of the gradient that a tap adds to a pixel, from that of the first tap.</summary>
    private int OffsetOfGradient(int tap)
    {
        (int s0, int s1, int s2) = StepsOf(tap);
        return checked((int)-(((((long)s0 / S.Stride0 * Rows1) + (s1 / S.Stride1)) * Pitch) + (s2 / S.Stride2)));
    }

    private struct Job<T> : ISimdJob<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        public ChannelwisePlanes Planes;
        public T* X, W, Y;
        public byte* Memory;
        public int Start, End;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            var totals = (double*)Memory;
            var offsets = (int*)(totals + Planes.Taps);
            Planes._offsets.CopyTo(new Span<int>(offsets, Planes.Taps));
            var weights = (T*)((nint)(offsets + Planes.Taps + 1) & -sizeof(double));
            T* rows = weights + Planes.Taps;
            long count = Planes.RowsCount + Planes.Phases + Slack;
            Copies.Clear((byte*)rows, count * sizeof(T));
            new ChannelwiseKernel<S, V, T>(
                Planes, X, W, Y, rows, rows + Planes.RowsCount, weights, offsets, totals).Run(Start, End);
        }
    }
}
