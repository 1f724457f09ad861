using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Engine.Build;

/// <summary>
/// Makes the packages in artifacts/packages: the library and, as a dotnet tool, the runner; each with its symbols.
/// <c>dotnet pack</c> makes the same packages; this class also checks their contents.
/// </summary>
internal static class Packages
{
    private const long MaxLibraryBytes = 5 << 20;
    private const long MaxToolBytes = 45 << 20;

    private static readonly string[] s_native = [".so", ".dylib", ".a", ".lib", ".exe"];

    private static string Folder { get; } = Path.Combine(Repository.Artifacts, "packages");

    /// <summary>
    /// Makes the packages and prints their sizes; returns false if that fails or a package is not sound.
    /// </summary>
    public static bool Make()
    {
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }

        if (Dotnet.RunQuietly("pack", "Engine.sln", "-c", "Release", "-v", "q", "--nologo") != 0)
        {
            return false;
        }

        bool isSound = true;
        foreach (string package in Directory.EnumerateFiles(Folder).Order(StringComparer.Ordinal))
        {
            double size = new FileInfo(package).Length / 1048576.0;
            Console.WriteLine(FormattableString.Invariant($"{package}: {size:F2} MiB"));
            foreach (string complaint in Complaints(package))
            {
                Console.Error.WriteLine(complaint);
                isSound = false;
            }
        }

        return isSound;
    }

    /// <summary>
    /// Returns the faults of a package: it is too large, the library has native code, or a file has paths of this
    /// machine.
    /// </summary>
    public static IEnumerable<string> Complaints(string package)
    {
        string name = Path.GetFileName(package);
        bool isTool = name.StartsWith("Engine.Runner.", StringComparison.Ordinal);
        long max = isTool ? MaxToolBytes : MaxLibraryBytes, bytes = new FileInfo(package).Length;
        if (bytes > max)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{name} has {bytes / 1048576.0:F1} MiB, of at most {max >> 20}.");
        }

        using ZipArchive zip = ZipFile.OpenRead(package);
        foreach (ZipArchiveEntry entry in zip.Entries)
        {
            string ending = Path.GetExtension(entry.Name);
            if (!isTool && (s_native.Contains(ending) || entry.FullName.Contains("/native/", StringComparison.Ordinal)))
            {
                yield return $"{name} has native code: {entry.FullName}.";
            }

            if (!entry.FullName.Contains("/native/", StringComparison.Ordinal) && FoundPath(entry) is { } path)
            {
                yield return $"{name} names a folder of this machine, {path}, in {entry.FullName}.";
            }
        }
    }

    /// <summary>
    /// Returns the folder of this repository or of this user, if a file contains it in UTF-8 or in UTF-16.
    /// </summary>
    private static string? FoundPath(ZipArchiveEntry entry)
    {
        using var bytes = new MemoryStream();
        using (Stream stream = entry.Open())
        {
            stream.CopyTo(bytes);
        }

        string user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        ReadOnlySpan<byte> all = bytes.GetBuffer().AsSpan(0, (int)bytes.Length);
        foreach (string path in (string[])[Repository.Root, user])
        {
            if (path.Length > 1 && (Holds(all, Encoding.UTF8, path) || Holds(all, Encoding.Unicode, path)))
            {
                return path;
            }
        }

        return null;
    }

    private static bool Holds(ReadOnlySpan<byte> bytes, Encoding encoding, string path) =>
        bytes.IndexOf(encoding.GetBytes(path)) >= 0;
}
