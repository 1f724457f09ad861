namespace Engine.Training;

/// <summary>
/// Represents the scores of a network that was trained once for each fold, on all the others, and scored on the fold.
/// </summary>
public static class CrossValidation
{
    /// <summary>
    /// Trains a new network for each fold and scores it. What is not held out trains as in any call of Fit: the
    /// network's <see cref="NeuralNet.TrainSplit"/> takes its validation samples from it.
    /// </summary>
    /// <param name="network">Makes a new network each time; it is disposed of.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their labels, or in regression values.</param>
    /// <param name="folds">How they are split; five stratified folds unless told otherwise.</param>
    /// <param name="score">
    /// The score of a trained network, given samples and targets, a higher one being better; null for <see
    /// cref="NeuralNet.Score(Tensors, Tensors)"/>: the accuracy, or in regression R².
    /// </param>
    /// <param name="cancellationToken">Ends it; unlike Fit this then throws, since there is no result.</param>
    /// <exception cref="EngineException">
    /// The samples do not fit the network or cannot be split, or the same network was made twice.
    /// </exception>
    /// <exception cref="DivergenceException">A loss is nan or infinite.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static FoldScores Run(
        Func<NeuralNet> network,
        Tensor x,
        Tensor y,
        Folds? folds = null,
        Func<NeuralNet, Tensor, Tensor, double>? score = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Shape.Rank == 0 || y.Shape.Rank == 0 || x.Shape[0] != y.Shape[0])
        {
            throw new EngineException(
                $"The samples are {x.TypeText} and the targets {y.TypeText}: there must be as many of both.");
        }

        int[]? labels = y.DType.IsFloat() ? null : y.ToInt32().AsSpan<int>().ToArray();
        var scores = new List<double>();
        NeuralNet? former = null;
        foreach ((int[] train, int[] test) in (folds ?? new Folds()).Split(x.Shape[0], labels))
        {
            using NeuralNet net = network();
            if (ReferenceEquals(net, former))
            {
                throw new EngineException(
                    "The same network was given for two folds: make a new one each time, or it has seen what it is "
                    + "scored on.");
            }

            former = net;
            net.Fit(x.Rows(train), y.Rows(train), cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            Tensor held = x.Rows(test), targets = y.Rows(test);
            scores.Add(score?.Invoke(net, held, targets) ?? net.Score(held, targets));
        }

        return new FoldScores(scores);
    }

    /// <inheritdoc cref="Run(Func{NeuralNet}, Tensor, Tensor, Folds?, Func{NeuralNet, Tensor, Tensor, double}?,
    /// CancellationToken)"/>
    public static FoldScores Run(
        Func<NeuralNet> network,
        Tensor x,
        int[] y,
        Folds? folds = null,
        Func<NeuralNet, Tensor, Tensor, double>? score = null,
        CancellationToken cancellationToken = default) =>
        Run(network, x, Tensor.From(y), folds, score, cancellationToken);
}

/// <summary>Scores of one network, a fold each.</summary>
public sealed class FoldScores
{
    internal FoldScores(IReadOnlyList<double> scores) => Scores = scores;

    /// <summary>Gets the score of each fold.</summary>
    public IReadOnlyList<double> Scores { get; }

    /// <summary>Gets their mean.</summary>
    public double Mean => Scores.Average();

    /// <summary>
    /// Gets their standard deviation, as numpy.std has it: of these folds, not of all there could be.
    /// </summary>
    public double StandardDeviation => Math.Sqrt(Scores.Average(score => Math.Pow(score - Mean, 2)));

    /// <summary>Returns mean and standard deviation: <c>0.912 ± 0.013</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Mean:F3} ± {StandardDeviation:F3}");
}
