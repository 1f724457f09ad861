using System.Globalization;

namespace Engine.Training;

/// <summary>Describes what an epoch of training came to.</summary>
public sealed record EpochRecord
{
    /// <summary>
    /// Gets or sets the epoch's number, from 1 on, counted over all calls of
    /// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/>.
    /// </summary>
    public required int Epoch { get; init; }

    /// <summary>
    /// Gets or sets the mean over the training samples of the loss, each batch's before its own update.
    /// </summary>
    public required double TrainLoss { get; init; }

    /// <summary>Gets or sets whether the training loss is lower than in all epochs before.</summary>
    public required bool TrainLossBest { get; init; }

    /// <summary>Gets or sets the mean loss over the validation samples after the epoch; nan without such.</summary>
    public required double ValidLoss { get; init; }

    /// <summary>Gets or sets whether the validation loss is lower than in all epochs before.</summary>
    public required bool ValidLossBest { get; init; }

    /// <summary>
    /// Gets or sets the part of the validation samples whose class is predicted; nan without such, and in regression.
    /// </summary>
    public required double ValidAccuracy { get; init; }

    /// <summary>Gets or sets the seconds that the training batches took.</summary>
    public required double TrainSeconds { get; init; }

    /// <summary>
    /// Gets or sets the seconds of these in which the training waited for samples that an
    /// <see cref="Data.IBatchSource"/> had not read yet; 0 where they are in memory.
    /// </summary>
    public double WaitSeconds { get; init; }

    /// <summary>Gets or sets the seconds that training and validation took, without compiling.</summary>
    public required double Dur { get; init; }

    /// <summary>Gets or sets the custom scores by name.</summary>
    public IReadOnlyDictionary<string, double> Scores { get; init; } = new Dictionary<string, double>();

    /// <summary>Returns its figures, with points in the numbers.</summary>
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
/// Represents a score of one's own, taken on the validation samples batch by batch; an epoch's is the mean over the
/// samples.
/// </summary>
/// <param name="Name">The heading of its column.</param>
/// <param name="Score">The score of a batch, given its true labels (or values) and the network's output.</param>
public sealed record CustomScore(string Name, Func<Tensor, Tensor, double> Score)
{
    /// <summary>Returns its name.</summary>
    public override string ToString() => $"{nameof(CustomScore)} {{ {nameof(Name)} = {Name} }}";
}
