using System.Diagnostics;
using System.Globalization;

namespace Engine.Training;

/// <summary>
/// Trains all candidates for a few epochs, then the best third for three times as many, and so on, until the last ones
/// are trained for all epochs (K. Jamieson, A. Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
/// Optimization, 2016). Good candidates get most of the time.
/// </summary>
public static class SuccessiveHalving
{
    /// <summary>Finds the best of some candidates.</summary>
    /// <typeparam name="T">The candidates' type.</typeparam>
    /// <param name="candidates">The settings to try: a grid, or what <see cref="RandomSearch"/> drew.</param>
    /// <param name="epochs">The number of epochs of the last candidates.</param>
    /// <param name="score">
    /// The score of a candidate after so many epochs; higher is better, nan is the worst. It may come from
    /// <see cref="GridSearch"/> or from one training.
    /// </param>
    /// <param name="factor">
    /// One of so many candidates continues in the next round. With 1, all candidates train for all epochs at once.
    /// </param>
    /// <param name="progress">Receives each trial as soon as it has its score.</param>
    /// <param name="cancellationToken">Ends it before the next trial.</param>
    /// <exception cref="EngineException">There are no candidates, or a number is out of range.</exception>
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
            throw new EngineException(
                $"The last candidates are trained 1 epoch or more, and 1 of 1 or more goes on: not {epochs} "
                + $"and {factor}.");
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

    /// <summary>
    /// Returns the number of epochs of each round. The last round has all epochs; each round before it has the next
    /// one's divided by the factor, as long as there are enough candidates.
    /// </summary>
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

    /// <summary>Orders trials from best to worst; equal ones keep their order.</summary>
    internal static IEnumerable<Trial<T>> Ranked<T>(IEnumerable<Trial<T>> trials) =>
        trials.OrderByDescending(trial => double.IsNaN(trial.Score) ? double.NegativeInfinity : trial.Score);
}

/// <summary>Describes the result of a candidate after some epochs.</summary>
/// <typeparam name="T">The candidates' type.</typeparam>
/// <param name="Candidate">Its settings.</param>
/// <param name="Epochs">The number of epochs of its training.</param>
/// <param name="Score">Its score; nan if its training diverged.</param>
/// <param name="Time">The time that it took.</param>
public sealed record Trial<T>(T Candidate, int Epochs, double Score, TimeSpan Time)
{
    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(Trial<>), PrintMembers);
}

/// <summary>Describes the result of <see cref="SuccessiveHalving"/>.</summary>
/// <typeparam name="T">The candidates' type.</typeparam>
public sealed class HalvingResult<T>
{
    internal HalvingResult(IReadOnlyList<Trial<T>> trials)
    {
        Trials = trials;
        Ranking = [.. trials.GroupBy(trial => trial.Epochs).OrderByDescending(round => round.Key)
            .SelectMany(SuccessiveHalving.Ranked)
            .DistinctBy(trial => trial.Candidate)];
    }

    /// <summary>Gets all trials in the order in which they ran.</summary>
    public IReadOnlyList<Trial<T>> Trials { get; }

    /// <summary>Gets the last trial of each candidate: first by descending epochs, then by descending score.</summary>
    public IReadOnlyList<Trial<T>> Ranking { get; }

    /// <summary>Gets the best of the trials with all epochs.</summary>
    public Trial<T> Best => Ranking[0];

    /// <summary>Returns a table of the candidates, the best first: score, epochs, seconds, settings.</summary>
    public override string ToString()
    {
        var table = new TextTable(">score", ">epochs", ">seconds", "parameters");
        foreach (Trial<T> trial in Ranking)
        {
            table.Add(
                trial.Score.ToString("F4", CultureInfo.InvariantCulture),
                trial.Epochs.ToString(CultureInfo.InvariantCulture),
                trial.Time.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture),
                RecordText.Invariant(() => trial.Candidate?.ToString() ?? ""));
        }

        return table.ToString().TrimEnd();
    }
}
