using System.IO.Compression;

namespace Engine.Tests.IO;

/// <summary>Zip files with any contents; their checksums are correct.</summary>
internal static class TestZip
{
    public static MemoryStream Of(params (string Name, byte[] Bytes)[] files)
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach ((string name, byte[] content) in files)
            {
                using Stream entry = zip.CreateEntry(name).Open();
                entry.Write(content);
            }
        }

        return bytes;
    }
}
