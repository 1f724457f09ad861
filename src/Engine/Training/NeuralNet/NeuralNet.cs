using System.Runtime.CompilerServices;
using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Represents a layer of a network, as tables show it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its type: <c>Dense</c>.</param>
/// <param name="OutputShape">The sides of its output; the first, the number of samples, is unknown.</param>
public sealed record LayerSummary(string Name, string Kind, Shape OutputShape)
{
    /// <summary>Gets or sets the names of the layers that it is applied to.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];
}

/// <summary>
/// Represents a network that learns: layers, how they are trained, and what came of it. After
/// <see cref="Fit(Tensors, Tensors, CancellationToken)"/> it predicts; fitted again, it goes on where it was.
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
    private readonly Func<Network> _make;
    private readonly Func<string> _layerNames;
    private readonly bool _ownsNetwork = true;
    private readonly Dictionary<(Variable Output, IReadOnlyList<Augmentation>), (Function Function, int[] Used)> _outputs = [];
    private IReadOnlyList<EpochRecord> _history = [];
    private Network? _network;
    private Trainer? _trainer;
    private volatile TrainerGraph? _graph;
    private Pass? _training;
    private Pass? _validation;
    private volatile bool _isStopping;

    /// <summary>
    /// Creates a network of these layers, the first an <see cref="Layers.Input"/>, each applied to the one before.
    /// </summary>
    [OverloadResolutionPriority(1)]
    public NeuralNet(params ReadOnlySpan<Layer> layers) =>
        (_make, _layerNames) = Chain([.. layers.ToArray().Select(layer => ((string?)null, layer))]);

    /// <summary>
    /// Creates a network of these layers by name: <c>("input", new Input(1024)), ("hidden", new Dense(100))</c>.
    /// </summary>
    public NeuralNet(params ReadOnlySpan<(string Name, Layer Layer)> layers) => (_make, _layerNames) = Chain(layers.ToArray()!);

    /// <summary>
    /// Creates a network of any shape: all that these outputs depend on, <c>new NeuralNet(new Dense(10,
    /// Softmax).On(sum))</c>. The first output is the one that <see cref="Predict(Tensors)"/> gives; how each is
    /// compared, <see cref="Losses"/> says.
    /// </summary>
    public NeuralNet(params ReadOnlySpan<Node> outputs)
    {
        Node[] nodes = [.. outputs.ToArray().Select(node => node ?? throw new ArgumentNullException(nameof(outputs)))];
        _make = () => new Network(nodes) { FloatX = FloatX, Seed = Seed };
        _layerNames = () => string.Join(", ", PlacedLayer.All(nodes).Places.Select(place => place.Name));
    }

    /// <summary>
    /// Creates a face for a network that is there already, whose parameters it uses and leaves behind when it is
    /// disposed of. Its seed and floating-point type are the network's.
    /// </summary>
    public NeuralNet(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        (FloatX, Seed, _ownsNetwork) = (network.FloatX, network.Seed, false);
        _make = () => network;
        _layerNames = () => string.Join(", ", network.Layers.Select(layer => layer.Name));
    }

    /// <summary>Gets or sets how parameters follow their gradients.</summary>
    public UpdateRule Update { get; init; } = new NesterovMomentum(learningRate: 0.01f, momentum: 0.9f);

    /// <summary>
    /// Gets or sets whether values are learned, by squared error, and not classes, by cross-entropy. A classifier ends
    /// with the probability of each class, <c>new Dense(10, Softmax)</c>, or of two classes with that of class 1,
    /// <c>new Dense(1, Sigmoid)</c>.
    /// </summary>
    public bool Regression { get; init; }

    /// <summary>
    /// Gets or sets the loss of each sample, given the network's output and the targets; its mean is what training
    /// makes smaller. Null for cross-entropy, or in regression squared error. Targets are the labels, int32 (n); in
    /// regression the values, and of a classifier with a single output 0 and 1, in the output's shape and dtype.
    /// </summary>
    public Func<Variable, Variable, Variable>? Objective { get; init; }

    /// <summary>
    /// Gets or sets what first values, dropout and shuffling are functions of: the same seed gives the same bits.
    /// </summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Gets or sets where the network runs; null for <see cref="Device.Default"/> at the time of
    /// <see cref="Initialize"/>.
    /// </summary>
    public Device? Device { get; init; }

    /// <summary>Gets or sets the floating-point type of parameters and outputs.</summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>Gets or sets how exactly training computes; in use a network computes in <see cref="FloatX"/>.</summary>
    public Precision Precision { get; init; }

    /// <summary>
    /// Gets or sets how many epochs a call of <see cref="Fit(Tensors, Tensors, CancellationToken)"/> trains.
    /// </summary>
    public int MaxEpochs { get; set; } = 100;

    /// <summary>Gets or sets which of the samples validate: a stratified fifth unless told otherwise.</summary>
    public TrainSplit TrainSplit { get; set; } = new();

    /// <summary>
    /// Gets or sets how the samples come in training: batches of 128 in the order of the data unless told otherwise.
    /// </summary>
    public BatchIterator BatchIteratorTrain { get; set; } = new();

    /// <summary>Gets how the samples come in validation and prediction: batches of 128 unless told otherwise.</summary>
    /// <exception cref="EngineException">Its augmentation is random.</exception>
    public BatchIterator BatchIteratorTest { get; set => field = NotRandom(value); } = new();

    /// <summary>Scores to take on the validation samples after each epoch.</summary>
    public IList<CustomScore> CustomScores { get; init; } = [];

    /// <summary>Gets or sets what is told of the training.</summary>
    public IList<Callback> Callbacks { get; init; } = [];

    /// <summary>1 to print the layers before the training and a line an epoch, 0 for silence.</summary>
    public int Verbose { get; set; }

    /// <summary>Gets or sets where <see cref="Verbose"/> prints to; null for the console.</summary>
    public TextWriter? Output { get; set; }

    /// <summary>Stands behind each epoch's row of the table: what must be known of its figures, such as made-up data.</summary>
    public string? RowNote { get; init; }

    /// <summary>
    /// Gets or sets whether the best losses so far are printed in color; null for where it is a terminal and
    /// <c>NO_COLOR</c> is not set.
    /// </summary>
    public bool? HasColors { get; set; }

    /// <summary>
    /// Gets a record of each epoch so far. The list is that of now; an epoch that ends later is in a new one.
    /// </summary>
    public IReadOnlyList<EpochRecord> TrainHistory => _history;

    /// <summary>Gets whether the parameters have values.</summary>
    public bool IsInitialized => _graph is not null;

    /// <summary>Gets the layers with their names and the shapes of their outputs.</summary>
    public IReadOnlyList<LayerSummary> Layers => [.. Initialized.Network.Layers
        .Select(layer => new LayerSummary(layer.Name, layer.Layer.Kind, layer.Output.Shape) { Inputs = layer.Inputs })];

    /// <summary>Gets how many classes a classifier tells apart; 0 in regression.</summary>
    public int Classes => Initialized.Head.Classes;

    /// <summary>Gets how many numbers are learned.</summary>
    public long LearnableParameters => Initialized.Network.LearnableCount;

    /// <summary>
    /// Gets the settings of the update rule by name (<c>learning_rate</c>, <c>momentum</c>): set them between epochs.
    /// </summary>
    public IReadOnlyDictionary<string, SharedVariable> UpdateSettings => Initialized.Rule.Settings;

    /// <summary>Gets or sets the learning rate that the next batch is trained with.</summary>
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

    /// <summary>The output that predicts.</summary>
    internal OutputHead Head => Initialized.Head;

    /// <summary>The output whose accuracy is told; null where none is a classifier's.</summary>
    internal OutputHead? Scored => Initialized.Scored;

    /// <summary>How many outputs there are.</summary>
    internal int OutputCount => Initialized.Heads.Count;

    /// <summary>The probability of each class, (n, classes); in regression the output.</summary>
    internal Variable Probabilities => Initialized.Head.Probabilities;

    /// <summary>Gets the layers put together, with their parameters and tags.</summary>
    /// <exception cref="EngineException">The network has no parameters yet.</exception>
    public Network Network => Initialized.Network;

    /// <summary>Where the network runs, once it is initialized.</summary>
    internal Device RunsOn => _device!;

    private TrainerGraph Initialized => _graph ?? throw new EngineException(
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
        if (_graph is not null)
        {
            return;
        }

        lock (_outputs)
        {
            if (_graph is not null)
            {
                return;
            }

            _device = Device ?? Device.Default;
            _network = _make();
            _trainer = new Trainer(_network)
            {
                Update = Update,
                Regression = Regression,
                Objective = Objective,
                Losses = Losses,
                L1 = L1,
                L2 = L2,
                Precision = Precision,
                Device = _device,
                BatchRanks = Parallel is { IsBatchNormSynchronized: true } ? Parallel.Communicator : null,
                StateRanks = Parallel is { IsOptimizerSharded: true, Communicator: { Size: > 1 } ranks } ? ranks : null,
            };
            _graph = _trainer.Graph;
        }
    }

    /// <summary>
    /// Has training leave parameters as they are, BatchNorm's averages among them, from the next call of Fit on.
    /// </summary>
    /// <param name="patterns">
    /// Names of parameters or of layers, in which <c>*</c> stands for any characters and <c>?</c> for one: <c>conv*</c>.
    /// </param>
    /// <exception cref="EngineException">A pattern is no parameter's and no layer's; or another thread trains.</exception>
    public void Freeze(params IReadOnlyList<string> patterns)
    {
        Initialize();
        using ChangeScope change = Changing(nameof(Freeze));
        _network!.Freeze(patterns);
        Renewed();
    }

    /// <summary>Has training change parameters again that <see cref="Freeze"/> named, by the same patterns or others.</summary>
    /// <inheritdoc cref="Freeze"/>
    public void Unfreeze(params IReadOnlyList<string> patterns)
    {
        Initialize();
        using ChangeScope change = Changing(nameof(Unfreeze));
        _network!.Unfreeze(patterns);
        Renewed();
    }

    /// <summary>The graph of what is trained now: another one where the network was told what to freeze.</summary>
    private TrainerGraph Renewed()
    {
        TrainerGraph graph = _trainer!.Graph;
        if (graph != _graph)
        {
            _safePoint?.Dispose();
            (_safePoint, _graph) = (null, graph);
        }

        return graph;
    }

    /// <summary>
    /// Trains for <see cref="MaxEpochs"/> epochs. When canceled, training ends after the batch that runs, at most some
    /// dozen batches later; the network keeps what it has learned, and nothing is thrown.
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
    public NeuralNet Fit(Tensors x, Tensors y, CancellationToken cancellationToken = default) =>
        Train(x, y, sampleWeights: null, MaxEpochs, cancellationToken);

    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)"/>
    public NeuralNet Fit(Tensors x, int[] y, CancellationToken cancellationToken = default) =>
        Fit(x, Tensor.From(y), cancellationToken);

    /// <summary>Trains for one epoch.</summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)"/>
    public NeuralNet PartialFit(Tensors x, Tensors y, CancellationToken cancellationToken = default) =>
        Train(x, y, sampleWeights: null, 1, cancellationToken);

    /// <summary>Trains for one epoch.</summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)"/>
    public NeuralNet PartialFit(Tensors x, int[] y, CancellationToken cancellationToken = default) =>
        PartialFit(x, Tensor.From(y), cancellationToken);

    /// <summary>
    /// Compiles what <see cref="Fit(Tensors, Tensors, CancellationToken)"/> does with each full batch of such training
    /// samples, none of them set apart for validation, without running it.
    /// </summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)"/>
    public TrainingStep CompileStep(Tensors x, Tensors y)
    {
        Initialize();
        using Gate.Reading reading = Read();
        return new TrainingStep(this, Initialized, Checked(x, y, sampleWeights: null), _device!);
    }

    /// <summary>Has the training end after this batch or epoch. For callbacks.</summary>
    public void StopTraining() => _isStopping = true;

    /// <summary>
    /// Returns the layers with the shapes of their outputs, as <see cref="Verbose"/> prints them before a training.
    /// </summary>
    public override string ToString() => IsInitialized
        ? string.Join(Environment.NewLine, PrintedTables.Layers(this))
        : $"# Neural Network of the layers {LayerNames}; Fit or Initialize gives it parameters";

    private string LayerNames => _layerNames();

    private (Func<Network> Make, Func<string> Names) Chain((string? Name, Layer Layer)[] layers)
    {
        Array.ForEach(layers, pair => ArgumentNullException.ThrowIfNull(pair.Layer, nameof(layers)));
        return (
            () => new Network(layers, FloatX, Seed),
            () => string.Join(", ", layers.Select((pair, i) => PlacedLayer.NameOf(pair.Name, pair.Layer, i))));
    }
}
