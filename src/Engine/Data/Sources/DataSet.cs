namespace Engine.Data;

/// <summary>Samples to learn from, and those to test with if the source tells them apart.</summary>
/// <param name="Name">What the data are called: the name of the folder or file.</param>
/// <param name="Train">The samples to learn from.</param>
/// <param name="Target">The column that is to be predicted.</param>
public sealed record DataSet(string Name, Table Train, string Target)
{
    /// <summary>Gets or sets the samples to test with; null if the source has no such part.</summary>
    public Table? Test { get; init; }

    /// <summary>Gets or sets what was found and done, a sentence each: for people.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Gets or sets what a user should look at before trusting any figure, a sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>
    /// With a test part: the source's own, else a share of the samples, of each class alike. The samples to train on come
    /// in an order that the seed decides.
    /// </summary>
    /// <param name="share">The share of the samples that tests, from 0 to 0.9.</param>
    /// <param name="seed">What the choice depends on.</param>
    public DataSet WithTest(double share = 0.2, int seed = 1)
    {
        if (Test is not null || share == 0)
        {
            return this with { Train = Train.Shuffled(seed) };
        }

        return WithTest(new StratifiedSplit(share, seed));
    }

    /// <summary>With a test part: the source's own, else the samples that a split takes.</summary>
    /// <param name="split">The split.</param>
    public DataSet WithTest(IDataSplit split)
    {
        ArgumentNullException.ThrowIfNull(split);
        if (Test is not null)
        {
            return this;
        }

        (int[] train, int[] test) = split.Split(Train, Target);
        // Where each sample is of another class there is none to test with.
        return this with { Train = Train.Rows(train), Test = test.Length > 0 ? Train.Rows(test) : null };
    }
}
