using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Builds a matrix from channels of an image, so that the convolution is a matrix product; also the adjoint. The matrix
/// has a row for each tap of a filter and a column for each pixel of a band of the result. With a stride along the
/// rows, the planes are first split into phases (every StrideW-th column), so that the pixels of a tap are contiguous.
/// </summary>
internal static unsafe class Im2Col
{
    /// <summary>
    /// Returns the elements of memory for the phases of the rows that the highest band reads, for this many channels; 0
    /// with stride 1.
    /// </summary>
    internal static long PhaseElements(in ConvShape s, int channels, int bandRows) =>
        s.StrideW == 1 ? 0 : channels * (long)RowsOf(s, bandRows) * s.StrideW * PhaseLength(s);

    /// <summary>
    /// Writes the matrix of <paramref name="channels"/> planes of an image, KH·KW rows each, which lie
    /// <paramref name="ld"/> elements apart; <paramref name="phases"/> is memory of <see cref="PhaseElements"/>. With
    /// <paramref name="keepsZeros"/>, the memory holds the matrix of the same band of another image, and so the
    /// padding.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Gather<T>(
        in ConvShape s, in Band band, int channels, T* x, T* phases, T* matrix, int ld, bool keepsZeros)
        where T : unmanaged, INumber<T>
    {
        var rows = new ImageRows<T>(s, band, channels, x, phases);
        if (s.StrideW > 1)
        {
            rows.Split(s, channels, x);
        }

        int taps = s.KH * s.KW;
        for (int row = 0; row < taps; row++)
        {
            var tap = new Tap<T>(s, row, band, rows);
            T* pixels = matrix + ((nint)row * ld);
            bool clears = !keepsZeros && tap.Rows * tap.Columns < band.Pixels;
            for (int c = 0; c < channels && clears; c++)
            {
                new Span<T>(pixels + ((nint)c * taps * ld), band.Pixels).Clear();
            }

            ShortRows.Copy(
                channels, rows.PlaneSize, (nint)taps * ld, tap.Rows, tap.Columns, rows.Planes + tap.Image,
                tap.ImageStep, pixels + tap.Pixel, band.Columns);
        }
    }

    /// <summary>
    /// Adds each element of the matrix to the pixel of <paramref name="x"/> that <see cref="Gather"/> takes it from.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Scatter<T>(in ConvShape s, in Band band, int channels, T* matrix, int ld, T* phases, T* x)
        where T : unmanaged, INumber<T>
    {
        var rows = new ImageRows<T>(s, band, channels, x, phases);
        if (s.StrideW > 1)
        {
            new Span<T>(phases, checked(s.StrideW * (int)rows.PhaseSize)).Clear();
        }

        int taps = s.KH * s.KW;
        for (int row = 0; row < taps; row++)
        {
            var tap = new Tap<T>(s, row, band, rows);
            T* pixels = matrix + ((nint)row * ld) + tap.Pixel;
            ShortRows.Add(
                channels, (nint)taps * ld, rows.PlaneSize, tap.Rows, tap.Columns, pixels, band.Columns,
                rows.Planes + tap.Image, tap.ImageStep);
        }

        if (s.StrideW > 1)
        {
            rows.AddJoined(s, channels, x);
        }
    }

    private static int RowsOf(in ConvShape s, int bandRows) =>
        (int)Math.Min(s.H, (((long)bandRows - 1) * s.StrideH) + s.KH);

    /// <summary>The elements of a phase of a row.</summary>
    private static int PhaseLength(in ConvShape s) => (s.W + s.StrideW - 1) / s.StrideW;

    /// <summary>
    /// The planes from which taps are read: the image's own, or the phases of the rows that a band reads. The first
    /// phase of all channels is followed by the second.
    /// </summary>
    private readonly struct ImageRows<T>
        where T : unmanaged, INumber<T>
    {
        /// <summary>The row of the image that is the first of the planes.</summary>
        public readonly int First;

        public readonly int Count;

        public readonly T* Planes;

        public readonly nint Step, PlaneSize, PhaseSize;

        public ImageRows(in ConvShape s, in Band band, int channels, T* x, T* phases)
        {
            bool isSplit = s.StrideW > 1;
            int first = Math.Clamp((band.Top * s.StrideH) - s.PadH, 0, s.H);
            int last = Math.Clamp(((band.Bottom - 1) * s.StrideH) - s.PadH + s.KH, first, s.H);
            (First, Count) = isSplit ? (first, last - first) : (0, s.H);
            Planes = isSplit ? phases : x;
            Step = PhaseLength(s);
            PlaneSize = Count * Step;
            PhaseSize = channels * PlaneSize;
        }

        public void Split(in ConvShape s, int channels, T* x)
        {
            var job = new PhasesJob<T> { Shape = s, Rows = this, Channels = channels, X = x };
            Simd.Dispatch<T, PhasesJob<T>>(ref job);
        }

        public void AddJoined(in ConvShape s, int channels, T* x)
        {
            var job = new PhasesJob<T> { Shape = s, Rows = this, Channels = channels, X = x, Adds = true };
            Simd.Dispatch<T, PhasesJob<T>>(ref job);
        }
    }

    private struct PhasesJob<T> : ISimdJob<T>
        where T : unmanaged, INumber<T>
    {
        public ConvShape Shape;
        public ImageRows<T> Rows;
        public int Channels;
        public T* X;
        public bool Adds;

        public readonly void Run<S, V>() where S : struct, ISimd<V, T> where V : struct
        {
            // Rows that hold each phase equally often are split as one long row.
            bool isOneRow = Shape.W % Shape.StrideW == 0, isAll = isOneRow && Rows.Count == Shape.H;
            int planes = isAll ? 1 : Channels, rows = isOneRow ? 1 : Rows.Count;
            int length = (isAll ? Channels : 1) * (isOneRow ? Rows.Count : 1) * Shape.W;
            for (int c = 0; c < planes; c++)
            {
                T* row = X + ((((nint)c * Shape.H) + Rows.First) * Shape.W);
                T* phases = Rows.Planes + (c * Rows.PlaneSize);
                for (int i = 0; i < rows; i++, row += length, phases += Rows.Step)
                {
                    if (Adds)
                    {
                        Strides<S, V, T>.AddJoined(Shape.StrideW, length, phases, Rows.PhaseSize, 0, row);
                    }
                    else
                    {
                        Strides<S, V, T>.Split(Shape.StrideW, length, row, phases, Rows.PhaseSize, 0);
                    }
                }
            }
        }
    }

    /// <summary>
    /// The pixels of a band for which one tap of the filter lies inside the image, and its offset in the image's first
    /// plane.
    /// </summary>
    private readonly struct Tap<T>
        where T : unmanaged, INumber<T>
    {
        /// <summary>
        /// The offset of the first one in the plane, the distance of rows there, and its offset in the band.
        /// </summary>
        public readonly nint Image, ImageStep, Pixel;

        public readonly int Rows, Columns;

        public Tap(in ConvShape s, int tap, in Band band, in ImageRows<T> rows)
        {
            (int kh, int kw) = Math.DivRem(s.Flip ? (s.KH * s.KW) - 1 - tap : tap, s.KW);
            (int top, int left) = (kh - s.PadH, kw - s.PadW);
            (int oh, int endH) = Inside(top, s.StrideH, s.H, band.Top, band.Bottom);
            (int ow, int endW) = Inside(left, s.StrideW, s.W, band.Left, band.Right);
            (Rows, Columns) = (endH - oh, endW - ow);
            int column = left + (ow * s.StrideW);
            nint offset = (column / s.StrideW) + (column % s.StrideW * rows.PhaseSize);
            Image = ((top + ((nint)oh * s.StrideH) - rows.First) * rows.Step) + offset;
            ImageStep = s.StrideH * rows.Step;
            Pixel = ((nint)(oh - band.Top) * band.Columns) + ow - band.Left;
        }

        /// <summary>
        /// Returns the range of i in first … last - 1 for which begin + i·stride lies in 0 … dimension - 1.
        /// </summary>
        private static (int Start, int End) Inside(int begin, int stride, int dimension, int first, int last)
        {
            int start = Math.Clamp(begin >= 0 ? 0 : (-begin + stride - 1) / stride, first, last);
            return (start,
                begin >= dimension ? start : Math.Clamp(((dimension - 1 - begin) / stride) + 1, start, last));
        }
    }
}
