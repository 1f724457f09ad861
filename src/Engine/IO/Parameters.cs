namespace Engine.IO;

/// <summary>
/// Reads and writes parameters in the format that the file's name indicates: NumPy's npz if it ends in <c>.npz</c>,
/// else safetensors.
/// </summary>
public static class Parameters
{
    private const string NpzExtension = ".npz", OnnxExtension = ".onnx";

    /// <summary>
    /// Writes a file. It replaces an existing file only when the new one is complete and on the disk.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors by name, in the order of the file.</param>
    /// <param name="metadata">Texts to store with them; npz cannot store any.</param>
    /// <exception cref="EngineException">The file cannot be written, or a name cannot be used.</exception>
    public static void Save(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        if (IsNpz(path))
        {
            Npz.Save(path, tensors);
        }
        else
        {
            Safetensors.Save(path, tensors, metadata);
        }
    }

    /// <summary>Reads a file, which may be untrusted.</summary>
    /// <param name="path">The file.</param>
    /// <param name="ignore">
    /// Names to ignore, in which <c>*</c> stands for any characters: <c>*.num_batches_tracked</c>.
    /// </param>
    /// <returns>The tensors by name, in the order of the file.</returns>
    /// <exception cref="ModelFileException">
    /// It is damaged, or contains values that a <see cref="Tensor"/> cannot hold.
    /// </exception>
    /// <exception cref="EngineException">The file is missing or cannot be read.</exception>
    public static OrderedDictionary<string, Tensor> Load(string path, IReadOnlyList<string>? ignore = null) =>
        LoadAll(path, ignore).Tensors;

    /// <summary>Reads a file with the texts that are stored with its tensors; npz has none.</summary>
    /// <inheritdoc cref="Load"/>
    public static SafetensorsFile LoadAll(string path, IReadOnlyList<string>? ignore = null) =>
        IsNpz(path) ? Npz.LoadAll(path, ignore)
        : !EndsIn(path, OnnxExtension) ? Safetensors.Load(path, ignore)
        : throw new EngineException(
            $"{path} is by its name a file of ONNX: those are written for other programs, and networks are read from "
            + "safetensors or npz.");

    private static bool IsNpz(string path) => EndsIn(path, NpzExtension);

    private static bool EndsIn(string path, string extension)
    {
        ArgumentNullException.ThrowIfNull(path);
        return Path.GetExtension(path).Equals(extension, StringComparison.OrdinalIgnoreCase);
    }
}
