using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Parts of as equal size as can be, each of which is held out once while the others train. Samples are dealt to the
/// parts in turn, class by class where stratified: the parts differ by one sample at most, and so do they in each class.
/// </summary>
/// <param name="Count">How many parts.</param>
/// <param name="Stratify">Whether each class is dealt for itself.</param>
/// <param name="Seed">What the order in which they are dealt is a function of; null for the order of the data.</param>
public sealed record Folds(int Count = 5, bool Stratify = true, ulong? Seed = null)
{
    /// <summary>Splits samples.</summary>
    /// <param name="count">How many there are.</param>
    /// <param name="labels">Their classes; null for regression, which is never stratified.</param>
    /// <returns>
    /// For each part the indices of the samples that train and of those that are held out, each in ascending order.
    /// </returns>
    /// <exception cref="EngineException">There are less than 2 parts, or fewer samples than parts.</exception>
    public IReadOnlyList<(int[] Train, int[] Test)> Split(int count, int[]? labels)
    {
        if (Count < 2 || Count > count)
        {
            throw new EngineException(
                $"{count} samples cannot be split into {Count} folds: there must be 2 at least, and a sample in each.");
        }

        int[] order = Seed is { } seed
            ? Seeded.Permutation(Seeded.Key(seed, "folds"), count)
            : [.. Enumerable.Range(0, count)];
        if (Stratify && labels is not null)
        {
            order = [.. order.OrderBy(sample => labels[sample])];
        }

        int[] folds = new int[count];
        for (int i = 0; i < count; i++)
        {
            folds[order[i]] = i % Count;
        }

        int[] all = [.. Enumerable.Range(0, count)];
        return [.. Enumerable.Range(0, Count).Select(fold => (
            all.Where(sample => folds[sample] != fold).ToArray(),
            all.Where(sample => folds[sample] == fold).ToArray()))];
    }
}
