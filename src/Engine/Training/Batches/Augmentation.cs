using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Represents something done to each batch of samples before the network sees it, as a part of the graph: it runs on
/// the device, with no host in between (<see cref="BatchIterator.Augmentation"/>). One of one's own is a record that
/// builds ops.
/// </summary>
public abstract record Augmentation
{
    /// <summary>
    /// Gets whether it draws random numbers. Such are for training alone; the others belong to training, validation and
    /// prediction alike.
    /// </summary>
    public abstract bool IsRandom { get; }

    /// <summary>Returns the ops on a batch.</summary>
    /// <param name="samples">The batch, (n, …) as the Input layer says, n being unknown.</param>
    /// <param name="random">
    /// Where random numbers come from: others with each batch, the same for the same seed, on every device and whatever
    /// the number of threads.
    /// </param>
    /// <returns>The batch for the network, of the same type.</returns>
    /// <exception cref="EngineException">The samples are not of the kind that it is for.</exception>
    public abstract Variable Build(Variable samples, RandomStream random);

    /// <summary>Returns a number for each sample, spread evenly over 0 ≤ u &lt; 1: (n).</summary>
    protected static Variable Uniform(Variable samples, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(random);

        // Of the sum nothing but the shape is wanted, and nothing else is computed.
        return random.Uniform(Symbolic.Sum(samples, [.. Enumerable.Range(1, samples.Rank - 1)]));
    }

    /// <summary>Refuses samples that are no images.</summary>
    /// <exception cref="EngineException">They are not (n, channels, height, width) or not floating point.</exception>
    protected void RequireImages(Variable samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.Rank != 4 || !samples.DType.IsFloat())
        {
            throw new EngineException(
                $"{GetType().Name} takes images in floating point, (n, channels, height, width), and the Input layer takes "
                + $"{samples.Type}.");
        }
    }

    /// <summary>What a network is applied to where it is handed a batch.</summary>
    internal static Variable Apply(IReadOnlyList<Augmentation> augmentation, Variable batch, RandomStream random)
    {
        // Counted from the first draw, whichever function it is built for, so that one built again draws the same.
        var draws = new RandomStream(random.State);
        foreach (Augmentation each in augmentation)
        {
            // Tables and messages call its ops by its name, as they do a layer's.
            using Origin.Scope scope = Origin.Use(Origin.Current with { Layer = each.GetType().Name });
            Variable result = each.Build(batch, draws);
            batch = result.DType == batch.DType && batch.Shape.Admits(result.Shape)
                ? result
                : throw new EngineException(
                    $"{each.GetType().Name} makes {result.Type} of {batch.Type}: the network takes what it took before.");
        }

        return batch;
    }
}
