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
/// <see cref="Fit(Tensor, Tensor, CancellationToken)"/> it predicts; fitted again, it goes on where it was.
/// </summary>
/// <remarks>
/// <para>
/// Any number of threads may use a network. What only reads it (Predict, PredictProba, GetOutput, Score, GetParameters,
/// ExportOnnx, and all of Engine.Inspection) runs beside its like, and each call sees the parameters of one moment.
/// </para>
/// <para>
/// What changes it takes turns. SetParameters and LoadState wait for what reads, and that for them. Fit and PartialFit
/// do so for each batch (on a GPU for each stretch of batches that is handed to it at once): another thread's prediction
/// comes between two batches and sees what the batches before it have left. One thread at a time trains a network. Where
/// another calls Fit, PartialFit, SetParameters, LoadState or SaveState meanwhile, an <see cref="EngineException"/> says at
/// once which thread is training. Callbacks, being part of the training, may call them all but Fit.
/// </para>
/// <para>
/// Dispose ends a training as a cancellation does and waits for it and for all that reads; what is called after it is
/// refused by an <see cref="ObjectDisposedException"/>. A Transform of <see cref="BatchIteratorTest"/> is called by all
/// threads that predict.
/// </para>
/// </remarks>
public sealed partial class NeuralNet : IDisposable
{
    private readonly (string? Name, Layer Layer)[] _layers;
    private readonly Dictionary<(Variable Output, IReadOnlyList<Augmentation>), Function> _outputs = [];
    private IReadOnlyList<EpochRecord> _history = [];
    private volatile Model? _model;
    private Pass? _training;
    private Pass? _validation;
    private volatile bool _isStopping;

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

    /// <summary>
    /// Whether values are learnt, by squared error, and not classes, by cross-entropy. A classifier ends with the
    /// probability of each class, <c>new Dense(10, Softmax)</c>, or of two classes with that of class 1, <c>new Dense(1,
    /// Sigmoid)</c>.
    /// </summary>
    public bool Regression { get; init; }

    /// <summary>
    /// The loss of each sample, given the network's output and the targets; its mean is what training makes smaller.
    /// Null for cross-entropy, or in regression squared error. Targets are the labels, int32 (n); in regression the values,
    /// and of a classifier with a single output 0 and 1, in the output's shape and dtype.
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

    /// <summary>A record of each epoch so far. The list is that of now; an epoch that ends later is in a new one.</summary>
    public IReadOnlyList<EpochRecord> TrainHistory => _history;

    /// <summary>Whether the parameters have values.</summary>
    public bool IsInitialized => _model is not null;

    /// <summary>The layers with their names and the shapes of their outputs.</summary>
    public IReadOnlyList<LayerSummary> Layers => [.. Initialized.Network.Layers
        .Select(layer => new LayerSummary(layer.Name, layer.Layer.Kind, layer.Output.Shape))];

    /// <summary>How many classes a classifier tells apart; 0 in regression.</summary>
    public int Classes => Initialized.Classes;

    /// <summary>How many numbers are learnt.</summary>
    public long LearnableParameters => Initialized.Network.LearnableCount;

    /// <summary>
    /// The settings of the update rule by name (<c>learning_rate</c>, <c>momentum</c>): set them between epochs.
    /// </summary>
    public IReadOnlyDictionary<string, SharedVariable> UpdateSettings => Initialized.Rule.Settings;

    /// <summary>The learning rate that the next batch is trained with.</summary>
    public double LearningRate
    {
        get
        {
            using Gate.Reading reading = Read();
            return NdArray.From(Initialized.Rule.LearningRate.GetValue()).Data[0];
        }

        set
        {
            ThrowIfDisposed();
            Initialized.Rule.LearningRate.SetValue(Tensor.Scalar(value).Cast(FloatX));
        }
    }

