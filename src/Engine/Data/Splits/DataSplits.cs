namespace Engine.Data;

/// <summary>Represents a share of each class tests; of values, a share of all.</summary>
/// <param name="Share">The share that tests, from 0 to 0.9.</param>
/// <param name="Seed">What the choice depends on.</param>
public sealed record StratifiedSplit(double Share = 0.2, int Seed = 1) : IDataSplit
{
    /// <inheritdoc/>
    public (int[] Train, int[] Test) Split(Table samples, string target)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return DataSplit.Stratified(samples[target], Share, Seed);
    }

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(StratifiedSplit), PrintMembers);
}

/// <summary>Keeps all samples of a group, of one patient say, in one part.</summary>
/// <param name="Column">The column that says the group.</param>
/// <param name="Share">The share that tests, from 0 to 0.9.</param>
/// <param name="Seed">What the choice depends on.</param>
public sealed record GroupedSplit(string Column, double Share = 0.2, int Seed = 1) : IDataSplit
{
    /// <inheritdoc/>
    public (int[] Train, int[] Test) Split(Table samples, string target)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return DataSplit.Grouped(samples[Column], Share, Seed);
    }

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(GroupedSplit), PrintMembers);
}

/// <summary>Represents the latest samples test.</summary>
/// <param name="Column">The column that says when each was.</param>
/// <param name="Share">The share that tests, from 0 to 0.9.</param>
public sealed record TimeSplit(string Column, double Share = 0.2) : IDataSplit
{
    /// <inheritdoc/>
    public (int[] Train, int[] Test) Split(Table samples, string target)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return DataSplit.ByTime(samples[Column], Share);
    }

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(TimeSplit), PrintMembers);
}
