namespace Engine.Inspection;

/// <summary>Describes what a layer costs, and what of an image it sees.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its type: <c>Dense</c>.</param>
/// <param name="OutputShape">The sides of what it makes of a sample.</param>
/// <param name="Parameters">How many numbers it learns.</param>
/// <param name="ParameterBytes">The bytes of its parameters, also of those that are followed and not learned.</param>
/// <param name="Flops">
/// The arithmetic of its ops in use, for one sample: as they are written, before rewrites join or save any. An addition
/// or a multiplication is one.
/// </param>
/// <param name="OutputBytes">The bytes of what it makes of a sample.</param>
public sealed record LayerInfo(
    string Name, string Kind, Shape OutputShape, long Parameters, long ParameterBytes, long Flops, long OutputBytes)
{
    /// <summary>Represents the least capacity that nolearn does not warn of, in percent: a sixth.</summary>
    public const double MinCapacity = 100.0 / 6;

    /// <summary>Gets or sets the names of the layers that it is put on.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];

    /// <summary>
    /// Gets or sets the receptive field: the height and width, in pixels of the image, of what a value of the output
    /// may depend on, the padding around the image counted; the image's own where that may be all of it. Null where the
    /// network does not take images, (channels, height, width).
    /// </summary>
    public (int Height, int Width)? Field { get; init; }

    /// <summary>
    /// nolearn's capacity along height and width, in percent: how far the filter's own weights reach over the image,
    /// filter size · step, of <see cref="FilteredField"/>. A filter whose neighboring weights stand far apart, the
    /// field having grown by other means, cannot learn what lies between.
    /// </summary>
    public (double Height, double Width)? Capacity { get; init; }

    /// <summary>
    /// nolearn's coverage along height and width, in percent: <see cref="FilteredField"/> of the image.
    /// </summary>
    public (double Height, double Width)? Coverage { get; init; }

    /// <summary>
    /// Gets or sets the field as nolearn reckons it (<c>get_receptive_field</c> of nolearn/lasagne/util.py):
    /// convolutions widen it, the windows of pooling only make later ones do so more. The image's own for a layer that
    /// sees all of it.
    /// </summary>
    public (int Height, int Width)? FilteredField { get; init; }

    /// <summary>Gets whether nolearn would warn that the capacity is too low: less than a sixth along a side.</summary>
    public bool IsCapacityLow =>
        Capacity is { } capacity && Math.Min(capacity.Height, capacity.Width) < MinCapacity;

    /// <summary>Gets whether nolearn would warn that more than the image is covered along a side.</summary>
    public bool IsCoverageHigh => Coverage is { } coverage && Math.Max(coverage.Height, coverage.Width) > 100;

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(LayerInfo), PrintMembers);
}
