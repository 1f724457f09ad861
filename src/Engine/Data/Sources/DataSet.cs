namespace Engine.Data;

/// <summary>Represents training samples, and validation and test samples if the source has them.</summary>
/// <param name="Name">The name of the data: the name of the folder or file.</param>
/// <param name="Train">The training samples.</param>
/// <param name="Target">The column to predict.</param>
public sealed record DataSet(string Name, Table Train, string Target)
{
    /// <summary>
    /// Gets or sets the samples that validate during the training; null if some of the training samples do.
    /// </summary>
    public Table? Validation { get; init; }

    /// <summary>Gets or sets the test samples; null if the source has none.</summary>
    public Table? Test { get; init; }

    /// <summary>Gets or sets notes for people on the data and their processing, one sentence each.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Gets or sets warnings that a user should check before trusting any figure, one sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>
    /// Returns the data set with a test part: the source's own, or else a stratified part of the samples. The seed sets
    /// the order of the training samples.
    /// </summary>
    /// <param name="share">The part of the samples for the test, from 0 to 0.9.</param>
    /// <param name="seed">The seed of the choice.</param>
    public DataSet WithTest(double share = 0.2, int seed = 1)
    {
        if (Test is not null || share == 0)
        {
            return this with { Train = Train.Shuffled(seed) };
        }

        return WithTest(new StratifiedSplit(share, seed));
    }

    /// <summary>
    /// Returns the data set with a test part: the source's own, or else the samples that a split takes.
    /// </summary>
    /// <param name="split">The split.</param>
    public DataSet WithTest(IDataSplit split)
    {
        ArgumentNullException.ThrowIfNull(split);
        if (Test is not null)
        {
            return this;
        }

        (int[] train, int[] test) = split.Split(Train, Target);
        // If each sample has its own class, there are no test samples.
        return this with { Train = Train.Rows(train), Test = test.Length > 0 ? Train.Rows(test) : null };
    }
}
