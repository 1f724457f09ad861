using Engine.Compile;
using Engine.Devices;
using Engine.Distributed;
using Engine.Graph;
using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// Trains a network step by step: computes the losses of its outputs and updates its parameters.
/// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/> uses a trainer. For your own training loop, create
/// one:
/// <code>
/// using var trainer = new Trainer(network) { Update = new Adam() };
/// foreach (Batch batch in new BatchIterator(64) { Shuffle = true }.Over(x, y, epoch))
/// {
///     loss = trainer.Step(batch);
/// }
/// </code>
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly Dictionary<string, (TrainerGraph Graph, Function Function)> _functions = [];
    private readonly Lock _lock = new();
    private TrainerGraph? _graph;

    /// <summary>Creates a trainer of this network. It shares the network's parameters with all other users.</summary>
    public Trainer(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        Network = network;
    }

    /// <summary>Gets the network that it trains.</summary>
    public Network Network { get; }

    /// <summary>Gets or sets the rule that updates parameters by their gradients.</summary>
    public UpdateRule Update { get; init; } = new NesterovMomentum(learningRate: 0.01f, momentum: 0.9f);

    /// <inheritdoc cref="NeuralNet.Regression"/>
    public bool Regression { get; init; }

    /// <inheritdoc cref="NeuralNet.Objective"/>
    public Func<Variable, Variable, Variable>? Objective { get; init; }

    /// <inheritdoc cref="NeuralNet.Losses"/>
    public IReadOnlyDictionary<string, OutputLoss> Losses { get; init; } = new Dictionary<string, OutputLoss>();

    /// <inheritdoc cref="NeuralNet.L1"/>
    public double L1 { get; init; }

    /// <inheritdoc cref="NeuralNet.L2"/>
    public double L2 { get; init; }

    /// <inheritdoc cref="NeuralNet.Precision"/>
    public Precision Precision { get; init; }

    /// <summary>
    /// Gets or sets where it computes; null for <see cref="Device.Default"/> at the time of the first step.
    /// </summary>
    public Device? Device { get; init; }

    /// <summary>Gets or sets what changes each batch of the first input on the device, as Fit does it.</summary>
    internal IReadOnlyList<Augmentation> Augmentation { get; init; } = [];

    /// <inheritdoc cref="NeuralNet.ClassWeights"/>
    internal IReadOnlyList<double>? ClassWeights { get; init; }

    /// <summary>Gets or sets the ranks that shard the update rule's state; null if each rank keeps all.</summary>
    internal Communicator? StateRanks { get; init; }

    /// <summary>
    /// Gets or sets the ranks whose parts of a batch are normalized together; null for each part alone.
    /// </summary>
    internal Communicator? BatchRanks { get; init; }

    /// <summary>Gets or sets the learning rate of the next step.</summary>
    public double LearningRate
    {
        get => NdArray.From(Graph.Rule.LearningRate.GetValue()).Data[0];
        set => Graph.Rule.LearningRate.SetValue(Tensor.Scalar(value).Cast(Network.FloatX));
    }

    /// <summary>Gets the settings of the update rule by name: <c>learning_rate</c>, <c>momentum</c>.</summary>
    public IReadOnlyDictionary<string, SharedVariable> UpdateSettings => Graph.Rule.Settings;

    /// <summary>
    /// Gets the graph of its functions. <see cref="Network.Freeze"/> leads to a new one with the state of the old.
    /// </summary>
    internal TrainerGraph Graph
    {
        get
        {
            lock (_lock)
            {
                return _graph is { } graph && graph.Version == Network.Version
                    ? graph
                    : _graph = new TrainerGraph(this, _graph);
            }
        }
    }

    /// <summary>Trains on one batch.</summary>
    /// <param name="x">
    /// The samples, (n, …) as the Input layer says; if the network has several inputs, the samples of each by name.
    /// </param>
    /// <param name="y">
    /// The labels, int32 (n), or values; if the network has several outputs, those of each by name.
    /// </param>
    /// <param name="weights">The weight of each sample, (n); null if all weights are equal.</param>
    /// <returns>The batch's loss before the step.</returns>
    /// <exception cref="EngineException">
    /// The samples or targets do not fit the network, or the loss is nan or infinite. In the latter case the step has
    /// spoiled the parameters.
    /// </exception>
    public double Step(Tensors x, Tensors y, Tensor? weights = null)
    {
        double loss = Run(x, y, weights, isTraining: true);

        // Nan as the mean of samples without weight does not count.
        bool counts = weights is null || Array.Exists(NdArray.From(weights).Data, weight => weight != 0);
        return double.IsFinite(loss) || !counts ? loss : throw new EngineException(FormattableString.Invariant(
            $"The loss of the step is {(double.IsNaN(loss) ? "nan" : "infinite")}, and the step has spoiled the parameters. ")
            + FormattableString.Invariant(
                $"The learning rate is {LearningRate:G4}: begin again with a smaller one, such as ")
            + FormattableString.Invariant($"{LearningRate / 10:G3}, with scaled samples and targets, or with the ")
            + "parameters that Parameters.Save wrote before.");
    }

    /// <summary>Trains on one batch from <see cref="BatchIterator.Over"/>.</summary>
    /// <inheritdoc cref="Step(Tensors, Tensors, Tensor?)"/>
    public double Step(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Step(batch.Inputs, batch.Targets, batch.Weights);
    }

    /// <summary>
    /// Returns the loss of samples in prediction mode, without the L1 and L2 terms. It changes nothing.
    /// </summary>
    /// <inheritdoc cref="Step(Tensors, Tensors, Tensor?)"/>
    /// <returns>The loss.</returns>
    public double Loss(Tensors x, Tensors y) => Run(x, y, null, isTraining: false);

    /// <summary>Frees the functions and the update rule's state, but not the network.</summary>
    public void Dispose()
    {
        foreach ((_, Function function) in _functions.Values)
        {
            function.Dispose();
        }

        _functions.Clear();
        _graph?.Dispose();
    }

    /// <summary>Trains on one batch, as <see cref="Step(Batch)"/> does, whatever the loss is.</summary>
    internal double StepAnyway(Batch batch) => Run(batch.Inputs, batch.Targets, batch.Weights, isTraining: true);

    private double Run(Tensors x, Tensors y, Tensor? weights, bool isTraining)
    {
        TrainerGraph graph = Graph;
        SampleSet data = SampleSet.Of(x, y, weights, isTraining ? ClassWeights : null, graph);
        Function function = FunctionFor(graph, isTraining, data.Weights is not null);
        Tensor[] count = !isTraining ? [] : [data.Weights ?? Tensor.Scalar((double)data.Count)];
        return NdArray.From(function.Call([.. data.Xs, .. data.Ys, .. count])[0]).Data[0];
    }

    private Function FunctionFor(TrainerGraph graph, bool isTraining, bool isWeighted)
    {
        string key = !isTraining ? "loss" : isWeighted ? "weighted" : "plain";
        lock (_lock)
        {
            if (_functions.TryGetValue(key, out (TrainerGraph Graph, Function Function) known))
            {
                if (known.Graph == graph)
                {
                    return known.Function;
                }

                known.Function.Dispose();
            }

            (Variable loss, IReadOnlyList<Update> updates) =
                isTraining ? graph.Training(isWeighted) : new TrainingGraph(graph.ValidLoss, []);
            Graph.Input[] count = !isTraining ? [] : [isWeighted ? graph.Weights : graph.Rows];
            Graph.Input first = graph.Network.Inputs[0], x = new(first.Type, first.Name);
            var given = new Given(
                first, Training.Augmentation.Apply(isTraining ? Augmentation : [], x, graph.Random));
            var function = Function.Compile(
                [x, .. graph.Network.Inputs.Skip(1), .. graph.Heads.Select(head => head.Target), .. count], [loss],
                updates, [given], Device ?? Device.Default);
            _functions[key] = (graph, function);
            return function;
        }
    }
}
