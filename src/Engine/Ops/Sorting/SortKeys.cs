using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Ops;

/// <summary>
/// Sorts a row's elements on the CPU. For elements of up to 32 bits, element and index are one number, whose upper half
/// is sorted digit by digit (radix sort). For larger elements, element and index are compared.
/// </summary>
internal static unsafe class SortKeys
{
    /// <summary>The bytes of memory that an element needs.</summary>
    public const int Bytes = 2 * sizeof(ulong);

    /// <summary>
    /// Below the first number, comparisons are faster than counting digits; from the second on, long digits are faster.
    /// </summary>
    private const int Few = 128, Many = 1 << 14;

    /// <summary>
    /// Writes the indices of the first elements in order; among equal ones, the lower index comes first.
    /// </summary>
    /// <param name="row">The elements.</param>
    /// <param name="isDescending">Whether the largest come first.</param>
    /// <param name="memory">Memory for all elements.</param>
    /// <param name="indices">The indices; their number is that of the elements to find.</param>
    public static void Sort<T>(ReadOnlySpan<T> row, bool isDescending, byte* memory, Span<int> indices)
        where T : unmanaged, INumber<T>
    {
        bool isPart = indices.Length < row.Length / 4;
        if (sizeof(T) > sizeof(int))
        {
            var keys = new Span<Key>(memory, row.Length);
            for (int i = 0; i < row.Length; i++)
            {
                ulong bits = Bits(row[i]);
                keys[i] = new Key(isDescending ? ~bits : bits, i);
            }

            Span<Key> first = isPart ? Smallest(keys, indices.Length) : keys;
            first.Sort();
            for (int i = 0; i < indices.Length; i++)
            {
                indices[i] = first[i].Index;
            }
        }
        else
        {
            var keys = new Span<ulong>(memory, row.Length);
            uint mask = isDescending ? uint.MaxValue : 0;
            for (int i = 0; i < row.Length; i++)
            {
                keys[i] = ((ulong)(ShortBits(row[i]) ^ mask) << 32) | (uint)i;
            }

            Span<ulong> sorted = isPart ? Smallest(keys, indices.Length) : keys;
            if (isPart || row.Length < Few)
            {
                sorted.Sort();
            }
            else
            {
                sorted = ByDigits(keys, new Span<ulong>(memory + ((long)row.Length * sizeof(ulong)), row.Length));
            }

            for (int i = 0; i < indices.Length; i++)
            {
                indices[i] = (int)(uint)sorted[i];
            }
        }
    }

    /// <summary>
    /// Sorts numbers by their upper halves, stably: digit by digit from the least significant on. A digit that all have
    /// in common is skipped.
    /// </summary>
    /// <returns>The one of the two spans that holds the sorted numbers.</returns>
    private static Span<ulong> ByDigits(Span<ulong> keys, Span<ulong> other)
    {
        const int Short = 8, Long = 11;
        int digit = keys.Length < Many ? Short : Long, mask = (1 << digit) - 1;
        Span<int> starts = stackalloc int[1 << Long];
        starts = starts[..(mask + 1)];
        for (int shift = 32; shift < 64; shift += digit)
        {
            starts.Clear();
            foreach (ulong key in keys)
            {
                starts[(int)(key >> shift) & mask]++;
            }

            if (starts[(int)(keys[0] >> shift) & mask] == keys.Length)
            {
                continue;
            }

            int start = 0;
            for (int i = 0; i < starts.Length; i++)
            {
                (start, starts[i]) = (start + starts[i], start);
            }

            foreach (ulong key in keys)
            {
                other[starts[(int)(key >> shift) & mask]++] = key;
            }

            Span<ulong> sorted = other;
            other = keys;
            keys = sorted;
        }

        return keys;
    }

    /// <summary>
    /// Moves the smallest keys, in any order, to the front: a heap of them whose largest is replaced.
    /// </summary>
    private static Span<TKey> Smallest<TKey>(Span<TKey> keys, int count) where TKey : struct, IComparable<TKey>
    {
        Span<TKey> heap = keys[..count];
        for (int i = (count / 2) - 1; i >= 0; i--)
        {
            Sink(heap, i);
        }

        for (int i = count; i < keys.Length && count > 0; i++)
        {
            if (keys[i].CompareTo(heap[0]) < 0)
            {
                heap[0] = keys[i];
                Sink(heap, 0);
            }
        }

        return heap;
    }

    private static void Sink<TKey>(Span<TKey> heap, int at) where TKey : struct, IComparable<TKey>
    {
        TKey key = heap[at];
        for (int child = (2 * at) + 1; child < heap.Length; child = (2 * at) + 1)
        {
            child += child + 1 < heap.Length && heap[child].CompareTo(heap[child + 1]) < 0 ? 1 : 0;
            if (key.CompareTo(heap[child]) >= 0)
            {
                break;
            }

            heap[at] = heap[child];
            at = child;
        }

        heap[at] = key;
    }

    /// <summary>
    /// Returns bits in the order of the numbers: all bits of negative numbers are inverted, and the sign of others. NaN
    /// is the largest.
    /// </summary>
    private static ulong Bits<T>(T value) where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(double))
        {
            long bits = BitConverter.DoubleToInt64Bits(double.CreateTruncating(value) + 0.0);
            return T.IsNaN(value) ? ulong.MaxValue : (ulong)(bits ^ ((bits >> 63) | long.MinValue));
        }

        return (ulong)(long.CreateTruncating(value) - long.MinValue);
    }

    /// <summary>Returns such bits for elements of up to 32 bits.</summary>
    private static uint ShortBits<T>(T value) where T : unmanaged, INumber<T>
    {
        if (typeof(T) == typeof(float))
        {
            int bits = BitConverter.SingleToInt32Bits(float.CreateTruncating(value) + 0f);
            return T.IsNaN(value) ? uint.MaxValue : (uint)(bits ^ ((bits >> 31) | int.MinValue));
        }

        return (uint)(int.CreateTruncating(value) - int.MinValue);
    }

    /// <summary>Represents the sort key of an element and its index; of equal keys the lower index is less.</summary>
    private readonly record struct Key(ulong Bits, int Index) : IComparable<Key>
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public int CompareTo(Key other) =>
            Bits < other.Bits ? -1 : Bits > other.Bits ? 1 : Index - other.Index;
    }
}
