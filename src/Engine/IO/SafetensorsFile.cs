namespace Engine.IO;

/// <summary>Describes what a safetensors file holds.</summary>
/// <param name="Tensors">The tensors by name, in the order of the file's header.</param>
/// <param name="Metadata">The texts of its <c>__metadata__</c>; the hash is not among them.</param>
public sealed record SafetensorsFile(
    OrderedDictionary<string, Tensor> Tensors,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Gets or sets the names of what was passed over because the reader was told so.</summary>
    public IReadOnlyList<string> Ignored { get; init; } = [];
}
