using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    private static BatchIterator NotRandom(BatchIterator iterator)
    {
        ArgumentNullException.ThrowIfNull(iterator);
        return iterator.Augmentation.FirstOrDefault(each => each.IsRandom) is not { } random
            ? iterator
            : throw new EngineException(
                $"{random.GetType().Name} is random, and BatchIteratorTest is for validation and prediction, "
                + "where the same samples give the same results: put it into BatchIteratorTrain alone.");
    }

    /// <summary>Refuses to train if training and prediction normalize samples differently.</summary>
    private void RequireSameNormalization()
    {
        Augmentation[] training = [.. BatchIteratorTrain.Augmentation.Where(each => !each.IsRandom)];
        if (!training.SequenceEqual(BatchIteratorTest.Augmentation))
        {
            throw new EngineException(
                $"BatchIteratorTrain has {List(training)} and "
                + $"BatchIteratorTest {List(BatchIteratorTest.Augmentation)}: what "
                + "is not random belongs to both, in the same order, or the network predicts of other samples than it "
                + "learned from.");
        }

        static string List(IReadOnlyCollection<Augmentation> augmentation) =>
            augmentation.Count == 0 ? "nothing" : string.Join(", ", augmentation);
    }

    /// <summary>
    /// Returns the outputs for prediction, with augmentation, and the raw samples that they depend on.
    /// </summary>
    private (IReadOnlyList<Graph.Input> Inputs, IReadOnlyList<Variable> Outputs) InUse(
        IEnumerable<Variable> outputs, BatchIterator iterator)
    {
        IReadOnlyList<Graph.Input> inputs = Initialized.Network.Inputs;

        // Some layers return int32 samples unchanged.
        Variable[] floating = [.. outputs.Select(output => Symbolic.Cast(output, FloatX))];
        if (iterator.Augmentation.Count == 0)
        {
            return (inputs, floating);
        }

        var samples = new Graph.Input(inputs[0].Type, inputs[0].Name);
        Variable augmented = Augmentation.Apply(iterator.Augmentation, samples, Initialized.Random);
        return (
            [samples, .. inputs.Skip(1)],
            Traversal.Replace(floating, new Dictionary<Variable, Variable> { [inputs[0]] = augmented }));
    }
}
