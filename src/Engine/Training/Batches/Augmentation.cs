using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Changes each batch of samples before the network sees it. An augmentation is part of the graph, so it runs on the
/// device without the host (<see cref="BatchIterator.Augmentation"/>). To write your own, derive a record that builds
/// ops.
/// </summary>
public abstract record Augmentation
{
    /// <summary>
    /// Gets whether it draws random numbers. A random augmentation is for training only; the others belong to training,
    /// validation and prediction alike.
    /// </summary>
    public abstract bool IsRandom { get; }

    /// <summary>Builds the ops that change a batch.</summary>
    /// <param name="samples">The batch, (n, …) as the Input layer says; n is unknown.</param>
    /// <param name="random">
    /// The source of random numbers. They differ for each batch, and are the same for the same seed on every device and
    /// with any number of threads.
    /// </param>
    /// <returns>The batch for the network, of the same type.</returns>
    /// <exception cref="EngineException">The augmentation is not for samples of this kind.</exception>
    public abstract Variable Build(Variable samples, RandomStream random);

    /// <summary>Returns a uniform random number, 0 ≤ u &lt; 1, for each sample: (n).</summary>
    protected static Variable Uniform(Variable samples, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(random);

        // Only the shape of the sum is used, so the sum itself is never computed.
        return random.Uniform(Symbolic.Sum(samples, [.. Enumerable.Range(1, samples.Rank - 1)]));
    }

    /// <summary>Refuses samples that are not images.</summary>
    /// <exception cref="EngineException">They are not (n, channels, height, width) or not floating point.</exception>
    protected void RequireImages(Variable samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Rank != 4 || !samples.DType.IsFloat())
        {
            throw new EngineException(
                $"{GetType().Name} takes images in floating point, (n, channels, height, width), "
                + $"and the Input layer takes {samples.Type}.");
        }
    }

    /// <summary>Returns the augmented batch, to which the network is applied.</summary>
    internal static Variable Apply(IReadOnlyList<Augmentation> augmentation, Variable batch, RandomStream random)
    {
        // Each function counts from the first draw, so a function that is built again draws the same numbers.
        var draws = new RandomStream(random.State);
        foreach (Augmentation each in augmentation)
        {
            // Tables and messages show the augmentation's name for its ops, as they show a layer's.
            using Origin.Scope scope = Origin.Use(Origin.Current with { Layer = each.GetType().Name });
            Variable result = each.Build(batch, draws);
            batch = result.DType == batch.DType && batch.Shape.Admits(result.Shape)
                ? result
                : throw new EngineException(
                    $"{each.GetType().Name} makes {result.Type} of {batch.Type}: "
                    + "the network takes what it took before.");
        }

        return batch;
    }
}
