using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// An image as a matrix with a row for each tap of a filter and a column for each pixel of the result, which makes the
/// convolution a matrix product, and its adjoint.
/// </summary>
internal static unsafe class Im2Col
{
    /// <summary>Writes the matrix of image <paramref name="x"/>, C·KH·KW rows that lie <paramref name="ld"/> elements apart.</summary>
    internal static void Gather<T>(in ConvShape s, T* x, T* columns, int ld)
        where T : unmanaged, INumber<T> => Walk<T, CopyRun>(s, x, columns, ld);

    /// <summary>Adds each element of the matrix to the pixel of <paramref name="x"/> that <see cref="Gather"/> takes it from.</summary>
    internal static void Scatter<T>(in ConvShape s, T* columns, int ld, T* x)
        where T : unmanaged, INumber<T> => Walk<T, AddRun>(s, x, columns, ld);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Walk<T, R>(in ConvShape s, T* x, T* columns, int ld)
        where T : unmanaged, INumber<T>
        where R : struct, IRun
    {
        (int outH, int outW) = (s.OH, s.OW);
        (int h, int w, int strideH, int strideW) = (s.H, s.W, s.StrideH, s.StrideW);
        for (int c = 0; c < s.C; c++, x += h * w)
        {
            for (int tap = 0; tap < s.KH * s.KW; tap++, columns += ld)
            {
                (int kh, int kw) = Math.DivRem(s.Flip ? (s.KH * s.KW) - 1 - tap : tap, s.KW);
                int top = kh - s.PadH, left = kw - s.PadW;
                // Pixels first … end - 1 of a row take this tap from inside of the image.
                int first = Math.Min(outW, left >= 0 ? 0 : (-left + strideW - 1) / strideW);
                int end = left >= w ? first : Math.Clamp(((w - 1 - left) / strideW) + 1, first, outW);
                T* row = columns;
                for (int oh = 0; oh < outH; oh++, row += outW)
                {
                    int ih = (oh * strideH) + top;
                    bool isInside = (uint)ih < (uint)h;
                    R.Run(x + ((nint)ih * w) + left, strideW, row, isInside ? first : outW, isInside ? end : outW, outW);
                }
            }
        }
    }

    /// <summary>What happens to one row of pixels, of which those from first up to end lie in the image.</summary>
    private interface IRun
    {
        static abstract void Run<T>(T* image, int stride, T* row, int first, int end, int count)
            where T : unmanaged, INumber<T>;
    }

    private readonly struct CopyRun : IRun
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Run<T>(T* image, int stride, T* row, int first, int end, int count)
            where T : unmanaged, INumber<T>
        {
            for (int i = 0; i < first; i++)
            {
                row[i] = T.Zero;
            }

            if (stride == 1)
            {
                Packing.Copy(image + first, row + first, end - first);
            }
            else
            {
                for (int i = first; i < end; i++)
                {
                    row[i] = image[(nint)i * stride];
                }
            }

            for (int i = end; i < count; i++)
            {
                row[i] = T.Zero;
            }
        }
    }

    private readonly struct AddRun : IRun
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Run<T>(T* image, int stride, T* row, int first, int end, int count)
            where T : unmanaged, INumber<T>
        {
            if (stride == 1)
            {
                Packing.Add(row + first, image + first, end - first);
            }
            else
            {
                for (int i = first; i < end; i++)
                {
                    image[(nint)i * stride] += row[i];
                }
            }
        }
    }
}
