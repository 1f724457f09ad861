namespace Engine.Data;

/// <summary>Takes a part of each class for the test, or, for values, a part of all samples.</summary>
/// <param name="Share">The part for the test, from 0 to 0.9.</param>
/// <param name="Seed">The seed of the choice.</param>
public sealed record StratifiedSplit(double Share = 0.2, int Seed = 1) : IDataSplit
{
    /// <inheritdoc/>
    public (int[] Train, int[] Test) Split(Table samples, string target)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return DataSplit.Stratified(samples[target], Share, Seed);
    }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(StratifiedSplit), PrintMembers);
}

/// <summary>Keeps all samples of a group, such as one patient, in the same part.</summary>
/// <param name="Column">The column of the groups.</param>
/// <param name="Share">The part for the test, from 0 to 0.9.</param>
/// <param name="Seed">The seed of the choice.</param>
public sealed record GroupedSplit(string Column, double Share = 0.2, int Seed = 1) : IDataSplit
{
    /// <inheritdoc/>
    public (int[] Train, int[] Test) Split(Table samples, string target)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return DataSplit.Grouped(samples[Column], Share, Seed);
    }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(GroupedSplit), PrintMembers);
}

/// <summary>Takes the latest samples for the test.</summary>
/// <param name="Column">The column of the times.</param>
/// <param name="Share">The part for the test, from 0 to 0.9.</param>
public sealed record TimeSplit(string Column, double Share = 0.2) : IDataSplit
{
    /// <inheritdoc/>
    public (int[] Train, int[] Test) Split(Table samples, string target)
    {
        ArgumentNullException.ThrowIfNull(samples);
        return DataSplit.ByTime(samples[Column], Share);
    }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(TimeSplit), PrintMembers);
}
