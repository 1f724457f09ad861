namespace Engine.Training;

/// <summary>
/// Describes which mismatches are allowed when a network loads parameters; without it, none are. Names are patterns:
/// <c>*</c> stands for any characters, <c>?</c> for one.
/// </summary>
/// <remarks>
/// To train the last layer anew: <c>new LoadOptions { Ignore = ["output.*"], Keep = ["output.*"] }</c>.
/// </remarks>
public sealed record LoadOptions
{
    /// <summary>
    /// Gets or sets which of the given parameters to ignore. An example is PyTorch's <c>*.num_batches_tracked</c>,
    /// which this library does not need.
    /// </summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>
    /// Gets or sets which of the network's parameters may be missing from the given ones; they keep their values.
    /// </summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>
    /// Gets or sets new names for given parameters: <c>("features.0.*", "conv1.*")</c>. The first pattern that matches
    /// applies. Each <c>*</c> and <c>?</c> of the second name stands for the text that it matched in the first.
    /// </summary>
    public IReadOnlyList<(string From, string To)> Rename { get; init; } = [];

    /// <summary>
    /// Gets or sets the library whose names and layout the given parameters have, such as
    /// <see cref="WeightLayout.PyTorch"/>; null for this library. <see cref="Rename"/> applies first.
    /// </summary>
    public WeightLayout? Layout { get; init; }

    /// <summary>
    /// Gets or sets whether to load only the parameters that fit by name and shape. Other given parameters are ignored,
    /// and missing ones keep their values. <see cref="LoadReport.Misfits"/> lists parameters with another shape.
    /// </summary>
    public bool IsPartial { get; init; }
}

/// <summary>Describes the result of loading parameters into a network.</summary>
/// <param name="Taken">The network's parameters that were loaded.</param>
/// <param name="Ignored">The given parameters that were ignored because of <see cref="LoadOptions.Ignore"/>.</param>
/// <param name="Kept">
/// The network's parameters that were not given and kept their values because of <see cref="LoadOptions.Keep"/>.
/// </param>
public sealed record LoadReport(
    IReadOnlyList<string> Taken, IReadOnlyList<string> Ignored, IReadOnlyList<string> Kept)
{
    /// <summary>Gets or sets the parameters that a partial load did not take because their shape differs.</summary>
    public IReadOnlyList<string> Misfits { get; init; } = [];

    /// <summary>Returns the report in one line.</summary>
    public override string ToString() =>
        $"taken: {Names(Taken)}; ignored: {Names(Ignored)}; kept as they were: {Names(Kept)}"
        + (Misfits.Count == 0 ? "" : $"; of another shape: {Names(Misfits)}");

    private static string Names(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
}
