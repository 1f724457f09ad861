namespace Engine.Training;

/// <summary>
/// Splits samples into training and validation. Let k be the inverse of <paramref name="EvalSize"/>, rounded. The first
/// n/k samples of each class (rounded up, in the order of the data) are for validation; without classes or
/// stratification, the first n/k of all. The others are for training. A class with one sample is for training only.
/// Nothing is random.
/// </summary>
/// <param name="EvalSize">The part for validation; 0 for none, which leaves the validation figures nan.</param>
/// <param name="Stratify">Whether each class is split separately.</param>
public sealed record TrainSplit(double EvalSize = 0.2, bool Stratify = true)
{
    /// <summary>
    /// Gets or sets the number of samples at the end of the data that validate instead, because the data say so.
    /// </summary>
    internal int Last { get; init; }

    /// <summary>Splits samples.</summary>
    /// <param name="count">The number of samples.</param>
    /// <param name="labels">Their classes; null for regression, which is never stratified.</param>
    /// <returns>The indices of the training samples and of the validation samples, each in ascending order.</returns>
    /// <exception cref="EngineException">The part is not from 0 to 0.5.</exception>
    public (int[] Train, int[] Validation) Split(int count, int[]? labels)
    {
        if (!(EvalSize is >= 0 and <= 0.5))
        {
            throw new EngineException(FormattableString.Invariant(
                $"The part of the samples that validates is from 0 to 0.5, not {EvalSize}."));
        }

        if (Last > 0)
        {
            return ([.. Enumerable.Range(0, count - Last)], [.. Enumerable.Range(count - Last, Last)]);
        }

        int folds = EvalSize == 0 ? int.MaxValue : (int)Math.Round(1 / EvalSize, MidpointRounding.ToEven);
        var validates = new bool[count];
        if (EvalSize > 0)
        {
            var left = new Dictionary<int, int>();
            int[] classes = Stratify && labels is not null ? labels : new int[count];
            foreach ((int label, int samples) in classes.CountBy(label => label))
            {
                left[label] = Math.Min((samples + folds - 1) / folds, samples - 1);
            }

            for (int i = 0; i < count; i++)
            {
                validates[i] = left[classes[i]]-- > 0;
            }
        }

        int[] all = [.. Enumerable.Range(0, count)];
        return ([.. all.Where(i => !validates[i])], [.. all.Where(i => validates[i])]);
    }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(TrainSplit), PrintMembers);
}
