namespace Engine.Data.Pictures;

/// <summary>The facts about a decoded picture, without its pixels.</summary>
/// <param name="Width">Its width in the file, in pixels.</param>
/// <param name="Height">Its height in the file, in pixels.</param>
/// <param name="IsGray">Whether its three planes are equal.</param>
/// <param name="Hash">A hash of its file.</param>
/// <param name="Complaint">Why it cannot be read; null if it can.</param>
/// <param name="Sums">The sum of the values of each plane, and then the sums of their squares.</param>
internal sealed record PictureFacts(int Width, int Height, bool IsGray, string Hash, string? Complaint, long[] Sums)
{
    /// <summary>Returns the facts about a picture that cannot be read.</summary>
    public static PictureFacts Broken(string complaint) => new(0, 0, false, "", complaint, []);

    /// <summary>Reads a picture.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="size">The side that it is resized to.</param>
    /// <param name="isGray">Whether it is converted to gray, with one plane instead of three.</param>
    /// <param name="planes">Receives the pixels.</param>
    public static PictureFacts Read(string path, int size, bool isGray, Span<byte> planes)
    {
        try
        {
            byte[] bytes = PictureReader.Bytes(path);
            string hash = Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes).AsSpan(0, 16));
            int area = size * size;
            byte[]? colors = isGray ? new byte[3 * area] : null;
            Span<byte> all = colors ?? planes;
            (int width, int height) = PictureReader.Read(path, bytes, size, all);
            bool areAlike = all[..area].SequenceEqual(all.Slice(area, area))
                && all[..area].SequenceEqual(all[(2 * area)..]);
            if (isGray)
            {
                PictureFile.Gray(all, planes);
            }

            return new PictureFacts(width, height, areAlike, hash, null, SumsOf(planes, area));
        }
        catch (EngineException error)
        {
            return Broken(error.Message);
        }
    }

    private static long[] SumsOf(ReadOnlySpan<byte> planes, int area)
    {
        int count = planes.Length / area;
        long[] sums = new long[2 * count];
        for (int plane = 0; plane < count; plane++)
        {
            foreach (byte value in planes.Slice(plane * area, area))
            {
                sums[plane] += value;
                sums[count + plane] += value * value;
            }
        }

        return sums;
    }
}
