using System.Buffers.Binary;

namespace Engine.IO;

/// <summary>
/// Reads and writes safetensors files, which PyTorch, JAX and others also use: eight bytes of header length, a JSON
/// header with each tensor's name, dtype, shape and offset, then the elements
/// (https://github.com/huggingface/safetensors, "Format"). The text <c>engine.sha256</c> contains a hash of all
/// contents, which is checked when the file is read; files of other programs are read without it.
/// </summary>
public static class Safetensors
{
    private const int LengthBytes = sizeof(ulong);

    /// <summary>
    /// Writes a file. It replaces an existing file only when the new one is complete and on the disk.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors by name: a dictionary, or a list if their order matters.</param>
    /// <param name="metadata">Texts to store with them, by name.</param>
    /// <exception cref="EngineException">The file cannot be written, or two tensors have one name.</exception>
    public static void Save(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(tensors);
        List<KeyValuePair<string, Tensor>> all = [.. tensors];
        var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>());
        texts[ContentHash.Name] = ContentHash.Of(all, texts);
        byte[] header = SafetensorsHeader.Write(all, texts);
        WholeFile.Write(path, stream =>
        {
            Span<byte> length = stackalloc byte[LengthBytes];
            BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach ((_, Tensor tensor) in all)
            {
                stream.Write(tensor.Bytes);
            }
        });
    }

    /// <summary>
    /// Reads a file, which may be untrusted: everything in it is checked before it is used. Floats of 8 and 16 bits
    /// (<c>F8_E4M3</c>, <c>F8_E5M2</c>, <c>F8_E8M0</c>, <c>F16</c>, <c>BF16</c>) are read as float32, integers as
    /// int32, in which they must fit, or uint8, and <c>BOOL</c> as uint8.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="ignore">Names of tensors to ignore, in which <c>*</c> stands for any characters.</param>
    /// <exception cref="ModelFileException">
    /// It is damaged, or contains values that a <see cref="Tensor"/> cannot hold.
    /// </exception>
    /// <exception cref="EngineException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Load(string path, IReadOnlyList<string>? ignore = null) =>
        ReadableFile.Read(path, (stream, name) => Read(stream, name, ignore));

    /// <summary>Reads a whole, seekable stream; <paramref name="path"/> is its name in messages.</summary>
    internal static SafetensorsFile Read(Stream stream, string path, IReadOnlyList<string>? ignore = null)
    {
        long available = stream.Length - LengthBytes;
        if (available < 0)
        {
            throw Damaged(path, $"it ends after {stream.Length} bytes, within the length of its header");
        }

        Span<byte> length = stackalloc byte[LengthBytes];
        stream.ReadExactly(length);
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(length);
        if (headerBytes > SafetensorsHeader.MaxBytes || (long)headerBytes > available)
        {
            throw Damaged(
                path, Signature.Of(stream) is { } what && !what.Contains("safetensors", StringComparison.Ordinal)
                    ? $"it is {what}"
                    : $"its header would be {headerBytes} bytes long in a file of {stream.Length}");
        }

        byte[] header = new byte[headerBytes];
        stream.ReadExactly(header);
        SafetensorsHeader contents = SafetensorsHeader.Parse(header, available - header.Length, path);

        var tensors = new OrderedDictionary<string, Tensor>(contents.Entries.Count);
        var texts = new Dictionary<string, string>(contents.Metadata);
        bool isHashed = texts.Remove(ContentHash.Name, out string? hash);
        string[] ignored =
            [.. contents.Entries.Select(entry => entry.Name).Where(name => NamePattern.Matches(ignore, name))];
        foreach (TensorEntry entry in contents.Entries.Where(entry => isHashed || !ignored.Contains(entry.Name)))
        {
            stream.Position = LengthBytes + header.Length + entry.Begin;
            tensors.Add(entry.Name, Read(stream, entry, path));
        }

        if (isHashed && hash != ContentHash.Of(tensors, texts))
        {
            throw new ModelFileException(
                $"{path} is damaged, or was changed by a tool that kept its {ContentHash.Name}: what it holds does not "
                + "have this hash. Take another copy; or, if the change was meant, have the tool drop that text.");
        }

        Array.ForEach(ignored, name => tensors.Remove(name));
        return new SafetensorsFile(tensors, texts) { Ignored = ignored };
    }

    private static Tensor Read(Stream stream, TensorEntry entry, string path)
    {
        try
        {
            StoredType stored = entry.RequireReadable();
            var tensor = new Tensor(stored.DType, entry.Shape);
            if (stored.Convert is null)
            {
                stream.ReadExactly(tensor.Bytes);
                return tensor;
            }

            byte[] elements = new byte[entry.End - entry.Begin];
            stream.ReadExactly(elements);
            stored.Convert(elements, tensor);
            return tensor;
        }
        catch (NotSupportedException error)
        {
            throw new ModelFileException(
                $"{path}: the tensor '{SafetensorsHeader.Cut(entry.Name)}' cannot be read: {error.Message}.", error);
        }
    }

    /// <summary>Creates the error for a file that is not valid.</summary>
    internal static ModelFileException Damaged(string path, string why, Exception? cause = null) =>
        new($"{path} is not a whole safetensors file: {why}.", cause);
}
