namespace Engine.Training;

/// <summary>Represents a figure that compares epochs.</summary>
/// <param name="Name">The name: <c>valid_loss</c>.</param>
/// <param name="Value">The value for an epoch; nan is worse than any number.</param>
/// <param name="HigherIsBetter">Whether a greater one is better.</param>
public sealed record Metric(string Name, Func<EpochRecord, double> Value, bool HigherIsBetter = false)
{
    /// <summary>Gets the loss on the validation samples.</summary>
    public static Metric ValidLoss { get; } = new("valid_loss", record => record.ValidLoss);

    /// <summary>Gets the loss on the training samples.</summary>
    public static Metric TrainLoss { get; } = new("train_loss", record => record.TrainLoss);

    /// <summary>Gets the accuracy on the validation samples.</summary>
    public static Metric ValidAccuracy { get; } = new("valid_accuracy", record => record.ValidAccuracy, true);

    /// <summary>Returns one of <see cref="NeuralNet.CustomScores"/>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="higherIsBetter">Whether a greater one is better.</param>
    public static Metric Score(string name, bool higherIsBetter) => new(
        name,
        record => record.Scores.TryGetValue(name, out double score) ? score : throw new EngineException(
            $"There is no score '{name}' to watch: CustomScores has "
            + $"{(record.Scores.Count == 0 ? "none" : string.Join(", ", record.Scores.Keys))}."),
        higherIsBetter);

    /// <summary>Returns its name, and whether a greater value is better.</summary>
    public override string ToString() =>
        $"{nameof(Metric)} {{ {nameof(Name)} = {Name}, {nameof(HigherIsBetter)} = {HigherIsBetter} }}";

    /// <summary>
    /// Returns whether a value is better than the best so far by more than <paramref name="minDelta"/>.
    /// </summary>
    internal bool IsBetter(double value, double best, double minDelta) =>
        !double.IsNaN(value)
        && (double.IsNaN(best) || (HigherIsBetter ? value > best + minDelta : value < best - minDelta));

    /// <summary>Returns the value for an epoch.</summary>
    /// <exception cref="EngineException">It needs validation samples, and there are none.</exception>
    internal double Of(EpochRecord record, NeuralNet net)
    {
        double value = Value(record);
        return double.IsNaN(value) && double.IsNaN(record.ValidLoss) && net.TrainSplit.EvalSize == 0
            && !double.IsNaN(record.TrainLoss)
            ? throw new EngineException(
                $"There is no {Name} to watch, for no samples validate: watch Metric.TrainLoss, or set TrainSplit.")
            : value;
    }
}
