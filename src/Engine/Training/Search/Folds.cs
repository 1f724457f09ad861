using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Splits samples into parts of nearly equal size. Each part is held out once while the others train. Samples go to the
/// parts in turn, class by class if stratified. The parts differ by at most one sample, in total and in each class.
/// </summary>
/// <param name="Count">The number of parts.</param>
/// <param name="Stratify">Whether each class is split separately.</param>
/// <param name="Seed">The seed of the order in which samples go to the parts; null for the order of the data.</param>
public sealed record Folds(int Count = 5, bool Stratify = true, ulong? Seed = null)
{
    /// <summary>Splits samples.</summary>
    /// <param name="count">The number of samples.</param>
    /// <param name="labels">Their classes; null for regression, which is never stratified.</param>
    /// <returns>
    /// For each part, the indices of the training samples and of the held-out samples, each in ascending order.
    /// </returns>
    /// <exception cref="EngineException">There are fewer than 2 parts, or fewer samples than parts.</exception>
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
