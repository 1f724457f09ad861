using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>A layer of a network, as tables show it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its type: <c>Dense</c>.</param>
/// <param name="OutputShape">The sides of its output; the first, the number of samples, is unknown.</param>
public sealed record LayerSummary(string Name, string Kind, Shape OutputShape);

/// <summary>
/// A network that learns: layers, how they are trained, and what came of it. After
/// <see cref="Fit(Tensor, Tensor, CancellationToken)"/> it predicts; fitted again, it goes on where it was. One thread
/// at a time may use it.
/// </summary>
public sealed partial class NeuralNet : IDisposable
{
    private readonly (string? Name, Layer Layer)[] _layers;
    private readonly Dictionary<(string Layer, IReadOnlyList<Augmentation>), Function> _outputs = [];
    private readonly List<EpochRecord> _history = [];
    private Model? _model;
    private Pass? _training;
    private Pass? _validation;
    private bool _isStopping;

    /// <summary>
    /// A network of these layers, the first an <see cref="Layers.Input"/>, each applied to the one before.
    /// </summary>
    public NeuralNet(params ReadOnlySpan<Layer> layers)
    {
        _layers = new (string?, Layer)[layers.Length];
        for (int i = 0; i < layers.Length; i++)
        {
            _layers[i] = (null, layers[i] ?? throw new ArgumentNullException(nameof(layers)));
        }
    }

    /// <summary>
    /// A network of these layers by name: <c>("input", new Input(1024)), ("hidden", new Dense(100))</c>.
    /// </summary>
    public NeuralNet(params ReadOnlySpan<(string Name, Layer Layer)> layers)
    {
        _layers = new (string?, Layer)[layers.Length];
        for (int i = 0; i < layers.Length; i++)
        {
            _layers[i] = (layers[i].Name, layers[i].Layer ?? throw new ArgumentNullException(nameof(layers)));
        }
    }

    /// <summary>How parameters follow their gradients.</summary>
    public UpdateRule Update { get; init; } = new NesterovMomentum(learningRate: 0.01f, momentum: 0.9f);

    /// <summary>Whether values are learnt, by squared error, and not classes, by cross-entropy.</summary>
    public bool Regression { get; init; }

    /// <summary>
    /// The loss of each sample, given the network's output and the targets; its mean is what training makes smaller.
    /// Null for cross-entropy, or in regression squared error.
    /// </summary>
    public Func<Variable, Variable, Variable>? Objective { get; init; }

    /// <summary>What first values, dropout and shuffling are functions of: the same seed gives the same bits.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Where the network runs; null for <see cref="Device.Default"/> at the time of <see cref="Initialize"/>.
    /// </summary>
    public Device? Device { get; init; }

    /// <summary>The floating-point type of parameters and outputs.</summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>How many epochs a call of <see cref="Fit(Tensor, Tensor, CancellationToken)"/> trains.</summary>
    public int MaxEpochs { get; set; } = 100;

    /// <summary>Which of the samples validate: a stratified fifth unless told otherwise.</summary>
    public TrainSplit TrainSplit { get; set; } = new();

    /// <summary>
    /// How the samples come in training: batches of 128 in the order of the data unless told otherwise.
    /// </summary>
    public BatchIterator BatchIteratorTrain { get; set; } = new();

    /// <summary>How the samples come in validation and prediction: batches of 128 unless told otherwise.</summary>
    /// <exception cref="EngineException">Its augmentation is random.</exception>
    public BatchIterator BatchIteratorTest { get; set => field = NotRandom(value); } = new();

    /// <summary>Scores to take on the validation samples after each epoch.</summary>
    public IList<CustomScore> CustomScores { get; init; } = [];

    /// <summary>What is told of the training.</summary>
    public IList<Callback> Callbacks { get; init; } = [];

    /// <summary>1 to print the layers before the training and a line an epoch, 0 for silence.</summary>
    public int Verbose { get; set; }

    /// <summary>Where <see cref="Verbose"/> prints to; null for the console.</summary>
    public TextWriter? Output { get; set; }

    /// <summary>Stands behind each epoch's row of the table: what must be known of its figures, such as made-up data.</summary>
    public string? RowNote { get; init; }

    /// <summary>
    /// Whether the best losses so far are printed in colour; null for where it is a terminal and <c>NO_COLOR</c> is not
    /// set.
    /// </summary>
    public bool? HasColours { get; set; }

    /// <summary>A record of each epoch so far.</summary>
    public IReadOnlyList<EpochRecord> TrainHistory => _history;

    /// <summary>Whether the parameters have values.</summary>
    public bool IsInitialized => _model is not null;

