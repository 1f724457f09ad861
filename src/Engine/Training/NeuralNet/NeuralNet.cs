using System.Runtime.CompilerServices;
using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Describes a layer of a network for tables.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its type: <c>Dense</c>.</param>
/// <param name="OutputShape">The shape of its output. The first dimension, the number of samples, is unknown.</param>
public sealed record LayerSummary(string Name, string Kind, Shape OutputShape)
{
    /// <summary>Gets or sets the names of the layers that it takes as inputs.</summary>
    public IReadOnlyList<string> Inputs { get; init; } = [];
}

/// <summary>
/// Represents a network that learns: its layers, the settings of its training, and the results. After
/// <see cref="Fit(Tensors, Tensors, CancellationToken)"/> it can predict. Another call of Fit continues the training.
/// </summary>
/// <remarks>
/// <para>
/// Any number of threads may use a network. Calls that only read it (Predict, PredictProba, GetOutput, Score,
/// GetParameters, ExportOnnx, and all of Engine.Inspection) run at the same time. Each call sees the parameters of one
/// moment.
/// </para>
/// <para>
/// Calls that change it take turns with all others. SetParameters and LoadState wait for readers, and readers wait for
/// them. Fit and PartialFit do so for each batch (on a GPU, for each group of batches that it receives together).
/// Another thread's prediction runs between two batches and sees the result of the batches before it. One thread at a
/// time trains a network. If another calls Fit, PartialFit, SetParameters, LoadState or SaveState meanwhile, an
/// <see cref="EngineException"/> says at once which thread is training. Callbacks are part of the training and may call
/// all of these except Fit and PartialFit.
/// </para>
/// <para>
/// Dispose ends a training like a cancellation, and waits for it and for all readers. Later calls throw an
/// <see cref="ObjectDisposedException"/>. All threads that predict call the Transform of
/// <see cref="BatchIteratorTest"/>.
/// </para>
/// </remarks>
public sealed partial class NeuralNet : IDisposable
{
    private readonly Func<Network> _make;
    private readonly Func<string> _layerNames;
    private readonly bool _ownsNetwork = true;
    private readonly Dictionary<(Variable Output, IReadOnlyList<Augmentation>), (Function Function, int[] Used)>
        _outputs = [];
    private IReadOnlyList<EpochRecord> _history = [];
    private Network? _network;
    private Trainer? _trainer;
    private volatile TrainerGraph? _graph;
    private Pass? _training;
    private Pass? _validation;
    private volatile bool _isStopping;

    /// <summary>
    /// Creates a network of these layers. The first is an <see cref="Layers.Input"/>; each other layer takes the output
    /// of the layer before it.
    /// </summary>
    [OverloadResolutionPriority(1)]
    public NeuralNet(params ReadOnlySpan<Layer> layers) =>
        (_make, _layerNames) = Chain([.. layers.ToArray().Select(layer => ((string?)null, layer))]);

    /// <summary>
    /// Creates a network of these named layers: <c>("input", new Input(1024)), ("hidden", new Dense(100))</c>.
    /// </summary>
    public NeuralNet(params ReadOnlySpan<(string Name, Layer Layer)> layers) =>
        (_make, _layerNames) = Chain(layers.ToArray()!);

    /// <summary>
    /// Creates a network of any shape from its outputs and all layers that they depend on: <c>new NeuralNet(new
    /// Dense(10, Softmax).On(sum))</c>. <see cref="Predict(Tensors)"/> returns the first output. <see cref="Losses"/>
    /// sets the loss of each.
    /// </summary>
    public NeuralNet(params ReadOnlySpan<Node> outputs)
    {
        Node[] nodes = [.. outputs.ToArray().Select(node => node ?? throw new ArgumentNullException(nameof(outputs)))];
        _make = () => new Network(nodes) { FloatX = FloatX, Seed = Seed };
        _layerNames = () => string.Join(", ", PlacedLayer.All(nodes).Nodes.Select(node => node.Name));
    }

    /// <summary>
    /// Creates a trainable network on top of an existing one. It uses the parameters of the existing network and does
    /// not free them when it is disposed of. It has the same seed and floating-point type.
    /// </summary>
    public NeuralNet(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        (FloatX, Seed, _ownsNetwork) = (network.FloatX, network.Seed, false);
        _make = () => network;
        _layerNames = () => string.Join(", ", network.Layers.Select(layer => layer.Name));
    }

