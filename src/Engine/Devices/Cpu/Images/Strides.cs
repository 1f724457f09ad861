using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>Every second, third … element of a row: loads, and rows split into their phases and joined again.</summary>
internal static unsafe class Strides<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    /// <summary>
    /// A vector of elements <paramref name="stride"/> apart. Only the <paramref name="count"/> first are wanted, and no
    /// memory behind the last of them is touched.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Load(T* from, int stride, int count)
    {
        if (stride == 1)
        {
            return count >= S.Count ? S.Load(from) : S.LoadPartial(from, count);
        }

        if (stride == 2)
        {
            int second = (2 * Math.Min(count, S.Count)) - 1 - S.Count;
            return second >= 0
                ? S.Even(S.Load(from), S.LoadPartial(from + S.Count, second))
                : S.Even(S.LoadPartial(from, second + S.Count), S.Zero);
        }

        T* lanes = stackalloc T[S.Count];
        for (int i = 0; i < S.Count; i++)
        {
            lanes[i] = i < count ? from[i * (nint)stride] : default;
        }

        return S.Load(lanes);
    }

    /// <summary>
    /// Splits a row into its phases: phase p, of <paramref name="length"/> elements, is elements p, p + stride, …
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Split(int stride, int count, T* row, T* phases, int length)
    {
        int done = 0;
        if (stride == 2)
        {
            for (; done + (2 * S.Count) <= count; done += 2 * S.Count)
            {
                V a = S.Load(row + done), b = S.Load(row + done + S.Count);
                S.Store(phases + (done / 2), S.Even(a, b));
                S.Store(phases + length + (done / 2), S.Odd(a, b));
            }
        }

        for (int phase = 0; phase < stride; phase++)
        {
            T* to = phases + ((nint)phase * length);
            for (int i = done / stride, at = done + phase; at < count; i++, at += stride)
            {
                to[i] = row[at];
            }
        }
    }

    /// <summary>The adjoint of <see cref="Split"/>: adds the phases to the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void AddJoined(int stride, int count, T* phases, int length, T* row)
    {
        int done = 0;
        if (stride == 2)
        {
            for (; done + (2 * S.Count) <= count; done += 2 * S.Count)
            {
                V even = S.Load(phases + (done / 2)), odd = S.Load(phases + length + (done / 2));
                T* to = row + done;
                S.Store(to, S.Add(S.Load(to), S.ZipLow(even, odd)));
                S.Store(to + S.Count, S.Add(S.Load(to + S.Count), S.ZipHigh(even, odd)));
            }
        }

        for (int phase = 0; phase < stride; phase++)
        {
            T* from = phases + ((nint)phase * length);
            for (int i = done / stride, at = done + phase; at < count; i++, at += stride)
            {
                S.StorePartial(row + at, S.Add(S.Splat(row[at]), S.Splat(from[i])), 1);
            }
        }
    }
}