    /// <summary>The layers with their names and the shapes of their outputs.</summary>
    public IReadOnlyList<LayerSummary> Layers => [.. Initialized.Network.Layers
        .Select(layer => new LayerSummary(layer.Name, layer.Layer.Kind, layer.Output.Shape))];

    /// <summary>How many numbers are learnt.</summary>
    public long LearnableParameters => Initialized.Network.LearnableCount;

    /// <summary>
    /// The settings of the update rule by name (<c>learning_rate</c>, <c>momentum</c>): set them between epochs.
    /// </summary>
    public IReadOnlyDictionary<string, SharedVariable> UpdateSettings => Initialized.Rule.Settings;

    /// <summary>The learning rate that the next batch is trained with.</summary>
    public double LearningRate
    {
        get => NdArray.From(Initialized.Rule.LearningRate.GetValue()).Data[0];
        set => Initialized.Rule.LearningRate.SetValue(Tensor.Scalar(value).Cast(FloatX));
    }

    /// <summary>The layers as they are put together.</summary>
    internal Network Network => Initialized.Network;

    /// <summary>Where the network runs, once it is initialised.</summary>
    internal Device RunsOn => _device!;

    private Model Initialized => _model ?? throw new EngineException(
        "The network has no parameters yet: call Fit, Initialize or SetParameters first.");

    /// <summary>
    /// Checks the layers against each other and draws the parameters' first values. Done once; Fit does it too.
    /// </summary>
    /// <exception cref="EngineException">The layers do not fit each other: the message names the layer and its
    /// line.</exception>
    public void Initialize()
    {
        if (_model is null)
        {
            if (!FloatX.IsFloat())
            {
                throw new EngineException($"FloatX is float32 or float64, not {FloatX.Name()}.");
            }

            _model = new Model(this, new Network(_layers, FloatX, Seed));
            _device = Device ?? Device.Default;
        }
    }

    /// <summary>
    /// Trains for <see cref="MaxEpochs"/> epochs. When cancelled, training ends after the batch that runs, at most some
    /// dozen batches later; the network keeps what it has learnt, and nothing is thrown.
    /// </summary>
    /// <param name="x">
    /// The samples, (n, …) as the Input layer says: float32 or float64, finite; or of the Input layer's own dtype.
    /// </param>
    /// <param name="y">The labels, int32 (n), from 0 on; in regression the values, of the output's shape.</param>
    /// <param name="cancellationToken">Ends the training.</param>
    /// <returns>The network itself.</returns>
    /// <exception cref="EngineException">The samples or the labels do not fit the network.</exception>
    public NeuralNet Fit(Tensor x, Tensor y, CancellationToken cancellationToken = default) =>
        Train(x, y, sampleWeights: null, MaxEpochs, cancellationToken);

    /// <inheritdoc cref="Fit(Tensor, Tensor, CancellationToken)"/>
    public NeuralNet Fit(Tensor x, int[] y, CancellationToken cancellationToken = default) =>
        Fit(x, Tensor.From(y), cancellationToken);

    /// <summary>Trains for one epoch.</summary>
    /// <inheritdoc cref="Fit(Tensor, Tensor, CancellationToken)"/>
    public NeuralNet PartialFit(Tensor x, Tensor y, CancellationToken cancellationToken = default) =>
        Train(x, y, sampleWeights: null, 1, cancellationToken);

    /// <summary>Trains for one epoch.</summary>
    /// <inheritdoc cref="Fit(Tensor, Tensor, CancellationToken)"/>
    public NeuralNet PartialFit(Tensor x, int[] y, CancellationToken cancellationToken = default) =>
        PartialFit(x, Tensor.From(y), cancellationToken);

    /// <summary>
    /// Compiles what <see cref="Fit(Tensor, Tensor, CancellationToken)"/> does with each full batch of such training
    /// samples, none of them set apart for validation, without running it.
    /// </summary>
    /// <inheritdoc cref="Fit(Tensor, Tensor, CancellationToken)"/>
    public TrainingStep CompileStep(Tensor x, Tensor y)
    {
        Initialize();
        return new TrainingStep(this, Initialized, Checked(x, y, sampleWeights: null), _device!);
    }

    /// <summary>Has the training end after this batch or epoch. For callbacks.</summary>
    public void StopTraining() => _isStopping = true;

    /// <summary>The classes of samples, int32 (n); in regression their values.</summary>
    /// <exception cref="EngineException">The samples do not fit, or the network has no parameters yet.</exception>
    public Tensor Predict(Tensor x)
    {
        Tensor output = PredictProba(x);
        return Regression ? output : ArgMax(output);
    }

    /// <summary>The network's output for samples: the probability of each class, (n, classes).</summary>
    /// <inheritdoc cref="Predict"/>
    public Tensor PredictProba(Tensor x) => GetOutput(Initialized.Network.Layers[^1].Name, x);

