using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Splits rows into the phases of a stride, so that every second, third … element is contiguous, and joins them again.
/// With <c>pad</c> elements of padding, element i of a row is element i + pad of the padded row. Phase p holds its
/// elements p, p + stride, …, and phases lie <c>length</c> elements apart.
/// </summary>
internal static unsafe class Strides<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, INumber<T>
{
    /// <summary>Writes the phases of a row of <paramref name="count"/> elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Split(int stride, int count, T* row, T* phases, nint length, int pad)
    {
        switch (stride)
        {
            case 1:
                ShortRows.Copy(1, count, row, 0, phases + pad, 0);
                break;
            case 2:
                T* even = Phase(0, 2, phases, length, pad), odd = Phase(1, 2, phases, length, pad);
                for (int i = 0; i < count; i += 2 * S.Count)
                {
                    int left = count - i, high = Math.Clamp(left - S.Count, 0, S.Count);
                    V a = Lanes<S, V, T>.LoadUpTo(row + i, left),
                        b = high == 0 ? S.Zero : Lanes<S, V, T>.LoadUpTo(row + i + S.Count, high);
                    Lanes<S, V, T>.StoreUpTo(even + (i / 2), S.Even(a, b), (left + 1) / 2);
                    Lanes<S, V, T>.StoreUpTo(odd + (i / 2), S.Odd(a, b), left / 2);
                }

                break;
            default:
                for (int phase = 0; phase < stride; phase++)
                {
                    T* to = Phase(phase, stride, phases, length, pad);
                    for (int i = phase; i < count; i += stride)
                    {
                        *to++ = row[i];
                    }
                }

                break;
        }
    }

    /// <summary>The adjoint of <see cref="Split"/>: adds the phases to the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void AddJoined(int stride, int count, T* phases, nint length, int pad, T* row)
    {
        switch (stride)
        {
            case 1:
                Lanes<S, V, T>.Add(count, phases + pad, row);
                break;
            case 2:
                T* even = Phase(0, 2, phases, length, pad), odd = Phase(1, 2, phases, length, pad);
                for (int i = 0; i < count; i += 2 * S.Count)
                {
                    int left = count - i;
                    V a = Lanes<S, V, T>.LoadUpTo(even + (i / 2), (left + 1) / 2),
                        b = Lanes<S, V, T>.LoadUpTo(odd + (i / 2), left / 2);
                    T* to = row + i;
                    Lanes<S, V, T>.StoreUpTo(to, S.Add(Lanes<S, V, T>.LoadUpTo(to, left), S.ZipLow(a, b)), left);
                    if (left > S.Count)
                    {
                        V sum = S.Add(Lanes<S, V, T>.LoadUpTo(to + S.Count, left - S.Count), S.ZipHigh(a, b));
                        Lanes<S, V, T>.StoreUpTo(to + S.Count, sum, left - S.Count);
                    }
                }

                break;
            default:
                for (int phase = 0; phase < stride; phase++)
                {
                    T* from = Phase(phase, stride, phases, length, pad);
                    for (int i = phase; i < count; i += stride)
                    {
                        row[i] += *from++;
                    }
                }

                break;
        }
    }

    /// <summary>Returns the offset of elements phase, phase + stride, … of the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T* Phase(int phase, int stride, T* phases, nint length, int pad) =>
        phases + ((uint)(phase + pad) % (uint)stride * length) + ((uint)(phase + pad) / (uint)stride);
}
