namespace Engine.Data;

/// <summary>Describes which samples train and which test.</summary>
public static class DataSplit
{
    /// <summary>Numbers of more values than this are not classes that could be split for themselves.</summary>
    private const int MaxClasses = 1000;

    /// <summary>Returns the numbers from 0 on in an order that the seed decides (Fisher and Yates' shuffle).</summary>
    public static int[] Order(int count, int seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        new Random(seed).Shuffle(order);
        return order;
    }

    /// <summary>
    /// Returns a share of each class tests, so that a class of two or more samples is in both parts; of values, a share
    /// of all.
    /// </summary>
    /// <param name="labels">The classes.</param>
    /// <param name="share">The share that tests.</param>
    /// <param name="seed">What the choice depends on.</param>
    /// <exception cref="EngineException">The share is none.</exception>
    public static (int[] Train, int[] Test) Stratified(Column labels, double share, int seed)
    {
        ArgumentNullException.ThrowIfNull(labels);
        int[] order = Order(labels.Count, seed);
        IGrouping<string?, int>[] classes = [.. order.GroupBy(labels.Text)];
        if (labels is NumberColumn && classes.Length > Math.Min(MaxClasses, labels.Count / 2))
        {
            return At(order, share);
        }

        // In the shuffled order, from which each class gives its first ones.
        var tests = new bool[labels.Count];
        double owed = 0;
        foreach (IGrouping<string?, int> one in classes)
        {
            int[] rows = [.. one];
            owed += Checked(share) * rows.Length;
            int count = Math.Min(Math.Max((int)Math.Round(owed), rows.Length > 1 ? 1 : 0), Math.Max(rows.Length - 1, 0));
            owed -= count;
            Array.ForEach(rows[..count], row => tests[row] = true);
        }

        return ([.. order.Where(row => !tests[row])], [.. order.Where(row => tests[row])]);
    }

    /// <summary>Returns all samples of a group, of one patient say, are in one part.</summary>
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

    /// <summary>Returns the latest samples test; all come in the order of time.</summary>
    /// <param name="times">When each sample was: numbers, or texts that sort as times do (2026-11-29).</param>
    /// <param name="share">The share that tests.</param>
    public static (int[] Train, int[] Test) ByTime(Column times, double share)
    {
        ArgumentNullException.ThrowIfNull(times);
        IEnumerable<int> rows = Enumerable.Range(0, times.Count);
        int[] order = times is NumberColumn numbers
            ? [.. rows.OrderBy(row => numbers.Values[row])]
            : [.. rows.OrderBy(times.Text, StringComparer.Ordinal)];
        Array.Reverse(order);
        (int[] train, int[] test) = At(order, share);
        return ([.. train.Reverse()], [.. test.Reverse()]);
    }

    /// <summary>The first ones of an order test.</summary>
    private static (int[] Train, int[] Test) At(int[] order, double share)
    {
        int test = (int)Math.Round(Checked(share) * order.Length);
        return (order[test..], order[..test]);
    }

    private static double Checked(double share) => share is >= 0 and <= 0.9 ? share : throw new EngineException(
        FormattableString.Invariant($"The share of the samples that tests is from 0 to 0.9, not {share}."));
}
