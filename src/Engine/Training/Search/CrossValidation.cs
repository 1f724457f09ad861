namespace Engine.Training;

/// <summary>Trains a network once for each fold on all other folds, and scores it on the fold.</summary>
public static class CrossValidation
{
    /// <summary>
    /// Trains a new network for each fold and scores it. The samples that are not held out go to Fit: the network's
    /// <see cref="NeuralNet.TrainSplit"/> takes validation samples from them.
    /// </summary>
    /// <param name="network">Creates a new network each time; it is disposed of afterwards.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their labels, or values in regression.</param>
    /// <param name="folds">The folds. The default is five stratified folds.</param>
    /// <param name="score">
    /// The score of a trained network, given samples and targets; higher is better. Null for
    /// <see cref="NeuralNet.Score(Tensors, Tensors)"/>: the accuracy, or R² in regression.
    /// </param>
    /// <param name="cancellationToken">Ends it. Unlike Fit, it then throws, because there is no result.</param>
    /// <exception cref="EngineException">
    /// The samples do not fit the network or cannot be split, or <paramref name="network"/> returned the same network
    /// twice.
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

/// <summary>Represents the scores of one network, one per fold.</summary>
public sealed class FoldScores
{
    internal FoldScores(IReadOnlyList<double> scores) => Scores = scores;

    /// <summary>Gets the score of each fold.</summary>
    public IReadOnlyList<double> Scores { get; }

    /// <summary>Gets the mean of the scores.</summary>
    public double Mean => Scores.Average();

    /// <summary>
    /// Gets the standard deviation of the scores, as numpy.std computes it: of the population, not of a sample.
    /// </summary>
    public double StandardDeviation => Math.Sqrt(Scores.Average(score => Math.Pow(score - Mean, 2)));

    /// <summary>Returns mean and standard deviation: <c>0.912 ± 0.013</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Mean:F3} ± {StandardDeviation:F3}");
}
