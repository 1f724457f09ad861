using Engine.Layers;

namespace Engine.Training;

/// <summary>Represents samples for training or validation that are already checked.</summary>
/// <param name="Xs">The samples, one per row, for each of the network's inputs.</param>
/// <param name="Ys">Their labels or values, for each of its outputs.</param>
/// <param name="Weights">The weight of each sample, in the network's dtype; null if all weights are equal.</param>
internal sealed record SampleSet(IReadOnlyList<Tensor> Xs, IReadOnlyList<Tensor> Ys, Tensor? Weights)
{
    /// <summary>Checks the samples and brings them to the network's types.</summary>
    /// <exception cref="EngineException">They do not fit the network.</exception>
    public static SampleSet Of(
        Tensors x, Tensors y, Tensor? weights, IReadOnlyList<double>? classWeights, TrainerGraph graph)
    {
        IReadOnlyList<Tensor> samples = Samples.Inputs(x, graph.Network.Inputs);
        IReadOnlyList<Tensor> targets = Samples.Targets(y, samples[0].Shape[0], graph.Heads);
        return new SampleSet(
            samples, targets, Samples.Weights(weights, classWeights, targets[0], graph.Head, graph.Network.FloatX));
    }

    /// <summary>Gets the samples of the first input.</summary>
    public Tensor X => Xs[0];

    /// <summary>Gets the labels or values of the first output.</summary>
    public Tensor Y => Ys[0];

    /// <summary>Gets the number of samples.</summary>
    public int Count => X.Shape[0];

    /// <summary>Returns the samples at these indices, by the names of the network's inputs.</summary>
    public Tensors NamedRows(int[] rows, Network network) => Tensors.Of(
        [.. network.Inputs.Select(input => input.Name!)], [.. Xs.Select(x => x.Rows(rows))]);

    /// <summary>Returns the samples at these indices, which are distinct and in ascending order.</summary>
    public SampleSet Rows(int[] rows) => rows.Length == Count ? this : new SampleSet(
        [.. Xs.Select(x => x.Rows(rows))], [.. Ys.Select(y => y.Rows(rows))], Weights?.Rows(rows));
}
