namespace Engine.Training;

/// <summary>Describes what the loss is made of, beside the objective.</summary>
public sealed partial class NeuralNet
{
    /// <summary>
    /// Gets or sets what Σ |w| over the weights is multiplied with and added to the training loss; a layer's own
    /// <see cref="Layers.Layer.L1"/> goes before it. Biases, and BatchNorm's beta, are left out; the validation loss
    /// has none of it.
    /// </summary>
    public double L1 { get; init; }

    /// <summary>
    /// Gets or sets what Σ w² over the weights is multiplied with, without a half, and added to the training loss; a
    /// layer's own <see cref="Layers.Layer.L2"/> goes before it. Biases, and BatchNorm's beta, are left out; the
    /// validation loss has none of it.
    /// </summary>
    public double L2 { get; init; }

    /// <summary>
    /// Gets or sets how outputs are compared with what they should be, by their names, where a network has several:
    /// with which loss, and how much that counts. An output without one is compared as the network's others,
    /// <see cref="Regression"/> and <see cref="Objective"/>, say.
    /// </summary>
    public IReadOnlyDictionary<string, OutputLoss> Losses { get; init; } = new Dictionary<string, OutputLoss>();

    /// <summary>
    /// Gets or sets how much the samples of each class count in training, in the order of the labels; null for all
    /// alike. Multiplied with the samples' own weights, if those are given.
    /// <see cref="Training.ClassWeights.Balanced"/> computes them from labels. Of several outputs the classes of the
    /// first are meant.
    /// </summary>
    public IReadOnlyList<double>? ClassWeights { get; set; }

    /// <summary>
    /// Trains for <see cref="MaxEpochs"/> epochs on samples that do not count alike: a batch's loss is Σ w · l / Σ w over
    /// its samples. A weight of 2 is a sample that is there twice, one of 0 none; all weights times a number are the
    /// same weights. Validation takes no notice of them.
    /// </summary>
    /// <param name="x">The samples, (n, …) as the Input layer says.</param>
    /// <param name="y">The labels, int32 (n), from 0 on; in regression the values, of the output's shape.</param>
    /// <param name="sampleWeights">How much each sample counts, (n), from 0 on.</param>
    /// <param name="cancellationToken">Ends the training.</param>
    /// <returns>The network itself.</returns>
    /// <exception cref="EngineException">The samples, labels or weights do not fit the network.</exception>
    public NeuralNet Fit(Tensors x, Tensors y, Tensor sampleWeights, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampleWeights);
        return Train(x, y, sampleWeights, MaxEpochs, cancellationToken);
    }

    /// <inheritdoc cref="Fit(Tensors, Tensors, Tensor, CancellationToken)"/>
    public NeuralNet Fit(Tensors x, int[] y, float[] sampleWeights, CancellationToken cancellationToken = default) =>
        Fit(x, Tensor.From(y), Tensor.From(sampleWeights), cancellationToken);

    /// <summary>Trains for one epoch on samples that do not count alike.</summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, Tensor, CancellationToken)"/>
    public NeuralNet PartialFit(Tensors x, Tensors y, Tensor sampleWeights, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampleWeights);
        return Train(x, y, sampleWeights, 1, cancellationToken);
    }

    /// <summary>The samples as the network takes them.</summary>
    private SampleSet Checked(Tensors x, Tensors y, Tensor? sampleWeights) =>
        SampleSet.Of(x, y, sampleWeights, ClassWeights, Initialized);
}
