using System.Globalization;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The settings that a search tries; null for those of the network.</summary>
internal sealed record SearchCandidate(string? LearningRate, string? Momentum, string? Batch, string? Hidden)
{
    /// <summary>Returns the options of a training with these settings.</summary>
    public TrainingOptions Of(TrainingOptions options, int epochs) => options with
    {
        Epochs = epochs,
        LearningRate = LearningRate is null
            ? options.LearningRate
            : float.Parse(LearningRate, CultureInfo.InvariantCulture),
        Momentum = Momentum is null ? options.Momentum : float.Parse(Momentum, CultureInfo.InvariantCulture),
        Batch = Batch is null ? options.Batch : int.Parse(Batch, CultureInfo.InvariantCulture),
        Hidden = Hidden is null
            ? options.Hidden
            : [.. Hidden.Split('+').Select(size => int.Parse(size, CultureInfo.InvariantCulture))],
    };

    /// <summary>Returns the command-line options for these settings: <c>--learning-rate 0.01 --hidden 50</c>.</summary>
    public override string ToString() => string.Join(' ', new[]
    {
        ("--learning-rate", LearningRate), ("--momentum", Momentum), ("--batch", Batch),
        ("--hidden", Hidden?.Replace('+', ',')),
    }.Where(one => one.Item2 is not null).Select(one => $"{one.Item1} {one.Item2}"));

    /// <summary>Returns a setting's value as a number; NaN if it is not one.</summary>
    public double Number(string setting) => double.TryParse(
        setting switch { "learning rate" => LearningRate, "momentum" => Momentum, "batch" => Batch, _ => Hidden },
        CultureInfo.InvariantCulture, out double value) ? value : double.NaN;
}

/// <summary>The ranges that a search tries.</summary>
internal sealed record SearchRanges(
    SearchRange? LearningRate, SearchRange? Momentum, SearchRange? Batch, SearchRange? Hidden)
{
    /// <summary>Draws a candidate.</summary>
    public SearchCandidate Draw(SearchDraw draw) => new(
        LearningRate?.Draw(draw), Momentum?.Draw(draw), Batch?.Draw(draw, isWhole: true),
        Hidden?.Draw(draw, isWhole: true));

    /// <summary>The setting on the axis of the picture: the first one with the most values.</summary>
    public string Axis => new (string Name, SearchRange? Range)[]
    {
        ("learning rate", LearningRate), ("momentum", Momentum), ("batch", Batch), ("hidden", Hidden),
    }.Where(one => one.Range is not null)
        .MaxBy(one => one.Range!.Values.Count == 0 ? int.MaxValue : one.Range.Values.Count).Name;

    /// <summary>Returns the ranges as the user gave them.</summary>
    public override string ToString() => string.Join(' ', new[]
    {
        ("--learning-rate", LearningRate), ("--momentum", Momentum), ("--batch", Batch), ("--hidden", Hidden),
    }.Where(one => one.Item2 is not null).Select(one => $"{one.Item1} {one.Item2!.Text}"));
}
