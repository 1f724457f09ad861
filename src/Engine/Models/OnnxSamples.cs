namespace Engine.Models;

/// <summary>Describes the samples and the output of a network in an ONNX file if the file does not.</summary>
public sealed record OnnxSamples
{
    /// <summary>
    /// Gets or sets the number that is subtracted from each channel of a picture with pixels from 0 to 1: one for all,
    /// or one for each. The default comes from the file's metadata (<c>mean</c>, Image.NominalPixelRange), or is 0.
    /// </summary>
    public IReadOnlyList<double>? Mean { get; init; }

    /// <summary>Gets or sets the number by which each channel is then divided, greater than 0.</summary>
    public IReadOnlyList<double>? Std { get; init; }

    /// <summary>
    /// Gets or sets whether pictures have their channels last, (height, width, channels). If null, this is true if the
    /// last dimension is 1 or 3 and the first is not.
    /// </summary>
    public bool? AreChannelsLast { get; init; }

    /// <summary>
    /// Gets or sets the names of the classes; null for the names in the file's metadata (<c>classes</c>), or their
    /// numbers.
    /// </summary>
    public IReadOnlyList<string>? Classes { get; init; }

    /// <summary>
    /// Gets or sets the name of the output to predict; null for the only one, or the only floating-point one.
    /// </summary>
    public string? Output { get; init; }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(OnnxSamples), PrintMembers);
}
