namespace Engine.Models;

/// <summary>
/// Describes what an ONNX file does not say of the samples that its network takes, and of what it gives.
/// </summary>
public sealed record OnnxSamples
{
    /// <summary>
    /// Gets or sets what is taken from each channel of a picture, whose pixels are from 0 to 1: one number for all, or
    /// one for each. By default nothing, or what the file's metadata say (Image.NominalPixelRange).
    /// </summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>Gets or sets what each channel is divided by then.</summary>
    public IReadOnlyList<double>? Deviation { get; init; }

    /// <summary>
    /// Gets or sets whether pictures have their channels last, (height, width, channels); null to look whether the last
    /// side is 1 or 3.
    /// </summary>
    public bool? AreChannelsLast { get; init; }

    /// <summary>
    /// Gets or sets the names of the classes; null for those of the file's metadata (<c>classes</c>), or their numbers.
    /// </summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>
    /// Gets or sets the name of the output that is predicted; null for the only one, or the one of fractions.
    /// </summary>
    public string? Output { get; init; }

    /// <summary>Returns the record as text, with points in its numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(OnnxSamples), PrintMembers);
}
