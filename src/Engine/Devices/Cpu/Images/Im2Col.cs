using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// An image as a matrix with a row for each tap of a filter and a column for each pixel of the result, which makes the
/// convolution a matrix product, and its adjoint.
/// </summary>
internal static unsafe class Im2Col
{
    /// <summary>
    /// Writes the matrix of image <paramref name="x"/>: C·KH·KW rows that lie <paramref name="ld"/> elements apart.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Gather<T>(in ConvShape s, T* x, T* matrix, int ld)
        where T : unmanaged
    {
        bool isPadded = s.PadH > 0 || s.PadW > 0;
        int taps = s.KH * s.KW, size = s.Pixels;
        for (int row = 0; row < taps; row++)
        {
            var tap = new Tap(s, row);
            T* image = x + tap.Image, pixels = matrix + ((nint)row * ld) + tap.Pixel;
            for (int c = 0; c < s.C; c++, image += s.H * s.W, pixels += (nint)taps * ld)
            {
                if (isPadded)
                {
                    new Span<T>(pixels - tap.Pixel, size).Clear();
                }

                if (s.StrideW == 1)
                {
                    ShortRows.Copy(tap.Rows, tap.Columns, image, tap.ImageStep, pixels, tap.PixelStep);
                }
                else
                {
                    CopyStrided(tap, s.StrideW, image, pixels);
                }
            }
        }
    }

    /// <summary>
    /// Adds each element of the matrix to the pixel of <paramref name="x"/> that <see cref="Gather"/> takes it from.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Scatter<T>(in ConvShape s, T* matrix, int ld, T* x)
        where T : unmanaged, INumber<T>
    {
        int taps = s.KH * s.KW;
        for (int row = 0; row < taps; row++)
        {
            var tap = new Tap(s, row);
            T* image = x + tap.Image, pixels = matrix + ((nint)row * ld) + tap.Pixel;
            for (int c = 0; c < s.C; c++, image += s.H * s.W, pixels += (nint)taps * ld)
            {
                if (s.StrideW == 1)
                {
                    ShortRows.Add(tap.Rows, tap.Columns, pixels, tap.PixelStep, image, tap.ImageStep);
                }
                else
                {
                    AddStrided(tap, s.StrideW, pixels, image);
                }
            }
        }
    }

    private static void CopyStrided<T>(in Tap tap, nint stride, T* image, T* pixels)
        where T : unmanaged
    {
        for (int i = 0; i < tap.Rows; i++, image += tap.ImageStep, pixels += tap.PixelStep)
        {
            for (int j = 0; j < tap.Columns; j++)
            {
                pixels[j] = image[j * stride];
            }
        }
    }

    private static void AddStrided<T>(in Tap tap, nint stride, T* pixels, T* image)
        where T : unmanaged, INumber<T>
    {
        for (int i = 0; i < tap.Rows; i++, image += tap.ImageStep, pixels += tap.PixelStep)
        {
            for (int j = 0; j < tap.Columns; j++)
            {
                image[j * stride] += pixels[j];
            }
        }
    }

    /// <summary>
    /// Which pixels of the result take one tap of the filter from inside the image, and where in the image's first
    /// plane.
    /// </summary>
    private readonly struct Tap
    {
        /// <summary>The first of them in the plane and in the result, and how far apart their rows are.</summary>
        public readonly nint Image, ImageStep, Pixel, PixelStep;

        public readonly int Rows, Columns;

        public Tap(in ConvShape s, int tap)
        {
            (int kh, int kw) = Math.DivRem(s.Flip ? (s.KH * s.KW) - 1 - tap : tap, s.KW);
            (int top, int left) = (kh - s.PadH, kw - s.PadW);
            (int oh, int endH) = Inside(top, s.StrideH, s.H, s.OH);
            (int ow, int endW) = Inside(left, s.StrideW, s.W, s.OW);
            (Rows, Columns) = (endH - oh, endW - ow);
            Image = ((top + ((nint)oh * s.StrideH)) * s.W) + left + ((nint)ow * s.StrideW);
            ImageStep = (nint)s.StrideH * s.W;
            Pixel = ((nint)oh * s.OW) + ow;
            PixelStep = s.OW;
        }

        /// <summary>For which i of 0 … count - 1 begin + i·stride lies in 0 … side - 1.</summary>
        private static (int Start, int End) Inside(int begin, int stride, int side, int count)
        {
            int start = Math.Min(count, begin >= 0 ? 0 : (-begin + stride - 1) / stride);
            return (start, begin >= side ? start : Math.Clamp(((side - 1 - begin) / stride) + 1, start, count));
        }
    }
}
