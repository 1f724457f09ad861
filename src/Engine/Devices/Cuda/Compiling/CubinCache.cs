using System.Security.Cryptography;
using System.Text;

namespace Engine.Devices.Cuda;

/// <summary>
/// Keeps compiled kernels on disk. The file name of an entry is the hash of its key. The file begins with a hash of key
/// and contents, so an entry that is incomplete or has another key is not used. If the folder cannot be used, nothing
/// is kept.
/// </summary>
internal sealed class CubinCache(string? folder)
{
    private const int HashBytes = SHA256.HashSizeInBytes;

    /// <summary>Gets the default folder; null if the user has no folder for caches.</summary>
    public static string? DefaultFolder
    {
        get
        {
            if (Environment.GetEnvironmentVariable("ENGINE_CACHE") is { Length: > 0 } own)
            {
                return own;
            }

            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            string caches = OperatingSystem.IsWindows()
                ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
                : Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
                : home.Length > 0 ? Path.Combine(home, ".cache")
                : "";
            return caches.Length > 0 ? Path.Combine(caches, "engine", "cubins") : null;
        }
    }

    public string? Folder => folder;

    /// <summary>Returns the number of entries, their total size, and why none can be added (null if one can).</summary>
    public (int Entries, long Bytes, string? Problem) Look()
    {
        if (folder is null)
        {
            return (0, 0, "this user has no folder for caches; name one in ENGINE_CACHE");
        }

        try
        {
            Directory.CreateDirectory(folder);
            using FileStream probe = File.Create(PathOf($"{Guid.NewGuid()}"), 1, FileOptions.DeleteOnClose);
            probe.WriteByte(0);
            probe.Flush();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return (0, 0, $"it cannot be written to, so that kernels are compiled anew each time: {error.Message}");
        }

        FileInfo[] entries = new DirectoryInfo(folder).GetFiles("*.cubin");
        return (entries.Length, entries.Sum(entry => entry.Length), null);
    }

    /// <summary>Returns the contents of a key; null if there are none, or only a part.</summary>
    public byte[]? Find(string key)
    {
        if (folder is null)
        {
            return null;
        }

        try
        {
            byte[] entry = File.ReadAllBytes(PathOf(key));
            if (entry.Length <= HashBytes)
            {
                return null;
            }

            byte[] contents = entry[HashBytes..];
            return Hash(key, contents).AsSpan().SequenceEqual(entry.AsSpan(0, HashBytes)) ? contents : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>
    /// Keeps contents under a key. The file appears complete or not at all, even if others write it too.
    /// </summary>
    public void Keep(string key, ReadOnlySpan<byte> contents)
    {
        if (folder is null)
        {
            return;
        }

        string path = PathOf(key), temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(folder);
            try
            {
                using (FileStream file = File.Create(temporary))
                {
                    file.Write(Hash(key, contents));
                    file.Write(contents);
                }

                File.Move(temporary, path, overwrite: true);
            }
            finally
            {
                File.Delete(temporary);
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Without the entry, the kernel is only compiled again next time.
        }
    }

    internal string PathOf(string key) =>
        Path.Combine(folder!, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))) + ".cubin");

    private static byte[] Hash(string key, ReadOnlySpan<byte> contents)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(key));
        hash.AppendData([0]);
        hash.AppendData(contents);
        return hash.GetHashAndReset();
    }
}
