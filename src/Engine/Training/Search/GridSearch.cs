using System.Diagnostics;
using System.Globalization;

namespace Engine.Training;

/// <summary>
/// Finds the best of many settings by cross-validation, as scikit-learn's GridSearchCV does with nolearn's networks.
/// The grid is a query, and the settings have the type that it selects:
/// <code>
/// var grid = from hidden in new[] { 50, 100 }
///            from rate in new[] { 0.01f, 0.1f }
///            select new { hidden, rate };
/// var found = GridSearch.Run(grid, p => Net(p.hidden, p.rate), x, y);
/// </code>
/// </summary>
public static class GridSearch
{
    /// <summary>
    /// Cross-validates each candidate, one after the other. A candidate whose training diverges has nan scores and is
    /// last in the ranking.
    /// </summary>
    /// <param name="candidates">The settings to try.</param>
    /// <param name="network">Creates a new network with such settings; it is disposed of afterwards.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their labels, or values in regression.</param>
    /// <param name="folds">The folds. The default is five stratified folds.</param>
    /// <param name="score">
    /// The score of a trained network, given samples and targets; higher is better. Null for
    /// <see cref="NeuralNet.Score(Tensors, Tensors)"/>: the accuracy, or R² in regression.
    /// </param>
    /// <param name="progress">Receives each candidate as soon as it has its scores.</param>
    /// <param name="cancellationToken">Ends it; <paramref name="progress"/> has received the scores so far.</param>
    /// <exception cref="EngineException">
    /// There are no candidates, the samples do not fit a network or cannot be split, or <paramref name="network"/>
    /// returned the same network twice.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static GridSearchResult<T> Run<T>(
        IEnumerable<T> candidates,
        Func<T, NeuralNet> network,
        Tensor x,
        Tensor y,
        Folds? folds = null,
        Func<NeuralNet, Tensor, Tensor, double>? score = null,
        IProgress<GridScore<T>>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(network);
        var scores = new List<GridScore<T>>();
        foreach (T candidate in candidates)
        {
            long start = Stopwatch.GetTimestamp();
            FoldScores folded;
            DivergenceException? divergence = null;
            try
            {
                folded = CrossValidation.Run(() => network(candidate), x, y, folds, score, cancellationToken);
            }
            catch (DivergenceException error)
            {
                folded = new FoldScores([.. Enumerable.Repeat(double.NaN, (folds ?? new Folds()).Count)]);
                divergence = error;
            }

            var scored =
                new GridScore<T>(candidate, folded, Stopwatch.GetElapsedTime(start)) { Divergence = divergence };
            scores.Add(scored);
            progress?.Report(scored);
        }

        return scores.Count > 0
            ? new GridSearchResult<T>(scores, (best, cancellation) => network(best).Fit(x, y, cancellation))
            : throw new EngineException("There are no candidates to search among: the grid is empty.");
    }

    /// <inheritdoc cref="Run{T}(IEnumerable{T}, Func{T, NeuralNet}, Tensor, Tensor, Folds?, Func{NeuralNet, Tensor,
    /// Tensor, double}?, IProgress{GridScore{T}}?, CancellationToken)"/>
    public static GridSearchResult<T> Run<T>(
        IEnumerable<T> candidates,
        Func<T, NeuralNet> network,
        Tensor x,
        int[] y,
        Folds? folds = null,
        Func<NeuralNet, Tensor, Tensor, double>? score = null,
        IProgress<GridScore<T>>? progress = null,
        CancellationToken cancellationToken = default) =>
        Run(candidates, network, x, Tensor.From(y), folds, score, progress, cancellationToken);
}

/// <summary>Describes the result of a candidate of a grid search.</summary>
/// <param name="Parameters">Its settings.</param>
/// <param name="Folds">Its score in each fold.</param>
/// <param name="Time">The time of all its folds.</param>
public sealed record GridScore<T>(T Parameters, FoldScores Folds, TimeSpan Time)
{
    /// <summary>
    /// Gets or sets the error if a loss became nan or infinite, in which case the scores are nan; else null.
    /// </summary>
    public DivergenceException? Divergence { get; init; }

    /// <summary>Gets the settings as text, with decimal points in every culture.</summary>
    internal string Text => RecordText.Invariant(() => Parameters?.ToString() ?? "");

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(GridScore<>), PrintMembers);
}

/// <summary>Describes the result of a grid search.</summary>
public sealed class GridSearchResult<T>
{
    private readonly Func<T, CancellationToken, NeuralNet> _fit;

    internal GridSearchResult(IReadOnlyList<GridScore<T>> candidates, Func<T, CancellationToken, NeuralNet> fit)
    {
        _fit = fit;
        Candidates = candidates;
        Ranking = [.. candidates.OrderByDescending(candidate => candidate.Folds.Mean)];
    }

    /// <summary>Gets the candidates in the order of the grid.</summary>
    public IReadOnlyList<GridScore<T>> Candidates { get; }

    /// <summary>Gets the candidates by descending mean score; equal ones in the order of the grid.</summary>
    public IReadOnlyList<GridScore<T>> Ranking { get; }

    /// <summary>Gets the candidate with the highest mean score.</summary>
    public GridScore<T> Best => Ranking[0];

    /// <summary>Trains a new network with the best settings on all samples.</summary>
    /// <param name="cancellationToken">Ends the training; the network keeps what it has learned.</param>
    /// <returns>The network. The caller must dispose of it.</returns>
    public NeuralNet Refit(CancellationToken cancellationToken = default) => _fit(Best.Parameters, cancellationToken);

    /// <summary>
    /// Returns a table of the candidates, the best first: mean, standard deviation, each fold, seconds, settings.
    /// </summary>
    public override string ToString()
    {
        int folds = Best.Folds.Scores.Count;
        var table = new TextTable(
            [">mean", ">std", .. Enumerable.Range(1, folds).Select(fold => $">fold {fold}"), ">seconds", "parameters"]);
        foreach (GridScore<T> candidate in Ranking)
        {
            table.Add(
            [
                Number(candidate.Folds.Mean), Number(candidate.Folds.StandardDeviation),
                .. candidate.Folds.Scores.Select(Number),
                candidate.Time.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture), candidate.Text,
            ]);
        }

        return table.ToString().TrimEnd();

        static string Number(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
    }
}
