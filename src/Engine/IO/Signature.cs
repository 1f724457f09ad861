namespace Engine.IO;

/// <summary>Recognizes a file by its first bytes, for messages about a file of the wrong format.</summary>
internal static class Signature
{
    /// <summary>The number of first bytes that are examined.</summary>
    public const int Bytes = 40;

    private static readonly (byte[] Begin, string What)[] s_known =
    [
        ([0x93, .. "NUMPY"u8], "a single array, as numpy.save writes it; numpy.savez(path, name=array) names it"),
        ([.. "PK\x03\x04"u8], "a zip file, as .npz files are, and those of torch.save"),
        ([0x89, .. "HDF"u8], "an HDF5 file, as those of Keras"),
        ([0x89, .. "PNG"u8], "a picture"),
        ([0xFF, 0xD8, 0xFF], "a picture"),
        ([0x1F, 0x8B], "a gzip file; unpack it"),
        ([0x80, 2], "a pickle, which runs code when it is read"),
        ([0x80, 3], "a pickle, which runs code when it is read"),
        ([0x80, 4], "a pickle, which runs code when it is read"),
        ([0x80, 5], "a pickle, which runs code when it is read"),
        ([.. "version https://git-lfs"u8], "a pointer of Git LFS; git lfs pull brings the file"),
        ([.. "<!DOCTYPE"u8], "a web page; download the file itself"),
        ([.. "<html"u8], "a web page; download the file itself"),
        ([.. "{\""u8], "JSON text"),
    ];

    /// <summary>Returns the kind of a file that begins with these bytes; null if it is unknown.</summary>
    public static string? Of(ReadOnlySpan<byte> begin)
    {
        foreach ((byte[] known, string what) in s_known)
        {
            if (begin.StartsWith(known))
            {
                return what;
            }
        }

        // Eight bytes of length, the upper ones 0, and then JSON.
        return begin is [_, _, _, _, 0, 0, 0, 0, (byte)'{', (byte)'"', ..] ? "a safetensors file" : null;
    }

    /// <summary>Returns the kind of a stream, whose position is restored.</summary>
    public static string? Of(Stream stream)
    {
        byte[] begin = new byte[Bytes];
        long position = stream.Position;
        stream.Position = 0;
        int read = stream.ReadAtLeast(begin, begin.Length, throwOnEndOfStream: false);
        stream.Position = position;
        return Of(begin.AsSpan(0, read));
    }
}
