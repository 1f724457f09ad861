using Engine.Layers;

namespace Engine.Training;

/// <summary>Samples to learn from or to validate with, already checked.</summary>
/// <param name="Xs">The samples, one a row, for each of the network's inputs.</param>
/// <param name="Ys">Their labels or values, for each of its outputs.</param>
/// <param name="Weights">How much each of them counts, of the network's dtype; null where all count alike.</param>
internal sealed record SampleSet(IReadOnlyList<Tensor> Xs, IReadOnlyList<Tensor> Ys, Tensor? Weights)
{
    /// <summary>Returns the samples as the network takes them.</summary>
    /// <exception cref="EngineException">They do not fit it.</exception>
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

    /// <summary>Returns the samples at some places, as a network with these inputs predicts of.</summary>
    public Tensors NamedRows(int[] rows, Network network) => Tensors.Of(
        [.. network.Inputs.Select(input => input.Name!)], [.. Xs.Select(x => x.Rows(rows))]);

    /// <summary>Returns those at some places, each named once and in ascending order.</summary>
    public SampleSet Rows(int[] rows) => rows.Length == Count ? this : new SampleSet(
        [.. Xs.Select(x => x.Rows(rows))], [.. Ys.Select(y => y.Rows(rows))], Weights?.Rows(rows));
}
