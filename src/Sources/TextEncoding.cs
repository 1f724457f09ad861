using System.Buffers;
using System.Text;

namespace Engine.Data;

/// <summary>Detects the encoding of a text from its bytes.</summary>
internal static class TextEncoding
{
    private const int Piece = 1 << 20;

    private static readonly SearchValues<byte> s_noText =
        SearchValues.Create([1, 2, 3, 4, 5, 6, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 127]);

    /// <summary>
    /// Returns the encoding: that of a byte order mark, UTF-16, UTF-8, or else Windows-1252, which Latin-1 is part of;
    /// null if the bytes are no text.
    /// </summary>
    /// <param name="bytes">The beginning.</param>
    /// <param name="rest">The rest; null if there is none.</param>
    public static Encoding? Of(ReadOnlySpan<byte> bytes, Stream? rest = null)
    {
        if (bytes.StartsWith(Encoding.UTF8.Preamble))
        {
            return Encoding.UTF8;
        }

        if (bytes is [0xFF, 0xFE, 0, 0, ..] or [0, 0, 0xFE, 0xFF, ..])
        {
            return bytes[0] == 0xFF ? Encoding.UTF32 : new UTF32Encoding(bigEndian: true, byteOrderMark: true);
        }

        if (bytes is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..])
        {
            return bytes[0] == 0xFF ? Encoding.Unicode : Encoding.BigEndianUnicode;
        }

        // In UTF-16 one byte of each ASCII letter is 0, always the same one.
        int zeros = bytes.Count((byte)0), oddZeros = 0;
        for (int i = 1; i < bytes.Length; i += 2)
        {
            oddZeros += bytes[i] == 0 ? 1 : 0;
        }

        if (zeros > bytes.Length / 4 && (oddZeros == 0 || oddZeros == zeros))
        {
            return oddZeros > 0 ? Encoding.Unicode : Encoding.BigEndianUnicode;
        }

        if (zeros > 0)
        {
            return null;
        }

        if (IsUtf8(bytes, rest))
        {
            return Encoding.UTF8;
        }

        // Any byte is a letter of Windows-1252; the control characters that no text has tell other files apart.
        return bytes.IndexOfAny(s_noText) < 0 ? CodePagesEncodingProvider.Instance.GetEncoding(1252) : null;
    }

    /// <summary>Reads to the end, because the first letter outside ASCII may be anywhere.</summary>
    private static bool IsUtf8(ReadOnlySpan<byte> bytes, Stream? rest)
    {
        Decoder decoder = new UTF8Encoding(false, throwOnInvalidBytes: true).GetDecoder();
        char[] letters = new char[Math.Max(bytes.Length, rest is null ? 0 : Piece) + 2];
        try
        {
            decoder.GetChars(bytes, letters, flush: rest is null);
            byte[] more = new byte[rest is null ? 0 : Piece];
            for (int read = -1; rest is not null && read != 0;)
            {
                read = rest.ReadAtLeast(more, more.Length, throwOnEndOfStream: false);
                decoder.GetChars(more.AsSpan(0, read), letters, flush: read == 0);
            }

            return true;
        }
        catch (DecoderFallbackException)
        {
            return false;
        }
    }
}
