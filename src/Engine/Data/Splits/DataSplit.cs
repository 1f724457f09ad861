using System.Globalization;
using System.Text.RegularExpressions;

namespace Engine.Data;

/// <summary>Splits samples into training and test.</summary>
public static partial class DataSplit
{
    /// <summary>Returns the numbers from 0 on, shuffled by the seed (Fisher and Yates' shuffle).</summary>
    public static int[] Order(int count, int seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new Random(seed).Shuffle(order);
        return order;
    }

    /// <summary>
    /// Takes a part of each class for the test. A class of two or more samples is in both parts. Of values, takes a
    /// part of all samples, but leaves one of equal ones to learn.
    /// </summary>
    /// <param name="labels">The labels.</param>
    /// <param name="share">The part for the test.</param>
    /// <param name="seed">The seed of the choice.</param>
    /// <exception cref="EngineException">The part is not from 0 to 0.9.</exception>
    public static (int[] Train, int[] Test) Stratified(Column labels, double share, int seed)
    {
        ArgumentNullException.ThrowIfNull(labels);
        int[] order = Order(labels.Count, seed);
        bool areValues = Target.LooksLikeValues(labels);

        // The first samples of each class in the shuffled order are for the test.
        var tests = new bool[labels.Count];
        double owed = 0;
        foreach (IGrouping<string?, int> one in order.GroupBy(labels.Text))
        {
            int[] rows = [.. one];
            owed += Checked(share) * rows.Length;
            (int min, int max) = rows.Length > 1 ? (areValues ? 0 : 1, rows.Length - 1) : (0, areValues ? 1 : 0);
            int count = Math.Clamp((int)Math.Round(owed), min, max);
            owed -= count;
            Array.ForEach(rows[..count], row => tests[row] = true);
        }

        return ([.. order.Where(row => !tests[row])], [.. order.Where(row => tests[row])]);
    }

    /// <summary>Splits so that all samples of a group, such as one patient, are in the same part.</summary>
    /// <inheritdoc cref="Stratified"/>
    public static (int[] Train, int[] Test) Grouped(Column groups, double share, int seed)
    {
        ArgumentNullException.ThrowIfNull(groups);
        int[] order = Order(groups.Count, seed);
        int wanted = (int)Math.Round(Checked(share) * groups.Count), taken = 0;
        var tests = new HashSet<string>();
        foreach (IGrouping<string, int> group in order.GroupBy(row => groups.Text(row) ?? ""))
        {
            if (taken + (group.Count() / 2) < wanted)
            {
                tests.Add(group.Key);
                taken += group.Count();
            }
        }

        ILookup<bool, int> parts = order.ToLookup(row => tests.Contains(groups.Text(row) ?? ""));
        return ([.. parts[false]], [.. parts[true]]);
    }

    /// <summary>Takes the latest samples for the test. Both parts are in the order of time.</summary>
    /// <param name="times">
    /// The time of each sample: numbers, dates with the year first (2026-11-29, 2026-11-29T08:00:00Z), or texts that
    /// sort by time (2026-Q1).
    /// </param>
    /// <param name="share">The part for the test.</param>
    /// <exception cref="EngineException">
    /// A time is missing, or is a date that begins with the day or the month.
    /// </exception>
    public static (int[] Train, int[] Test) ByTime(Column times, double share)
    {
        ArgumentNullException.ThrowIfNull(times);
        int[] order = [.. Enumerable.Range(0, times.Count)];
        if (order.FirstOrDefault(row => times.Text(row) is null, -1) is >= 0 and int missing)
        {
            throw new EngineException($"'{times.Name}' of sample {missing} is missing: leave out the rows without it.");
        }

        order = times is NumberColumn numbers ? [.. order.OrderBy(row => numbers.Values[row])]
            : Dates(times) is { } dates ? [.. order.OrderBy(row => dates[row])]
            : [.. order.OrderBy(times.Text, StringComparer.Ordinal)];
        Array.Reverse(order);
        (int[] train, int[] test) = At(order, share);
        return ([.. train.Reverse()], [.. test.Reverse()]);
    }

    /// <summary>Returns texts as dates; null if they are none, and sort as texts.</summary>
    /// <exception cref="EngineException">A date begins with the day or the month; nothing says which.</exception>
    private static DateTimeOffset[]? Dates(Column times)
    {
        var dates = new DateTimeOffset[times.Count];
        bool areDates = true;
        for (int row = 0; row < dates.Length; row++)
        {
            string text = times.Text(row)!;
            if (DayFirst().IsMatch(text))
            {
                throw new EngineException(
                    $"'{times.Name}' of sample {row} is '{Table.Short(text)}', whose day and month cannot be told "
                    + "apart: write times as numbers, or with the year first, 2026-11-29.");
            }

            areDates &= DateTimeOffset.TryParse(
                text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out dates[row]);
        }

        return areDates ? dates : null;
    }

    [GeneratedRegex(@"^\s*\d{1,2}[./-]\d{1,2}[./-]\d{2,4}(\D|$)")]
    private static partial Regex DayFirst();

    /// <summary>Takes the first samples of an order for the test.</summary>
    private static (int[] Train, int[] Test) At(int[] order, double share)
    {
        int test = (int)Math.Round(Checked(share) * order.Length);
        return (order[test..], order[..test]);
    }

    private static double Checked(double share) => share is >= 0 and <= 0.9 ? share : throw new EngineException(
        FormattableString.Invariant($"The share of the samples that tests is from 0 to 0.9, not {share}."));
}
