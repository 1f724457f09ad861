namespace Engine.Training;

/// <summary>Contains the parts of the loss besides the objective.</summary>
public sealed partial class NeuralNet
{
    /// <summary>
    /// Gets or sets the factor of Σ |w| over the weights, which is added to the training loss. A layer's own
    /// <see cref="Layers.Layer.L1"/> has priority. Biases and BatchNorm's beta are excluded, and the validation loss
    /// has no such term.
    /// </summary>
    public double L1 { get; init; }

    /// <summary>
    /// Gets or sets the factor of Σ w² over the weights (not of ½ Σ w²), which is added to the training loss. A layer's
    /// own <see cref="Layers.Layer.L2"/> has priority. Biases and BatchNorm's beta are excluded, and the validation
    /// loss has no such term.
    /// </summary>
    public double L2 { get; init; }

    /// <summary>
    /// Gets or sets the loss of each output, and its weight, by the output's name, for a network with several outputs.
    /// An output without an entry follows <see cref="Regression"/> and <see cref="Objective"/>.
    /// </summary>
    public IReadOnlyDictionary<string, OutputLoss> Losses { get; init; } = new Dictionary<string, OutputLoss>();

    /// <summary>
    /// Gets or sets the weight of each class in training, in the order of the labels; null for equal weights. If
    /// samples have weights, too, the two are multiplied. <see cref="Training.ClassWeights.Balanced"/> computes class
    /// weights from labels. If there are several outputs, the weights are for the classes of the first.
    /// </summary>
    public IReadOnlyList<double>? ClassWeights { get; set; }

    /// <summary>
    /// Trains for <see cref="MaxEpochs"/> epochs on weighted samples: a batch's loss is Σ w · l / Σ w over its samples.
    /// A weight of 2 has the effect of two equal samples, a weight of 0 the effect of none. Only the ratios of the
    /// weights count. Validation ignores them.
    /// </summary>
    /// <param name="x">The samples, (n, …) as the Input layer says.</param>
    /// <param name="y">The labels, int32 (n), from 0 on; in regression the values, of the output's shape.</param>
    /// <param name="sampleWeights">The weight of each sample, (n), at least 0.</param>
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

    /// <summary>Trains for one epoch on weighted samples.</summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, Tensor, CancellationToken)"/>
    public NeuralNet PartialFit(
        Tensors x, Tensors y, Tensor sampleWeights, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampleWeights);
        return Train(x, y, sampleWeights, 1, cancellationToken);
    }

    /// <summary>Checks the samples and brings them to the network's types.</summary>
    private SampleSet Checked(Tensors x, Tensors y, Tensor? sampleWeights) =>
        SampleSet.Of(x, y, sampleWeights, ClassWeights, Initialized);
}
