using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// The weights' gradient is a sum over all images. It is cut into chunks by the shape alone, so the order of addition
/// is the same for any number of threads. Each chunk's sums are a row of <c>ld</c> elements for every tap, one element
/// for each filter, and a last row for the bias.
/// </summary>
internal static unsafe class WeightSums
{
    private const int MaxChunks = 32;
    private const int MinChunks = 4;
    private const long MaxElements = 1 << 20;

    /// <summary>The taps that are added up before they are written: they stay in the L1 cache.</summary>
    private const int BlockTaps = 16;

    /// <summary>Returns the elements of a chunk's sums.</summary>
    internal static long Size(in ConvShape s, int ld) => ((long)s.Taps + 1) * ld;

    /// <summary>Returns the number of chunks into which <paramref name="parts"/> are grouped.</summary>
    internal static int Chunks(in ConvShape s, int ld, int parts) => Math.Clamp(
        parts, 1, (int)Math.Clamp(MaxElements / Math.Max(1, Size(s, ld)), MinChunks, MaxChunks));

    /// <summary>
    /// Adds up the chunks, in order, into the gradient of w and, unless <paramref name="db"/> is null, of the bias.
    /// </summary>
    internal static Phase Add<T>(ConvShape s, T* sums, int ld, int chunks, T* dw, T* db)
        where T : unmanaged, INumber<T>
    {
        nint apart = (nint)Size(s, ld);
        return new Phase(s.Taps + 1, Math.Max(1, 8192 / (chunks * Math.Max(s.O, 1))), (start, end, _) =>
        {
            for (int tap = start; tap < end; tap += BlockTaps)
            {
                int count = Math.Min(BlockTaps, end - tap), weights = Math.Clamp(s.Taps - tap, 0, count);
                T* from = sums + ((nint)tap * ld);
                for (int chunk = 1; chunk < chunks; chunk++)
                {
                    ShortRows.Add(db == null ? weights : count, s.O, from + (chunk * apart), ld, from, ld);
                }

                Packing.Columns(s.O, weights, from, ld, dw + tap, s.Taps);
                if (weights < count && db != null)
                {
                    new Span<T>(sums + ((nint)s.Taps * ld), s.O).CopyTo(new Span<T>(db, s.O));
                }
            }
        });
    }

    /// <summary>Adds each row's sum to an element of <paramref name="sums"/>.</summary>
    internal static void AddRows<T>(T* from, int rows, int columns, nint ld, T* sums)
        where T : unmanaged
    {
        var job = new RowsJob<T> { From = from, Rows = rows, Columns = columns, Ld = ld, Sums = sums };
        Simd.Dispatch<T, RowsJob<T>>(ref job);
    }

    private struct RowsJob<T> : ISimdJob<T>
        where T : unmanaged
    {
        public T* From, Sums;
        public int Rows, Columns;
        public nint Ld;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            T* row = From;
            for (int i = 0; i < Rows; i++, row += Ld)
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