    /// <summary>Gets or sets the rule that updates parameters by their gradients.</summary>
    public UpdateRule Update { get; init; } = new NesterovMomentum(learningRate: 0.01f, momentum: 0.9f);

    /// <summary>
    /// Gets or sets whether the network learns values, by squared error, instead of classes, by cross-entropy. A
    /// classifier ends with the probability of each class, <c>new Dense(10, Softmax)</c>, or, for two classes, with the
    /// probability of class 1, <c>new Dense(1, Sigmoid)</c>.
    /// </summary>
    public bool Regression { get; init; }

    /// <summary>
    /// Gets or sets the loss of each sample, given the network's output and the targets. Training minimizes its mean.
    /// Null for cross-entropy, or squared error in regression. Targets are the labels, int32 (n). In regression they
    /// are the values, and for a classifier with a single output 0 and 1, in the output's shape and dtype.
    /// </summary>
    public Func<Variable, Variable, Variable>? Objective { get; init; }

    /// <summary>
    /// Gets or sets the seed of initial values, dropout and shuffling. The same seed gives the same bits.
    /// </summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>
    /// Gets or sets the device of the network; null for <see cref="Device.Default"/> at the time of
    /// <see cref="Initialize"/>.
    /// </summary>
    public Device? Device { get; init; }

    /// <summary>Gets or sets the floating-point type of parameters and outputs.</summary>
    public DType FloatX { get; init; } = DType.Float32;

    /// <summary>
    /// Gets or sets the precision of training; validation and prediction compute in <see cref="FloatX"/>.
    /// </summary>
    public Precision Precision { get; init; }

    /// <summary>
    /// Gets or sets the number of epochs of a call of <see cref="Fit(Tensors, Tensors, CancellationToken)"/>.
    /// </summary>
    public int MaxEpochs { get; set; } = 100;

    /// <summary>Gets or sets which samples are for validation. The default is a stratified fifth.</summary>
    public TrainSplit TrainSplit { get; set; } = new();

    /// <summary>Gets or sets the batches in training. The default is batches of 128 in the order of the data.</summary>
    public BatchIterator BatchIteratorTrain { get; set; } = new();

    /// <summary>Gets or sets the batches in validation and prediction. The default is batches of 128.</summary>
    /// <exception cref="EngineException">Its augmentation is random.</exception>
    public BatchIterator BatchIteratorTest { get; set => field = NotRandom(value); } = new();

    /// <summary>Gets or sets the scores to compute on the validation samples after each epoch.</summary>
    public IList<CustomScore> CustomScores { get; init; } = [];

    /// <summary>Gets or sets the callbacks of the training.</summary>
    public IList<Callback> Callbacks { get; init; } = [];

    /// <summary>
    /// Gets or sets 1 to print the layers before the training and a line per epoch, or 0 to print nothing.
    /// </summary>
    public int Verbose { get; set; }

    /// <summary>Gets or sets the writer for <see cref="Verbose"/>; null for the console.</summary>
    public TextWriter? Output { get; set; }

    /// <summary>
    /// Gets or sets a note after each epoch's row of the table, for example that the data are synthetic.
    /// </summary>
    public string? RowNote { get; init; }

    /// <summary>
    /// Gets or sets whether the best losses so far are printed in color. If null, they are on a terminal, unless
    /// <c>NO_COLOR</c> is set.
    /// </summary>
    public bool? HasColors { get; set; }

    /// <summary>
    /// Gets a record of each epoch so far. The list does not change; after the next epoch, this property returns a new
    /// list.
    /// </summary>
    public IReadOnlyList<EpochRecord> TrainHistory => _history;

    /// <summary>Gets whether the parameters have values.</summary>
    public bool IsInitialized => _graph is not null;

    /// <summary>Gets the layers with their names and the shapes of their outputs.</summary>
    public IReadOnlyList<LayerSummary> Layers => [.. Initialized.Network.Layers
        .Select(layer => new LayerSummary(layer.Name, layer.Layer.Kind, layer.Output.Shape) { Inputs = layer.Inputs })];

    /// <summary>Gets the number of classes of a classifier; 0 in regression.</summary>
    public int Classes => Initialized.Head.Classes;

    /// <summary>Gets the number of learnable values.</summary>
    public long LearnableParameters => Initialized.Network.LearnableCount;

    /// <summary>
    /// Gets the settings of the update rule by name (<c>learning_rate</c>, <c>momentum</c>). Set them between epochs.
    /// </summary>
    public IReadOnlyDictionary<string, SharedVariable> UpdateSettings => Initialized.Rule.Settings;

