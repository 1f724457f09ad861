namespace Engine.IO;

/// <summary>
/// The check sum of zip files, CRC-32 as in ISO 3309: .NET's reader of zip files does not check it
/// (System.IO.Hashing would bring a dependency for these lines).
/// </summary>
internal struct Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private static readonly uint[] s_table = [.. Enumerable.Range(0, 256).Select(Entry)];
    private uint _rest;

    /// <summary>The sum of all bytes so far.</summary>
    public readonly uint Value => _rest;

    /// <summary>Adds the bytes that come next.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        uint rest = ~_rest;
        foreach (byte value in bytes)
        {
            rest = s_table[(byte)rest ^ value] ^ (rest >> 8);
        }

        _rest = ~rest;
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
