using System.Diagnostics;
using System.Globalization;

namespace Engine.Training;

/// <summary>
/// Tries a network with many settings, each by cross-validation, and says which are best: what scikit-learn's
/// GridSearchCV does with nolearn's networks. The grid is a query, and the settings are of whatever type it selects:
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
    /// Cross-validates each candidate, one after the other. One whose training diverges has nan for its scores and is the
    /// last of the ranking.
    /// </summary>
    /// <param name="candidates">The settings to try.</param>
    /// <param name="network">Makes a new network with such settings; it is disposed of.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their labels, or in regression values.</param>
    /// <param name="folds">How they are split; five stratified folds unless told otherwise.</param>
    /// <param name="score">
    /// The score of a trained network, given samples and targets, a higher one being better; null for <see
    /// cref="NeuralNet.Score(Tensors, Tensors)"/>: the accuracy, or in regression R².
    /// </param>
    /// <param name="progress">Told of each candidate as soon as it has its scores.</param>
    /// <param name="cancellationToken">Ends it; what was found until then, progress knows.</param>
    /// <exception cref="EngineException">
    /// There are no candidates, the samples do not fit a network or cannot be split, or the same network was made twice.
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

            var scored = new GridScore<T>(candidate, folded, Stopwatch.GetElapsedTime(start)) { Divergence = divergence };
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

/// <summary>Describes what a candidate of a grid search came to.</summary>
/// <param name="Parameters">Its settings.</param>
/// <param name="Folds">Its score in each fold.</param>
/// <param name="Time">How long all its folds took.</param>
public sealed record GridScore<T>(T Parameters, FoldScores Folds, TimeSpan Time)
{
    /// <summary>Gets or sets why the scores are nan, where a loss became nan or infinite; else null.</summary>
    public DivergenceException? Divergence { get; init; }

    /// <summary>The settings as text, with points in the numbers whatever the machine's language.</summary>
    internal string Text => RecordText.Invariant(() => Parameters?.ToString() ?? "");

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(GridScore<>), PrintMembers);
}

/// <summary>Describes what a grid search found.</summary>
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

    /// <summary>
    /// Gets the candidates, those with the highest mean score first; of equals the earlier in the grid.
    /// </summary>
    public IReadOnlyList<GridScore<T>> Ranking { get; }

    /// <summary>Gets the candidate with the highest mean score.</summary>
    public GridScore<T> Best => Ranking[0];

    /// <summary>Trains a new network with the best settings on all samples.</summary>
    /// <param name="cancellationToken">Ends the training; the network keeps what it has learned.</param>
    /// <returns>The network; it is the caller's to dispose of.</returns>
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
