using System.IO.Compression;

namespace Engine.Data.Pictures;

/// <summary>
/// Decodes the pixels of a PNG file (ISO 15948, 7 to 9) row by row, so that a large picture takes the memory of two
/// rows. An interlaced one, whose first rows are spread over the picture, is put together in memory.
/// </summary>
internal static class PngRows
{
    /// <summary>The bytes that a file may have behind its last pixel; some writers pad.</summary>
    private const int Padding = 64 << 10;

    /// <summary>
    /// The passes of an interlaced picture: the first column and row, and the steps to the next (Adam7).
    /// </summary>
    private static readonly (int X, int Y, int StepX, int StepY)[] s_passes =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];

    /// <summary>Gives the rows of a picture to be resized.</summary>
    /// <exception cref="EndOfStreamException">It ends before the picture does.</exception>
    /// <exception cref="InvalidDataException">The pixels are damaged.</exception>
    public static void Read(PngFile file, ref Scaling scaling)
    {
        (int width, int height) = ((int)file.Width, (int)file.Height);
        using var pixels = new ZLibStream(file.Packed, CompressionMode.Decompress);
        byte[] colors = new byte[4 * width];
        if (!file.IsInterlaced)
        {
            var rows = new Rows(file, pixels, width);
            for (int y = 0; y < height; y++)
            {
                file.ToColors(rows.Next(), colors);
                scaling.Add(colors);
            }
        }
        else
        {
            byte[] all = new byte[colors.Length * height];
            foreach ((int left, int top, int stepX, int stepY) in s_passes)
            {
                int columns = (width - left + stepX - 1) / stepX;
                var rows = new Rows(file, pixels, columns);
                for (int y = top; y < height && columns > 0; y += stepY)
                {
                    file.ToColors(rows.Next(), colors.AsSpan(0, 4 * columns));
                    for (int i = 0; i < columns; i++)
                    {
                        colors.AsSpan(4 * i, 4).CopyTo(all.AsSpan((y * colors.Length) + (4 * (left + (i * stepX)))));
                    }
                }
            }

            for (int y = 0; y < height; y++)
            {
                scaling.Add(all.AsSpan(y * colors.Length, colors.Length));
            }
        }

        // At the end the stream compares the check sum of all pixels (Adler-32).
        if (Unpack(pixels, new byte[Padding], isWhole: false) == Padding)
        {
            throw new InvalidDataException("its pixels take more bytes than its header says");
        }
    }

    private static int Unpack(ZLibStream pixels, Span<byte> to, bool isWhole)
    {
        try
        {
            return pixels.ReadAtLeast(to, to.Length, throwOnEndOfStream: isWhole);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException("its pixels cannot be unpacked, or their check sum is another", error);
        }
    }

    /// <summary>The rows of a picture or of a pass, each after the filter that made it smaller is undone.</summary>
    private sealed class Rows(PngFile file, ZLibStream pixels, int width)
    {
        private readonly int _step = Math.Max(file.Samples * file.Depth / 8, 1);
        private byte[] _row = new byte[1 + (int)(((long)width * file.Samples * file.Depth + 7) / 8)];
        private byte[] _above = new byte[1 + (int)(((long)width * file.Samples * file.Depth + 7) / 8)];

        public ReadOnlySpan<byte> Next()
        {
            (_row, _above) = (_above, _row);
            Unpack(pixels, _row, isWhole: true);
            Span<byte> row = _row.AsSpan(1), above = _above.AsSpan(1);
            switch (_row[0])
            {
                case 0:
                    break;
                case 1:
                    for (int i = _step; i < row.Length; i++)
                    {
                        row[i] += row[i - _step];
                    }

                    break;
                case 2:
                    for (int i = 0; i < row.Length; i++)
                    {
                        row[i] += above[i];
                    }

                    break;
                case 3:
                    for (int i = 0; i < row.Length; i++)
                    {
                        row[i] += (byte)(((i < _step ? 0 : row[i - _step]) + above[i]) / 2);
                    }

                    break;
                case 4:
                    for (int i = 0; i < row.Length; i++)
                    {
                        row[i] += i < _step ? above[i] : Nearest(row[i - _step], above[i], above[i - _step]);
                    }

                    break;
                default:
                    throw new InvalidDataException($"it has a row with the filter {_row[0]}, which PNG does not have");
            }

            return row;
        }

        /// <summary>Returns the one that is nearest to left + above - corner (A. W. Paeth's predictor).</summary>
        private static byte Nearest(byte left, byte above, byte corner)
        {
            int toLeft = Math.Abs(above - corner), toAbove = Math.Abs(left - corner),
                toCorner = Math.Abs(left + above - (2 * corner));
            return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
        }
    }
}
