namespace Engine.Inspection;

/// <summary>Describes the cost of a layer and its view of an image.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its type: <c>Dense</c>.</param>
/// <param name="OutputShape">The dimensions of its output for one sample.</param>
/// <param name="Parameters">The number of values it learns.</param>
/// <param name="ParameterBytes">The bytes of its parameters, including tracked ones that are not learned.</param>
/// <param name="Flops">
/// The FLOPs of its ops for one sample, outside of training: as written, before rewrites. An addition or a
/// multiplication counts as one.
/// </param>
/// <param name="OutputBytes">The bytes of its output for one sample.</param>
public sealed record LayerInfo(
    string Name, string Kind, Shape OutputShape, long Parameters, long ParameterBytes, long Flops, long OutputBytes)
{
    /// <summary>Represents the smallest capacity without a warning by nolearn, in percent: a sixth.</summary>
    public const double MinCapacity = 100.0 / 6;

    /// <summary>Gets or sets the names of its input layers.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];

    /// <summary>
    /// Gets or sets the receptive field: the height and width, in pixels of the image including padding, on which a
    /// value of the output may depend. It is the whole image if the value may depend on all of it, and null if the
    /// network does not take images, (channels, height, width).
    /// </summary>
    public (int Height, int Width)? Field { get; init; }

    /// <summary>
    /// Gets or sets nolearn's capacity along height and width, in percent: the extent of the filter's own weights over
    /// the image, filter size · step, divided by <see cref="FilteredField"/>. If other layers have enlarged the field,
    /// neighboring weights are far apart, and the filter cannot learn what lies between them.
    /// </summary>
    public (double Height, double Width)? Capacity { get; init; }

    /// <summary>
    /// Gets or sets nolearn's coverage along height and width, in percent: <see cref="FilteredField"/> divided by the
    /// image.
    /// </summary>
    public (double Height, double Width)? Coverage { get; init; }

    /// <summary>
    /// Gets or sets the field as nolearn computes it (<c>get_receptive_field</c> of nolearn/lasagne/util.py):
    /// convolutions enlarge it; pooling only makes later convolutions enlarge it more. It is the whole image for a
    /// layer that sees all of it.
    /// </summary>
    public (int Height, int Width)? FilteredField { get; init; }

    /// <summary>
    /// Gets whether nolearn would warn that the capacity is too low: less than a sixth along a dimension.
    /// </summary>
    public bool IsCapacityLow =>
        Capacity is { } capacity && Math.Min(capacity.Height, capacity.Width) < MinCapacity;

    /// <summary>
    /// Gets whether nolearn would warn that the coverage is too high: more than the image along a dimension.
    /// </summary>
    public bool IsCoverageHigh => Coverage is { } coverage && Math.Max(coverage.Height, coverage.Width) > 100;

    /// <summary>Returns its members, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(LayerInfo), PrintMembers);
}
