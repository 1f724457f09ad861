namespace Engine.Training;

/// <summary>Samples to learn from or to validate with, already checked.</summary>
/// <param name="X">The samples, one a row.</param>
/// <param name="Y">Their labels, or in regression values.</param>
/// <param name="Weights">How much each of them counts, of the network's dtype; null where all count alike.</param>
internal sealed record SampleSet(Tensor X, Tensor Y, Tensor? Weights)
{
    /// <summary>The number of samples.</summary>
    public int Count => X.Shape[0];

    /// <summary>Those at some places, each named once and in ascending order.</summary>
    public SampleSet Rows(int[] rows) =>
        rows.Length == Count ? this : new SampleSet(X.Rows(rows), Y.Rows(rows), Weights?.Rows(rows));
}
