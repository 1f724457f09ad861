using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Engine.Build;

/// <summary>
/// Remembers in a file what a build's inputs looked like: every name, length and time of writing. Costs milliseconds
/// where asking MSBuild costs seconds, and unlike a comparison of times notices a deleted or older file.
/// </summary>
internal sealed class Stamp(string file, string root, IReadOnlyList<string> inputs)
{
    /// <summary>What the inputs look like now.</summary>
    public string Take()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (FileInfo input in inputs.SelectMany(Files).OrderBy(input => input.FullName, StringComparer.Ordinal))
        {
            string line = string.Create(
                CultureInfo.InvariantCulture,
                $"{input.FullName}|{input.Length}|{input.LastWriteTimeUtc.Ticks}\n");
            hash.AppendData(Encoding.UTF8.GetBytes(line));
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>Whether the inputs looked like <paramref name="taken"/> when last written.</summary>
    public bool Holds(string taken) => File.Exists(file) && File.ReadAllText(file) == taken;

    /// <summary>Remembers <paramref name="taken"/>.</summary>
    public void Write(string taken) => File.WriteAllText(file, taken);

    private IEnumerable<FileInfo> Files(string input)
    {
        string path = Path.Combine(root, input);
        return Directory.Exists(path)
            ? new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories)
            : [new FileInfo(path)];
    }
}
