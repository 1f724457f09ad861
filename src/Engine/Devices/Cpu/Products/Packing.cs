using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>Copies blocks of matrices into the order in which the micro-kernel reads them.</summary>
internal static unsafe class Packing
{
    /// <summary>
    /// Copies <paramref name="depth"/> rows of <paramref name="count"/> elements, which lie <paramref name="ld"/>
    /// apart, to rows of <paramref name="width"/>, whole vectors; the padding has no meaning.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Rows<S, V, T>(int depth, int count, T* from, nint ld, T* to, int width)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        // Whole vectors may be read while another row follows.
        int whole = count == width ? depth : ld + count >= width ? depth - 1 : 0, k = 0;
        if (width == 2 * S.Count)
        {
            for (; k < whole; k++, from += ld, to += width)
            {
                S.Store(to, S.Load(from));
                S.Store(to + S.Count, S.Load(from + S.Count));
            }
        }

        for (; k < whole; k++, from += ld, to += width)
        {
            for (int i = 0; i < width; i += S.Count)
            {
                S.Store(to + i, S.Load(from + i));
            }
        }

        for (; k < depth; k++, from += ld, to += width)
        {
            for (int i = 0; i < width; i += S.Count)
            {
                S.Store(to + i, S.LoadPartial(from + i, Math.Clamp(count - i, 0, S.Count)));
            }
        }
    }

    /// <summary>
    /// Copies the transpose of <paramref name="count"/> rows of <paramref name="depth"/> elements, which lie
    /// <paramref name="ld"/> apart, to <paramref name="depth"/> rows of <paramref name="width"/>; the padding is not
    /// written.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Columns<T>(int depth, int count, T* from, nint ld, T* to, int width)
        where T : unmanaged
    {
        if (sizeof(T) == 4 && count >= 4 && depth >= 4)
        {
            // The last four rows or columns may include some that were copied before.
            for (int row = 0; row < count; row += 4)
            {
                int i = Math.Min(row, count - 4);
                float* source = (float*)from + (i * ld), target = (float*)to + i;
                for (int column = 0; column < depth; column += 4)
                {
                    nint k = Math.Min(column, depth - 4);
                    Transpose4(source + k, ld, target + (k * width), width);
                }
            }

            return;
        }

        if (sizeof(T) == 8)
        {
            Transposition.Run(count, depth, from, ld, to, width);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            for (int k = 0; k < depth; k++)
            {
                to[((nint)k * width) + i] = from[(i * ld) + k];
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Transpose4(float* from, nint ldFrom, float* to, nint ldTo)
    {
        Vector128<float> r0 = Vector128.Load(from), r1 = Vector128.Load(from + ldFrom);
        Vector128<float> r2 = Vector128.Load(from + (2 * ldFrom)), r3 = Vector128.Load(from + (3 * ldFrom));
        Vector128<float> even0 = ZipLow(r0, r2), even1 = ZipHigh(r0, r2), odd0 = ZipLow(r1, r3), odd1 = ZipHigh(r1, r3);
        ZipLow(even0, odd0).Store(to);
        ZipHigh(even0, odd0).Store(to + ldTo);
        ZipLow(even1, odd1).Store(to + (2 * ldTo));
        ZipHigh(even1, odd1).Store(to + (3 * ldTo));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipLow(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackLow(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b)
        : Vector128.Create(a[0], b[0], a[1], b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> ZipHigh(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.UnpackHigh(a, b)
        : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b)
        : Vector128.Create(a[2], b[2], a[3], b[3]);
}
