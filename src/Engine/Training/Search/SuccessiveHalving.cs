using System.Diagnostics;
using System.Globalization;

namespace Engine.Training;

/// <summary>
/// Trains all candidates for a few epochs, the best third of them for three times as many, and so on, until the last ones have all
/// epochs (K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter Optimization, 2016). Most of the
/// time goes to those that are worth it.
/// </summary>
public static class SuccessiveHalving
{
    /// <summary>Finds the best of some candidates.</summary>
    /// <typeparam name="T">The candidates' type.</typeparam>
    /// <param name="candidates">The settings to try: a grid, or what <see cref="RandomSearch"/> drew.</param>
    /// <param name="epochs">How many epochs the last ones are trained.</param>
    /// <param name="score">
    /// The score of a candidate after so many epochs, a higher one being better, nan the worst: from
    /// <see cref="GridSearch"/>, say, or of one training.
    /// </param>
    /// <param name="factor">Of how many candidates one goes on; 1 for all, which trains each for all epochs at once.</param>
    /// <param name="progress">Told of each trial as soon as it has its score.</param>
    /// <param name="cancellationToken">Ends it before the next trial.</param>
    /// <exception cref="EngineException">There are no candidates, or a number is none that it may be.</exception>
    /// <exception cref="OperationCanceledException">It was canceled.</exception>
    public static HalvingResult<T> Run<T>(
        IEnumerable<T> candidates,
        int epochs,
        Func<T, int, double> score,
        int factor = 3,
        IProgress<Trial<T>>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(candidates);
        ArgumentNullException.ThrowIfNull(score);
        T[] left = [.. candidates];
        if (left.Length == 0)
        {
            throw new EngineException("There are no candidates to search among.");
        }

        if (epochs < 1 || factor < 1)
        {
            throw new EngineException($"The last candidates are trained 1 epoch or more, and 1 of 1 or more goes on: not {epochs} and {factor}.");
        }

        var trials = new List<Trial<T>>();
        foreach (int some in Rounds(left.Length, epochs, factor))
        {
            var round = new List<Trial<T>>();
            foreach (T candidate in left)
            {
                cancellationToken.ThrowIfCancellationRequested();
                long start = Stopwatch.GetTimestamp();
                var trial = new Trial<T>(candidate, some, score(candidate, some), Stopwatch.GetElapsedTime(start));
                round.Add(trial);
                progress?.Report(trial);
            }

            trials.AddRange(round);
            left = [.. Ranked(round).Take(Math.Max(left.Length / factor, 1)).Select(trial => trial.Candidate)];
        }

        return new HalvingResult<T>(trials);
    }

    /// <summary>How many epochs each round trains: the last one all, each before it one part of that, as long as candidates are many.</summary>
    private static Stack<int> Rounds(int candidates, int epochs, int factor)
    {
        var rounds = new Stack<int>([epochs]);
        for (int left = candidates, some = epochs; factor > 1 && left >= factor && some > 1; left /= factor)
        {
            some = (some + factor - 1) / factor;
            rounds.Push(some);
        }

        return rounds;
    }

    /// <summary>The best first; of equals the earlier.</summary>
    internal static IEnumerable<Trial<T>> Ranked<T>(IEnumerable<Trial<T>> trials) =>
        trials.OrderByDescending(trial => double.IsNaN(trial.Score) ? double.NegativeInfinity : trial.Score);
}

/// <summary>Describes what a candidate came to after some epochs.</summary>
/// <typeparam name="T">The candidates' type.</typeparam>
/// <param name="Candidate">Its settings.</param>
/// <param name="Epochs">For how many epochs it was trained.</param>
/// <param name="Score">Its score; nan where its training diverged.</param>
/// <param name="Time">How long it took.</param>
public sealed record Trial<T>(T Candidate, int Epochs, double Score, TimeSpan Time)
{
    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Trial<>), PrintMembers);
}

/// <summary>Describes what <see cref="SuccessiveHalving"/> found.</summary>
/// <typeparam name="T">The candidates' type.</typeparam>
public sealed class HalvingResult<T>
{
    internal HalvingResult(IReadOnlyList<Trial<T>> trials)
    {
        Trials = trials;
        Ranking = [.. trials.GroupBy(trial => trial.Epochs).OrderByDescending(round => round.Key).SelectMany(SuccessiveHalving.Ranked)
            .DistinctBy(trial => trial.Candidate)];
    }

    /// <summary>Gets all trials, in the order in which they were made.</summary>
    public IReadOnlyList<Trial<T>> Trials { get; }

    /// <summary>
    /// Gets the last trial of each candidate: those that came farthest first, of these the best first.
    /// </summary>
    public IReadOnlyList<Trial<T>> Ranking { get; }

    /// <summary>Gets the best of those that were trained for all epochs.</summary>
    public Trial<T> Best => Ranking[0];

    /// <summary>Returns a table of the candidates, the best first: score, epochs, seconds, settings.</summary>
    public override string ToString()
    {
        var table = new TextTable(">score", ">epochs", ">seconds", "parameters");
        foreach (Trial<T> trial in Ranking)
        {
            table.Add(
                trial.Score.ToString("F4", CultureInfo.InvariantCulture), trial.Epochs.ToString(CultureInfo.InvariantCulture),
                trial.Time.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture),
                RecordText.Invariant(() => trial.Candidate?.ToString() ?? ""));
        }

        return table.ToString().TrimEnd();
    }
}
