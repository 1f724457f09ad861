namespace Engine.IO;

/// <summary>
/// Computes the checksum of zip and PNG files, CRC-32 as in ISO 3309. .NET's reader of zip files does not check it
/// (System.IO.Hashing would add a dependency for these few lines).
/// </summary>
public static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private static readonly uint[] s_table = [.. Enumerable.Range(0, 256).Select(Entry)];

    /// <summary>Returns the checksum of bytes that follow others.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="former">The checksum of the bytes before them.</param>
    public static uint Of(ReadOnlySpan<byte> bytes, uint former = 0)
    {
        uint rest = ~former;
        foreach (byte value in bytes)
        {
            rest = s_table[(byte)rest ^ value] ^ (rest >> 8);
        }

        return ~rest;
    }

    private static uint Entry(int index)
    {
        uint rest = (uint)index;
        for (int bit = 0; bit < 8; bit++)
        {
            rest = (rest & 1) == 0 ? rest >> 1 : (rest >> 1) ^ Polynomial;
        }

        return rest;
    }
}