    /// <summary>Gets or sets the learning rate of the next batch.</summary>
    public double LearningRate
    {
        get
        {
            using Gate.Reading reading = Read();
            return NdArray.From(Initialized.Rule.LearningRate.GetValue()).Data[0];
        }

        set
        {
            Turns.ThrowIfDisposed();
            Initialized.Rule.LearningRate.SetValue(Tensor.Scalar(value).Cast(FloatX));
        }
    }

    /// <summary>Gets the output that predicts.</summary>
    internal OutputHead Head => Initialized.Head;

    /// <summary>Gets the output whose accuracy is reported; null if there is no classifier.</summary>
    internal OutputHead? Scored => Initialized.Scored;

    /// <summary>Gets the number of outputs.</summary>
    internal int OutputCount => Initialized.Heads.Count;

    /// <summary>Gets the probability of each class, (n, classes); in regression, the output.</summary>
    internal Variable Probabilities => Initialized.Head.Probabilities;

    /// <summary>Gets the connected layers with their parameters and tags.</summary>
    /// <exception cref="EngineException">The network has no parameters yet.</exception>
    public Network Network => Initialized.Network;

    /// <summary>Gets the device of the network, once it is initialized.</summary>
    internal Device RunsOn => _device!;

    internal TrainerGraph Initialized
    {
        get
        {
            // A network that exists has parameters.
            if (_graph is null && !_ownsNetwork)
            {
                Initialize();
            }

            return _graph ?? throw new EngineException(
                "The network has no parameters yet: call Fit, Initialize or SetParameters first.");
        }
    }

    /// <summary>
    /// Checks that the layers fit each other and draws the parameters' initial values. This happens once; Fit does it
    /// if needed.
    /// </summary>
    /// <exception cref="EngineException">
    /// The layers do not fit each other: the message names the layer and its line.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    public void Initialize()
    {
        Turns.ThrowIfDisposed();
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

    /// <summary>Freezes parameters, including BatchNorm's running averages, from the next call of Fit on.</summary>
    /// <param name="patterns">
    /// Names of parameters or layers. <c>*</c> stands for any characters, <c>?</c> for one: <c>conv*</c>.
    /// </param>
    /// <exception cref="EngineException">
    /// A pattern matches no parameter and no layer, or another thread trains.
    /// </exception>
    public void Freeze(params IReadOnlyList<string> patterns)
    {
        Initialize();
        using ChangeTurns.Scope change = Changing(nameof(Freeze));
        _network!.Freeze(patterns);
        Renewed();
    }

    /// <summary>
    /// Makes parameters trainable again that <see cref="Freeze"/> froze. The patterns may differ from those.
    /// </summary>
    /// <inheritdoc cref="Freeze"/>
    public void Unfreeze(params IReadOnlyList<string> patterns)
    {
        Initialize();
        using ChangeTurns.Scope change = Changing(nameof(Unfreeze));
        _network!.Unfreeze(patterns);
        Renewed();
    }

    /// <summary>Returns the current training graph: a new one if Freeze or Unfreeze was called.</summary>
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
    /// Trains for <see cref="MaxEpochs"/> epochs. If canceled, training ends after the current batch, at most some
    /// dozen batches later. The network keeps what it has learned, and no exception is thrown.
    /// </summary>
    /// <param name="x">
    /// The samples, (n, …) as the Input layer says: finite float32 or float64 values, or values of the Input layer's
    /// dtype.
    /// </param>
    /// <param name="y">The labels, int32 (n), from 0 on; in regression the values, of the output's shape.</param>
    /// <param name="cancellationToken">Ends the training.</param>
    /// <returns>The network itself.</returns>
    /// <exception cref="EngineException">
    /// The samples or the labels do not fit the network, or its last layer is not for a classifier.
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
    /// Compiles the step of <see cref="Fit(Tensors, Tensors, CancellationToken)"/> for full batches of such training
    /// samples, without running it. No samples are set apart for validation.
    /// </summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)"/>
    public TrainingStep CompileStep(Tensors x, Tensors y)
    {
        Initialize();
        using Gate.Reading reading = Read();
        return new TrainingStep(this, Initialized, Checked(x, y, sampleWeights: null), _device!);
    }

    /// <summary>Ends the training after this batch or epoch. For callbacks.</summary>
    public void StopTraining() => _isStopping = true;

    /// <summary>
    /// Returns a table of the layers with the shapes of their outputs, as <see cref="Verbose"/> prints it before a
    /// training.
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
