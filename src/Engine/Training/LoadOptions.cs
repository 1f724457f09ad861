namespace Engine.Training;

/// <summary>
/// What need not fit when a network takes over parameters; without it everything must. Names are patterns, in which
/// <c>*</c> stands for any characters and <c>?</c> for one.
/// </summary>
/// <remarks>
/// A last layer that is to be trained anew: <c>new LoadOptions { Ignore = ["output.*"], Keep = ["output.*"] }</c>.
/// </remarks>
public sealed record LoadOptions
{
    /// <summary>
    /// Which of the given parameters to pass over, whatever they are: <c>*.num_batches_tracked</c>, which PyTorch
    /// counts and nothing here needs.
    /// </summary>
    public IReadOnlyList<string> Ignore { get; init; } = [];

    /// <summary>Which of the network's parameters stay as they are where none is given for them.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];
}

/// <summary>What became of parameters that were given to a network.</summary>
/// <param name="Taken">The network's parameters that have their values now.</param>
/// <param name="Ignored">What was given and passed over, as <see cref="LoadOptions.Ignore"/> says.</param>
/// <param name="Kept">
/// The network's parameters that were not given and are as they were, as <see cref="LoadOptions.Keep"/> says.
/// </param>
public sealed record LoadReport(
    IReadOnlyList<string> Taken, IReadOnlyList<string> Ignored, IReadOnlyList<string> Kept)
{
    /// <summary>All of it in one line.</summary>
    public override string ToString() =>
        $"taken: {Names(Taken)}; passed over: {Names(Ignored)}; kept as they were: {Names(Kept)}";

    private static string Names(IReadOnlyList<string> names) => names.Count == 0 ? "none" : string.Join(", ", names);
}
