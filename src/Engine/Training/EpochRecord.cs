using System.Globalization;
using System.Text.Json.Serialization;
using Engine.IO;

namespace Engine.Training;

/// <summary>Describes the result of an epoch of training.</summary>
public sealed record EpochRecord
{
    /// <summary>
    /// Gets or sets the epoch's number, from 1, counted over all calls of
    /// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/>.
    /// </summary>
    public required int Epoch { get; init; }

    /// <summary>
    /// Gets or sets the mean loss over the training samples. Each batch's loss is taken before its update.
    /// </summary>
    [JsonConverter(typeof(NumberOrNull))]
    public required double TrainLoss { get; init; }

    /// <summary>Gets or sets whether the training loss is lower than in all epochs before.</summary>
    public required bool TrainLossBest { get; init; }

    /// <summary>
    /// Gets or sets the mean loss over the validation samples after the epoch; nan without validation samples.
    /// </summary>
    [JsonConverter(typeof(NumberOrNull))]
    public required double ValidLoss { get; init; }

    /// <summary>Gets or sets whether the validation loss is lower than in all epochs before.</summary>
    public required bool ValidLossBest { get; init; }

    /// <summary>
    /// Gets or sets the accuracy on the validation samples; nan without validation samples, and in regression.
    /// </summary>
    [JsonConverter(typeof(NumberOrNull))]
    public required double ValidAccuracy { get; init; }

    /// <summary>Gets or sets the seconds that the training batches took.</summary>
    public required double TrainSeconds { get; init; }

    /// <summary>
    /// Gets or sets the part of these seconds in which the training waited for an <see cref="Data.IBatchSource"/> to
    /// read samples; 0 if they are in memory.
    /// </summary>
    public double WaitSeconds { get; init; }

    /// <summary>Gets or sets the seconds that training and validation took, without compilation.</summary>
    public required double Dur { get; init; }

    /// <summary>Gets or sets the custom scores by name.</summary>
    [JsonConverter(typeof(NumbersOrNull))]
    public IReadOnlyDictionary<string, double> Scores { get; init; } = new Dictionary<string, double>();

    /// <summary>Returns the figures as text, with decimal points in the numbers.</summary>
    public override string ToString()
    {
        string scores = string.Concat(Scores.Select(score => $", {score.Key} = {Text(score.Value)}"));
        return $"{nameof(EpochRecord)} {{ {nameof(Epoch)} = {Epoch}, {nameof(TrainLoss)} = {Text(TrainLoss)}, "
            + $"{nameof(ValidLoss)} = {Text(ValidLoss)}, {nameof(ValidAccuracy)} = {Text(ValidAccuracy)}, "
            + $"{nameof(Dur)} = {Text(Dur)}{scores} }}";

        static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
    }
}

/// <summary>
/// Represents a custom score. After each epoch it is computed once, on all validation samples together, so it need not
/// be a mean over samples (<see cref="Inspection.Metrics.RocAuc(ReadOnlySpan{int}, Tensor)"/>).
/// </summary>
/// <param name="Name">The heading of its column.</param>
/// <param name="Score">
/// The score of the samples, given their true labels, int32 (n), or values, and the network's output.
/// </param>
public sealed record CustomScore(string Name, Func<Tensor, Tensor, double> Score)
{
    /// <summary>Returns its name.</summary>
    public override string ToString() => $"{nameof(CustomScore)} {{ {nameof(Name)} = {Name} }}";
}
