namespace Engine.IO;

/// <summary>Describes the contents of a safetensors file.</summary>
/// <param name="Tensors">The tensors by name, in the order of the file's header.</param>
/// <param name="Metadata">The texts of its <c>__metadata__</c>, without the hash.</param>
public sealed record SafetensorsFile(
    OrderedDictionary<string, Tensor> Tensors,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Gets or sets the names that were ignored as the caller asked.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];
}