    /// <summary>The probability of each class, (n, classes); in regression the output.</summary>
    internal Variable Probabilities => Initialized.Probabilities;

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
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    public void Initialize()
    {
        ThrowIfDisposed();
        if (_model is not null)
        {
            return;
        }

        lock (_outputs)
        {
            if (_model is not null)
            {
                return;
            }

            if (!FloatX.IsFloat())
            {
                throw new EngineException($"FloatX is float32 or float64, not {FloatX.Name()}.");
            }

            _device = Device ?? Device.Default;
            _model = new Model(this, new Network(_layers, FloatX, Seed));
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
    /// <exception cref="EngineException">
    /// The samples or the labels do not fit the network, or its last layer is none of a classifier.
    /// </exception>
    /// <exception cref="DivergenceException">
    /// A loss is nan or infinite: the network is as it was before that epoch.
    /// </exception>
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
        using Gate.Reading reading = Read();
        return new TrainingStep(this, Initialized, Checked(x, y, sampleWeights: null), _device!);
    }

    /// <summary>Has the training end after this batch or epoch. For callbacks.</summary>
    public void StopTraining() => _isStopping = true;

    /// <summary>The classes of samples, int32 (n); in regression their values.</summary>
    /// <exception cref="EngineException">The samples do not fit, or the network has no parameters yet.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    public Tensor Predict(Tensor x)
    {
        Tensor output = PredictProba(x);
        return Regression ? output : ClassOutput.Of(output);
    }

    /// <summary>
    /// The probability of each class, (n, classes), also where two classes have a single output; in regression the
    /// network's output.
    /// </summary>
    /// <inheritdoc cref="Predict"/>
    public Tensor PredictProba(Tensor x)
    {
        using Gate.Reading reading = Read();
        return ValueOf(Initialized.Probabilities, x);
    }

    /// <summary>What a layer, by name, makes of samples.</summary>
    /// <exception cref="EngineException">There is no such layer, the samples do not fit, or there are no parameters
    /// yet.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    public Tensor GetOutput(string layer, Tensor x)
    {
        using Gate.Reading reading = Read();
        IReadOnlyList<NetworkLayer> layers = Initialized.Network.Layers;
        NetworkLayer found = layers.FirstOrDefault(known => known.Name == layer) ?? throw new EngineException(
            $"There is no layer '{layer}' but {string.Join(", ", layers.Select(known => $"'{known.Name}'"))}.");
        return ValueOf(found.Output, x);
    }

    /// <summary>What the network makes of samples, batch by batch.</summary>
    private Tensor ValueOf(Variable wanted, Tensor x)
    {
        BatchIterator iterator = BatchIteratorTest;
        Tensor samples = Samples.Inputs(x, Initialized.Network.Input);
        Function function = FunctionFor(wanted, iterator);
        int count = samples.Shape[0], batchSize = iterator.BatchSize;
        var output = new Tensor(FloatX, wanted.Shape.With(0, count));
        for (int start = 0; start < count; start += batchSize)
        {
            var batch = new Batch(samples.Rows(start, Math.Min(batchSize, count - start)), null, new Random(0));
            Tensor rows = (iterator.Transform?.Invoke(batch) ?? batch).X;
            if (rows.Shape.Rank == 0 || rows.Shape[0] != batch.X.Shape[0])
            {
                throw new EngineException(
                    $"The transform of BatchIteratorTest made {rows.TypeText} of {batch.X.TypeText}: prediction needs one row "
                    + "a sample.");
            }

            output.PutRows(start, function.Call(rows)[0]);
        }

        return output;
    }

    private Function FunctionFor(Variable wanted, BatchIterator iterator)
    {
        lock (_outputs)
        {
            if (!_outputs.TryGetValue((wanted, iterator.Augmentation), out Function? function))
            {
                (Graph.Input input, Variable inUse) = InUse(wanted, iterator);
                function = Function.Compile([input], [inUse], device: _device);
                _outputs.Add((wanted, iterator.Augmentation), function);
            }

            return function;
        }
    }

    /// <summary>
    /// The part of the samples whose class is predicted; in regression the coefficient of determination, R²
    /// (1 for a perfect prediction, 0 for one no better than the mean).
    /// </summary>
    /// <exception cref="EngineException">The samples or labels do not fit, or the network has no parameters
    /// yet.</exception>
    public float Score(Tensor x, Tensor y)
    {
        using Gate.Reading reading = Read();
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

    /// <summary>The layers with the shapes of their outputs, as <see cref="Verbose"/> prints them before a training.</summary>
    public override string ToString() => IsInitialized
        ? string.Join(Environment.NewLine, PrintedTables.Layers(this))
        : $"# Neural Network of the layers {LayerNames}; Fit or Initialize gives it parameters";

    private string LayerNames => string.Join(", ", _layers.Select(Network.NameOf));

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
