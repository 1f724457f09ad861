using Engine.Compile;
using Engine.Devices;
using Engine.Distributed;
using Engine.Graph;
using Engine.Layers;

namespace Engine.Training;

/// <summary>
/// What makes a network's loss smaller: the losses of its outputs, how parameters follow their gradients, and a step of it.
/// <see cref="NeuralNet.Fit(Tensors, Tensors, CancellationToken)"/> has one; for a training of one's own make another:
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

    /// <summary>Creates a trainer of this network, whose parameters it shares with all others.</summary>
    public Trainer(Network network)
    {
        ArgumentNullException.ThrowIfNull(network);
        Network = network;
    }

    /// <summary>Gets the network that it trains.</summary>
    public Network Network { get; }

    /// <summary>Gets or sets how parameters follow their gradients.</summary>
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

    /// <summary>Gets or sets the ranks over which the update rule's state is sharded; null where each keeps all.</summary>
    internal Communicator? StateRanks { get; init; }

    /// <summary>Gets or sets the ranks whose parts of a batch are normalized as one; null where each part is by itself.</summary>
    internal Communicator? BatchRanks { get; init; }

    /// <summary>Gets or sets the learning rate of the next step.</summary>
    public double LearningRate
    {
        get => NdArray.From(Graph.Rule.LearningRate.GetValue()).Data[0];
        set => Graph.Rule.LearningRate.SetValue(Tensor.Scalar(value).Cast(Network.FloatX));
    }

    /// <summary>Gets the settings of the update rule by name: <c>learning_rate</c>, <c>momentum</c>.</summary>
    public IReadOnlyDictionary<string, SharedVariable> UpdateSettings => Graph.Rule.Settings;

    /// <summary>The graph of its functions; another one after <see cref="Network.Freeze"/>, with the state of the former.</summary>
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
    /// The samples, (n, …) as the Input layer says, or of a network with several inputs those of each by its name.
    /// </param>
    /// <param name="y">The labels, int32 (n), or values, or those of each output by its name.</param>
    /// <param name="weights">How much each sample counts, (n); null where all count alike.</param>
    /// <returns>The batch's loss before the step.</returns>
    /// <exception cref="EngineException">The samples or targets do not fit the network.</exception>
    public double Step(Tensors x, Tensors y, Tensor? weights = null) => Run(x, y, weights, isTraining: true);

    /// <summary>Trains on one batch, as <see cref="BatchIterator.Over"/> gives them.</summary>
    /// <inheritdoc cref="Step(Tensors, Tensors, Tensor?)"/>
    public double Step(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Step(batch.Inputs, batch.Targets, batch.Weights);
    }

    /// <summary>Returns the loss of samples in use, without what L1 and L2 add; nothing is changed.</summary>
    /// <inheritdoc cref="Step(Tensors, Tensors, Tensor?)"/>
    /// <returns>The loss.</returns>
    public double Loss(Tensors x, Tensors y) => Run(x, y, null, isTraining: false);

    /// <summary>Frees the functions and what the update rule keeps; the network stays.</summary>
    public void Dispose()
    {
        foreach ((_, Function function) in _functions.Values)
        {
            function.Dispose();
        }

        _functions.Clear();
        _graph?.Dispose();
    }

    private double Run(Tensors x, Tensors y, Tensor? weights, bool isTraining)
    {
        TrainerGraph graph = Graph;
        SampleSet data = SampleSet.Of(x, y, weights, classWeights: null, graph);
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
            var function = Function.Compile(
                [.. graph.Network.Inputs, .. graph.Heads.Select(head => head.Target), .. count], [loss], updates,
                device: Device ?? Device.Default);
            _functions[key] = (graph, function);
            return function;
        }
    }
}
