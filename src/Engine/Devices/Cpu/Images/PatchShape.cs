using System.Numerics;

namespace Engine.Devices.Cpu;

/// <summary>
/// The layout of a padded image in which the elements under a filter, its patch, are a few contiguous runs. Channels
/// come last, so that a run is a row of the filter. For a single channel, the rows below take the place of the
/// channels, and a patch is one run.
/// </summary>
internal readonly unsafe struct PatchShape(ConvShape s)
{
    private bool IsUnfolded => s.C == 1;

    /// <summary>
    /// The elements of a pixel: its channels or, rounded up to a multiple of four for the transposition, the filter's
    /// rows.
    /// </summary>
    private int Depth => IsUnfolded ? (s.KH + 3) / 4 * 4 : s.C;

    private int Columns => s.W + (2 * s.PadW);

    /// <summary>The number of runs in a patch. Their length and distance follow.</summary>
    internal int Runs => IsUnfolded ? 1 : s.KH;

    internal int Run => s.KW * Depth;

    internal int RunStep => Columns * Depth;

    internal int Size => (s.H + (2 * s.PadH)) * RunStep;

    /// <summary>Returns where the patch of a pixel of the result begins.</summary>
    internal int Offset(int row, int column) => (row * RunStep) + (column * Depth);

    /// <summary>Returns the tap of a filter at this index of a run, or -1.</summary>
    internal int Tap(int run, int index)
    {
        (int kw, int within) = Math.DivRem(index, Depth);
        (int kh, int c) = IsUnfolded ? (within, 0) : (run, within);
        int tap = (kh * s.KW) + kw;
        return kh >= s.KH ? -1 : (c * s.KH * s.KW) + (s.Flip ? (s.KH * s.KW) - 1 - tap : tap);
    }

    /// <summary>Copies an image to this layout.</summary>
    internal void Gather<T>(T* image, T* patches)
        where T : unmanaged
    {
        if (IsUnfolded || s.PadH > 0 || s.PadW > 0)
        {
            new Span<T>(patches, Size).Clear();
        }

        for (int row = IsUnfolded ? 1 - s.KH : 0; row < s.H; row++)
        {
            T* to = patches + Offset(row + s.PadH, s.PadW);
            if (!IsUnfolded)
            {
                Packing.Columns(s.W, s.C, image + (row * s.W), s.H * s.W, to, Depth);
            }
            else if (row + s.PadH >= 0)
            {
                // The rows of the image from this one on, as many as there are; one too many does no harm.
                int above = Math.Max(0, -row);
                int rows = Math.Min(Depth, s.H - row) - above;
                Packing.Columns(s.W, rows, image + ((row + above) * s.W), s.W, to + above, Depth);
            }
        }
    }

    /// <summary>The adjoint of <see cref="Gather"/>: each pixel is the sum of its copies.</summary>
    internal void Scatter<T>(T* patches, T* image)
        where T : unmanaged, INumber<T>
    {
        for (int row = 0; row < s.H; row++)
        {
            T* from = patches + Offset(row + s.PadH, s.PadW), to = image + (row * s.W);
            if (!IsUnfolded)
            {
                Packing.Columns(s.C, s.W, from, Depth, to, s.H * s.W);
                continue;
            }

            for (int column = 0; column < s.W; column++, from += Depth)
            {
                T sum = *from;
                for (int kh = 1; kh < s.KH && kh <= row + s.PadH; kh++)
                {
                    sum += from[kh - (kh * RunStep)];
                }

                to[column] = sum;
            }
        }
    }
}
