using System.Globalization;
using Engine.Graph;

namespace Engine.Training;

/// <summary>Represents a learning rate that was tried.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Loss">The loss of the batch before the step at this rate.</param>
/// <param name="Smoothed">
/// The average of the losses up to this one, with weights that fall by a factor of 0.9 per batch.
/// </param>
public readonly record struct TriedRate(double Rate, double Loss, double Smoothed)
{
    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(TriedRate), PrintMembers);
}

/// <summary>
/// Finds a learning rate for a network. It trains batches with a growing rate until the loss is several times the
/// lowest one (Smith: Cyclical learning rates for training neural networks. WACV 2017, section 3.3). It then restores
/// the parameters and the states of random numbers.
/// </summary>
public sealed class LearningRateFinder
{
    private const double Kept = 0.9, Enough = 4;

    private LearningRateFinder(IReadOnlyList<TriedRate> tried) => Tried = tried;

    /// <summary>Gets the learning rates that were tried, with their losses.</summary>
    public IReadOnlyList<TriedRate> Tried { get; }

    /// <summary>Gets a learning rate to begin with: a tenth of the rate with the lowest smoothed loss.</summary>
    public double Suggestion => Tried.MinBy(tried => tried.Smoothed).Rate / 10;

    /// <summary>Tries learning rates on a network.</summary>
    /// <param name="net">The network. Its update rule starts with fresh state, and is restored at the end.</param>
    /// <param name="x">The samples.</param>
    /// <param name="y">Their labels or values.</param>
    /// <param name="min">The first learning rate.</param>
    /// <param name="max">The last one.</param>
    /// <param name="steps">The number of rates. If there are fewer batches, they are used again.</param>
    /// <exception cref="EngineException">The samples do not fit, or there is nothing to try.</exception>
    public static LearningRateFinder Run(
        NeuralNet net, Tensors x, Tensors y, double min = 1e-6, double max = 1, int steps = 100)
    {
        ArgumentNullException.ThrowIfNull(net);
        if (!(min > 0 && max > min && steps > 1))
        {
            throw new EngineException(FormattableString.Invariant(
                $"Learning rates are tried in 2 steps or more from one above 0 to a greater one, not from {min} to {max} in {steps}."));
        }

        net.Initialize();
        using ChangeTurns.Scope change = net.Changing(nameof(LearningRateFinder), isTraining: true);
        IReadOnlyList<KeyValuePair<string, Tensor>> before = net.GetParameters();
        (SharedVariable State, Tensor Value)[] streams =
            [.. net.Network.Streams.Values.Select(stream => (stream.State, stream.State.GetValue()))];
        using var trainer = new Trainer(net.Network)
        {
            Update = net.Update,
            Regression = net.Regression,
            Objective = net.Objective,
            Losses = net.Losses,
            L1 = net.L1,
            L2 = net.L2,
            Precision = net.Precision,
            Augmentation = net.BatchIteratorTrain.Augmentation,
            ClassWeights = net.ClassWeights,
            Device = net.RunsOn,
        };
        var tried = new List<TriedRate>();
        double average = 0;
        try
        {
            foreach (Batch batch in Batches(net, x, y).Take(steps))
            {
                double rate = min * Math.Pow(max / min, (double)tried.Count / (steps - 1));
                trainer.LearningRate = rate;
                double loss = trainer.StepAnyway(batch);
                average = (Kept * average) + ((1 - Kept) * loss);
                double smoothed = average / (1 - Math.Pow(Kept, tried.Count + 1));
                if (!double.IsFinite(loss) || (tried.Count > 0 && smoothed > Enough * tried.Min(one => one.Smoothed)))
                {
                    break;
                }

                tried.Add(new TriedRate(rate, loss, smoothed));
            }
        }
        finally
        {
            net.SetParameters(before);
            Array.ForEach(streams, stream => stream.State.SetValue(stream.Value));
        }

        return tried.Count > 0 ? new LearningRateFinder(tried) : throw new EngineException(
            "The loss of the first batch is not finite: there is no learning rate to find.");
    }

    /// <summary>Returns a row for each learning rate: the rate, the smoothed loss, and a bar of its length.</summary>
    public override string ToString()
    {
        double top = Tried.Max(one => one.Smoothed);
        var table = new TextTable([">learning rate", ">loss", ""]);
        foreach (TriedRate one in Tried)
        {
            table.Add(
            [
                one.Rate.ToString("G3", CultureInfo.InvariantCulture),
                one.Smoothed.ToString("F4", CultureInfo.InvariantCulture),
                new string('#', (int)Math.Round(40 * Math.Max(one.Smoothed, 0) / Math.Max(top, double.Epsilon))),
            ]);
        }

        return $"{table}suggested: {Suggestion.ToString("G2", CultureInfo.InvariantCulture)}";
    }

    private static IEnumerable<Batch> Batches(NeuralNet net, Tensors x, Tensors y)
    {
        BatchIterator iterator = new(net.BatchIteratorTrain.BatchSize)
        {
            Shuffle = true,
            Transform = net.BatchIteratorTrain.Transform,
        };
        for (int epoch = 1; ; epoch++)
        {
            foreach (Batch batch in iterator.Over(x, y, epoch, net.Seed))
            {
                yield return batch;
            }
        }
    }
}
