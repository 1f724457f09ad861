using System.IO.Compression;

namespace Engine.IO;

/// <summary>
/// Reads and writes NumPy's npz files, the format of <c>numpy.savez</c>, <c>numpy.savez_compressed</c> and
/// <c>numpy.load</c>: a zip file with an array in NumPy's own format for each tensor
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
/// </summary>
public static class Npz
{
    private const string Extension = ".npy";

    /// <summary>The most bytes that deflate can expand one byte to (https://zlib.net/zlib_tech.html).</summary>
    private const long MaxRatio = 1032;

    /// <summary>The earliest time of zip files, which NumPy writes too; so equal tensors give equal files.</summary>
    private static readonly DateTimeOffset s_time = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// Writes a file. It replaces an existing file only when the new one is complete and on the disk.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors by name, in the order of the file.</param>
    /// <param name="isCompressed">Whether they are deflated, which makes weights only a little smaller.</param>
    /// <exception cref="EngineException">The file cannot be written, or two tensors have one name.</exception>
    public static void Save(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, bool isCompressed = false)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(tensors);
        KeyValuePair<string, Tensor>[] all = [.. tensors];
        var names = new HashSet<string>();
        if (Array.Find(all, pair => !names.Add(pair.Key)).Key is { } twice)
        {
            throw new EngineException($"Two tensors to save are named '{twice}'.");
        }

        WholeFile.Write(path, stream =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach ((string name, Tensor tensor) in all)
            {
                ZipArchiveEntry entry = zip.CreateEntry(
                    name + Extension, isCompressed ? CompressionLevel.Optimal : CompressionLevel.NoCompression);
                entry.LastWriteTime = s_time;
                using Stream array = entry.Open();
                array.Write(NpyHeader.Write(tensor));
                array.Write(tensor.Bytes);
            }
        });
    }

    /// <summary>
    /// Reads a file, which may be untrusted: everything in it is checked before it is used. Arrays of float16 are read
    /// as float32, those of integers and bools as int32 or uint8. Entries that systems add to archives
    /// (<c>__MACOSX</c>, <c>.DS_Store</c>) are ignored.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="ignore">Names of arrays to ignore, in which <c>*</c> stands for any characters.</param>
    /// <returns>The tensors by name, in the order of the file.</returns>
    /// <exception cref="ModelFileException">
    /// It is damaged, or contains values that a <see cref="Tensor"/> cannot hold.
    /// </exception>
    /// <exception cref="EngineException">The file is missing or cannot be read.</exception>
    public static OrderedDictionary<string, Tensor> Load(string path, IReadOnlyList<string>? ignore = null) =>
        LoadAll(path, ignore).Tensors;

    /// <summary>Reads a file, and lists the names that were ignored.</summary>
    internal static SafetensorsFile LoadAll(string path, IReadOnlyList<string>? ignore) =>
        ReadableFile.Read(path, (stream, name) => ReadTensors(stream, name, ignore));

    /// <summary>Reads a file that may have arrays of texts, too.</summary>
    internal static OrderedDictionary<string, NpyArray> LoadArrays(string path) =>
        ReadableFile.Read(path, (stream, name) => ReadAll(stream, name, ignore: null, areTextsRead: true).Arrays);

    /// <summary>Reads a whole, seekable stream; <paramref name="path"/> is its name in messages.</summary>
    internal static OrderedDictionary<string, Tensor> Read(Stream stream, string path) =>
        ReadTensors(stream, path, ignore: null).Tensors;

    private static SafetensorsFile ReadTensors(Stream stream, string path, IReadOnlyList<string>? ignore)
    {
        (OrderedDictionary<string, NpyArray> arrays, List<string> ignored) =
            ReadAll(stream, path, ignore, areTextsRead: false);
        var tensors = new OrderedDictionary<string, Tensor>(
            arrays.Select(pair => KeyValuePair.Create(pair.Key, pair.Value.Numbers)));
        return new SafetensorsFile(tensors, new Dictionary<string, string>()) { Ignored = ignored };
    }

    private static (OrderedDictionary<string, NpyArray> Arrays, List<string> Ignored) ReadAll(
        Stream stream, string path, IReadOnlyList<string>? ignore, bool areTextsRead)
    {
        string? name = null;
        try
        {
            var arrays = new OrderedDictionary<string, NpyArray>();
            var ignored = new List<string>();
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            long packed = 0;
            foreach (ZipArchiveEntry entry in zip.Entries.Where(entry => !IsIgnored(entry.FullName)))
            {
                name = entry.FullName;
                packed += entry.CompressedLength;
                Require(packed <= stream.Length && entry.Length / MaxRatio <= entry.CompressedLength,
                    "its sizes are not possible in a file of this size");
                Require(name.EndsWith(Extension, StringComparison.Ordinal), "it is not an array");
                string array = name[..^Extension.Length];
                if (NamePattern.Matches(ignore, array))
                {
                    ignored.Add(array);
                }
                else
                {
                    Require(arrays.TryAdd(array, Read(entry, areTextsRead)), "it is there twice");
                }
            }

            return (arrays, ignored);
        }
        catch (NotSupportedException error)
        {
            throw new ModelFileException($"{path}: '{Cut(name!)}' cannot be read: {error.Message}.", error);
        }
        // The parser here, the reader of zip files and the inflater throw these.
        catch (Exception error) when (error is FormatException or InvalidDataException or EndOfStreamException)
        {
            string where = name is null ? "" : $" in '{Cut(name)}'";
            string? what = name is null ? Signature.Of(stream) : null;
            string why = what is null ? error.Message.TrimEnd('.') : $"it is {what}";
            throw new ModelFileException($"{path} is not a whole npz file{where}: {why}.", error);
        }
    }

    /// <summary>Whether an archiver added the entry: a folder's name, or a system file.</summary>
    private static bool IsIgnored(string name) => name.EndsWith('/')
        || name.StartsWith("__MACOSX/", StringComparison.Ordinal)
        || (!name.EndsWith(Extension, StringComparison.Ordinal)
            && SystemFiles.IsSystemFile(name[(name.LastIndexOf('/') + 1)..]));

    private static NpyArray Read(ZipArchiveEntry entry, bool areTextsRead)
    {
        using Stream array = entry.Open();
        NpyArray read = NpyArray.Read(array, entry.Length, areTextsRead, out uint sum);
        Require(sum == entry.Crc32, "its check sum is another");
        return read;
    }

    private static void Require(bool condition, string why)
    {
        if (!condition)
        {
            throw new FormatException(why);
        }
    }

    // A name in an untrusted file may be long; a message must not be.
    private static string Cut(string name) => name.Length <= 80 ? name : name[..80] + "…";
}