    /// <summary>What a layer, by name, makes of samples.</summary>
    /// <exception cref="EngineException">There is no such layer, the samples do not fit, or there are no parameters
    /// yet.</exception>
    public Tensor GetOutput(string layer, Tensor x)
    {
        Network network = Initialized.Network;
        NetworkLayer found = network.Layers.FirstOrDefault(known => known.Name == layer) ?? throw new EngineException(
            $"There is no layer '{layer}' but {string.Join(", ", network.Layers.Select(known => $"'{known.Name}'"))}.");
        Tensor samples = Samples.Inputs(x, network.Input);
        if (!_outputs.TryGetValue((layer, BatchIteratorTest.Augmentation), out Function? function))
        {
            (Graph.Input input, Variable inUse) = InUse(found.Output);
            function = Function.Compile([input], [inUse], device: _device);
            _outputs.Add((layer, BatchIteratorTest.Augmentation), function);
        }

        int count = samples.Shape[0], batchSize = BatchIteratorTest.BatchSize;
        var output = new Tensor(FloatX, found.Output.Shape.With(0, count));
        int row = found.Output.Shape.Product(1, found.Output.Rank);
        for (int start = 0; start < count; start += batchSize)
        {
            var batch = new Batch(samples.Rows(start, Math.Min(batchSize, count - start)), null, new Random(0));
            Tensor rows = (BatchIteratorTest.Transform?.Invoke(batch) ?? batch).X;
            if (rows.Shape.Rank == 0 || rows.Shape[0] != batch.X.Shape[0])
            {
                throw new EngineException(
                    $"The transform of BatchIteratorTest made {rows} of {batch.X}: prediction needs one row a sample.");
            }

            function.Run(rows);
            int at = start * row, length = rows.Shape[0] * row;
            if (FloatX == DType.Float32)
            {
                function.ReadOutput(0, output.AsSpan<float>().Slice(at, length));
            }
            else
            {
                function.ReadOutput(0, output.AsSpan<double>().Slice(at, length));
            }
        }

        return output;
    }

    /// <summary>
    /// The part of the samples whose class is predicted; in regression the coefficient of determination, R²
    /// (1 for a perfect prediction, 0 for one no better than the mean).
    /// </summary>
    /// <exception cref="EngineException">The samples or labels do not fit, or the network has no parameters
    /// yet.</exception>
    public float Score(Tensor x, Tensor y)
    {
        Model model = Initialized;
        Tensor samples = Samples.Inputs(x, model.Network.Input);
        Tensor targets = Samples.Targets(y, samples.Shape[0], model, Regression);
        Tensor predicted = Predict(samples);
        return Regression
            ? Determination(NdArray.From(predicted), NdArray.From(targets))
            : Accuracy(predicted.AsSpan<int>(), targets.AsSpan<int>());
    }

    /// <inheritdoc cref="Score(Tensor, Tensor)"/>
    public float Score(Tensor x, int[] y) => Score(x, Tensor.From(y));

    /// <summary>Frees the memory on the device.</summary>
    public void Dispose()
    {
        _training?.Dispose();
        _validation?.Dispose();
        foreach (Function function in _outputs.Values)
        {
            function.Dispose();
        }

        _outputs.Clear();
        _model?.Dispose();
    }

    private static Tensor ArgMax(Tensor output)
    {
        NdArray values = NdArray.From(output);
        var classes = new int[values.Shape[0]];
        int width = values.Shape[1];
        for (int i = 0; i < classes.Length; i++)
        {
            ReadOnlySpan<double> row = values.Data.AsSpan(i * width, width);
            for (int j = 1; j < width; j++)
            {
                classes[i] = row[j] > row[classes[i]] ? j : classes[i];
            }
        }

        return Tensor.From(classes);
    }

    private static float Accuracy(ReadOnlySpan<int> predicted, ReadOnlySpan<int> labels)
    {
        int correct = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            correct += predicted[i] == labels[i] ? 1 : 0;
        }

        return (float)correct / labels.Length;
    }

    /// <summary>1 − Σ (y − p)² / Σ (y − ȳ)², ȳ being the mean of each output over the samples.</summary>
    private static float Determination(NdArray predicted, NdArray values)
    {
        int samples = values.Shape[0], outputs = values.Data.Length / samples;
        double residual = 0, total = 0;
        for (int output = 0; output < outputs; output++)
        {
            double mean = Enumerable.Range(0, samples).Average(i => values.Data[(i * outputs) + output]);
            for (int i = output; i < values.Data.Length; i += outputs)
            {
                residual += Math.Pow(values.Data[i] - predicted.Data[i], 2);
                total += Math.Pow(values.Data[i] - mean, 2);
            }
        }

        return (float)(1 - (residual / total));
    }
}
