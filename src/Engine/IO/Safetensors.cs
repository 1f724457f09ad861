using System.Buffers.Binary;

namespace Engine.IO;

/// <summary>
/// Reads and writes safetensors files, which PyTorch, JAX and others read and write too: eight bytes of header length,
/// a JSON header that gives each tensor's name, dtype, shape and place, then the elements
/// (https://github.com/huggingface/safetensors, "Format"). Among the texts beside them stands, as
/// <c>engine.sha256</c>, a hash of all they hold, which is checked on reading; files of others are read without.
/// </summary>
public static class Safetensors
{
    private const int LengthBytes = sizeof(ulong);

    /// <summary>Writes a file; a former one is replaced only when the new one is whole and on the disk.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors by name: a dictionary, or a list if their order matters.</param>
    /// <param name="metadata">Texts to keep beside them, by name.</param>
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

    /// <summary>Reads a file, which may come from a stranger: nothing in it is believed before it is checked.</summary>
    /// <exception cref="ModelFileException">It is damaged, or holds what a <see cref="Tensor"/> cannot.</exception>
    /// <exception cref="EngineException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Load(string path) => ReadableFile.Read(path, Read);

    /// <summary>Reads a whole, seekable stream; <paramref name="path"/> is what messages call it.</summary>
    internal static SafetensorsFile Read(Stream stream, string path)
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
            throw Damaged(path, $"its header would be {headerBytes} bytes long in a file of {stream.Length}");
        }

        byte[] header = new byte[headerBytes];
        stream.ReadExactly(header);
        SafetensorsHeader contents = SafetensorsHeader.Parse(header, available - header.Length, path);

        var tensors = new OrderedDictionary<string, Tensor>(contents.Entries.Count);
        foreach (TensorEntry entry in contents.Entries)
        {
            var tensor = new Tensor(entry.DType, entry.Shape);
            stream.Position = LengthBytes + header.Length + entry.Begin;
            stream.ReadExactly(tensor.Bytes);
            tensors.Add(entry.Name, tensor);
        }

        var texts = new Dictionary<string, string>(contents.Metadata);
        return !texts.Remove(ContentHash.Name, out string? hash) || hash == ContentHash.Of(tensors, texts)
            ? new SafetensorsFile(tensors, texts)
            : throw new ModelFileException(
                $"{path} is damaged, or was changed by a tool that kept its {ContentHash.Name}: what it holds does not "
                + "have this hash. Take another copy; or, if the change was meant, have the tool drop that text.");
    }

    /// <summary>The error of a file that is not what it should be.</summary>
    internal static ModelFileException Damaged(string path, string why, Exception? cause = null) =>
        new($"{path} is not a whole safetensors file: {why}.", cause);
}
