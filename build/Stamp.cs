using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Engine.Build;

/// <summary>
/// Stores in a file the state of a build's inputs: every name, length and time of writing. This takes milliseconds,
/// while MSBuild takes seconds, and it also detects a deleted or older file.
/// </summary>
internal sealed class Stamp(string file, string root, IReadOnlyList<string> inputs)
{
    /// <summary>Returns the current state of the inputs.</summary>
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

    /// <summary>Returns whether the stored state equals <paramref name="taken"/>.</summary>
    public bool Holds(string taken) => File.Exists(file) && File.ReadAllText(file) == taken;

    /// <summary>Stores <paramref name="taken"/>.</summary>
    public void Write(string taken) => File.WriteAllText(file, taken);

    private IEnumerable<FileInfo> Files(string input)
    {
        string path = Path.Combine(root, input);
        return Directory.Exists(path)
            ? new DirectoryInfo(path).EnumerateFiles("*", SearchOption.AllDirectories)
            : [new FileInfo(path)];
    }
}
