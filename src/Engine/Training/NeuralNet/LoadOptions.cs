namespace Engine.Training;

/// <summary>
/// Describes what need not fit when a network takes over parameters; without it everything must. Names are patterns, in
/// which <c>*</c> stands for any characters and <c>?</c> for one.
/// </summary>
/// <remarks>
/// A last layer that is to be trained anew: <c>new LoadOptions { Ignore = ["output.*"], Keep = ["output.*"] }</c>.
/// </remarks>
public sealed record LoadOptions
{
    /// <summary>
    /// Gets or sets which of the given parameters to pass over, whatever they are: <c>*.num_batches_tracked</c>, which
    /// PyTorch counts and nothing here needs.
    /// </summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>Gets or sets which of the network's parameters stay as they are where none is given for them.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>
    /// What given parameters are called here, the first pattern that means one having its say: <c>("features.0.*",
    /// "conv1.*")</c>, in which each <c>*</c> and <c>?</c> of the second stands for what that of the first stood for.
    /// </summary>
    public IReadOnlyList<(string From, string To)> Rename { get; init; } = [];

    /// <summary>
    /// Gets or sets which library's names and layout the given parameters have, <see cref="WeightLayout.PyTorch"/> say;
    /// null for this one's. Names are looked at when they have been renamed.
    /// </summary>
    public WeightLayout? Layout { get; init; }

    /// <summary>
    /// Gets or sets whether to take what fits, by name and shape, and leave all else: what is given beside it is passed
    /// over, and what is missing kept. <see cref="LoadReport.Misfits"/> lists what has another shape.
    /// </summary>
    public bool IsPartial { get; init; }
}

/// <summary>Describes what became of parameters that were given to a network.</summary>
/// <param name="Taken">The network's parameters that have their values now.</param>
/// <param name="Ignored">What was given and passed over, as <see cref="LoadOptions.Ignore"/> says.</param>
/// <param name="Kept">
/// The network's parameters that were not given and are as they were, as <see cref="LoadOptions.Keep"/> says.
/// </param>
public sealed record LoadReport(
    IReadOnlyList<string> Taken, IReadOnlyList<string> Ignored, IReadOnlyList<string> Kept)
{
    /// <summary>
    /// Gets or sets what was given under a parameter's name and has another shape, of a partial load.
    /// </summary>
    public IReadOnlyList<string> Misfits { get; init; } = [];

    /// <summary>Returns all of it in one line.</summary>
    public override string ToString() =>
        $"taken: {Names(Taken)}; passed over: {Names(Ignored)}; kept as they were: {Names(Kept)}"
        + (Misfits.Count == 0 ? "" : $"; of another shape: {Names(Misfits)}");

    private static string Names(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
}
