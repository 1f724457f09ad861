using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Dropout = Engine.Layers.Dropout;
using Input = Engine.Layers.Input;
using Normal = Engine.Layers.Normal;

namespace Engine.Training;

/// <summary>
/// Represents a deep belief network; its settings have the names of nolearn.dbn's <c>DBN</c>. It consists of restricted
/// Boltzmann machines, each trained on the output of the one before (Hinton, Osindero, Teh: Neural Computation 18,
/// 2006). A <see cref="NeuralNet"/> begins with their weights and is then trained with labels.
/// </summary>
/// <remarks>
/// Any number of threads may use it. Predict, PredictProba, Score and Reconstruct run at the same time, and beside Fit:
/// they answer from the earlier network until the machines are trained, and then from the one that learns the labels.
/// If there is no earlier network, they wait. A second Fit beside Fit is refused at once, by an
/// <see cref="EngineException"/> that names the thread that trains. Dispose ends a training as if canceled, and waits
/// for it and for all readers. A new Fit frees the <see cref="Net"/> and the <see cref="Machines"/> of the one before.
/// </remarks>
public sealed class DeepBeliefNetwork : IDisposable
{
    private readonly int[] _sizes;
    private readonly Gate _gate = new(order: 0);
    private readonly ChangeTurns _turns;
    private readonly CancellationTokenSource _ending = new();
    private IReadOnlyList<RestrictedBoltzmannMachine> _machines = [];
    private volatile NeuralNet? _net;

    /// <summary>
    /// Creates a network of layers with so many units, from the inputs to the classes. −1 in the first or last place
    /// means as many as the data have.
    /// </summary>
    /// <exception cref="EngineException">There are fewer than three layers, or one has no units.</exception>
    public DeepBeliefNetwork(params ReadOnlySpan<int> layerSizes)
    {
        _sizes = layerSizes.ToArray();
        if (_sizes.Length < 3 || _sizes[1..^1].Any(size => size < 1) || _sizes[0] is 0 or < -1 || _sizes[^1] is 0 or < -1)
        {
            throw new EngineException(
                $"A deep belief network has inputs, at least one hidden layer and classes, as (-1, 300, -1), not ({string.Join(", ", _sizes)}).");
        }

        _turns = new ChangeTurns(
            nameof(DeepBeliefNetwork), "deep belief network", nameof(Predict),
            () => $"The deep belief network ({string.Join(", ", _sizes)}) was disposed of: dispose of it when no thread uses it any more.");
    }

    /// <summary>Gets the number of units of each layer: <c>layer_sizes</c>.</summary>
    public IReadOnlyList<int> LayerSizes => _sizes;

    /// <summary>Gets or sets the standard deviation of the initial weights: <c>scales</c>.</summary>
    public double Scales { get; init; } = 0.05;

    /// <summary>
    /// Gets or sets whether inputs are standardized real numbers, not numbers from 0 to 1: <c>real_valued_vis</c>.
    /// </summary>
    public bool RealValuedVis { get; init; } = true;

    /// <summary>Gets or sets whether hidden units are rectified, not binary: <c>use_re_lu</c>.</summary>
    public bool UseReLu { get; init; } = true;

    /// <summary>Gets or sets the learning rate of the training with labels: <c>learn_rates</c>.</summary>
    public float LearnRates { get; init; } = 0.1f;

    /// <summary>Gets or sets the factor of the learning rate after each epoch: <c>learn_rate_decays</c>.</summary>
    public double LearnRateDecays { get; init; } = 1;

    /// <summary>Gets or sets the lower bound of the learning rate: <c>learn_rate_minimums</c>.</summary>
    public double LearnRateMinimums { get; init; }

    /// <summary>Gets or sets the momentum of the training with labels: <c>momentum</c>.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>Gets or sets the factor of ½ Σ w² in the loss: <c>l2_costs</c>.</summary>
    public double L2Costs { get; init; } = 0.0001;

    /// <summary>
    /// Gets or sets the dropout probability of hidden values in the training with labels: <c>dropouts</c>.
    /// </summary>
    public double Dropouts { get; init; }

    /// <summary>Gets or sets whether the momentum is Nesterov's: <c>nesterov</c>.</summary>
    public bool Nesterov { get; init; } = true;

    /// <summary>
    /// Gets or sets the learning rate of pre-training: <c>learn_rates_pretrain</c>; null for <see cref="LearnRates"/>.
    /// </summary>
    public float? LearnRatesPretrain { get; init; }

    /// <summary>
    /// Gets or sets the momentum of pre-training: <c>momentum_pretrain</c>; null for <see cref="Momentum"/>.
    /// </summary>
    public float? MomentumPretrain { get; init; }

    /// <summary>
    /// Gets or sets the factor of ½ Σ w² in pre-training: <c>l2_costs_pretrain</c>; null for <see cref="L2Costs"/>.
    /// </summary>
    public double? L2CostsPretrain { get; init; }

    /// <summary>Gets or sets the number of epochs with labels: <c>epochs</c>.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Gets or sets the number of epochs of pre-training for each layer: <c>epochs_pretrain</c>.</summary>
    public int EpochsPretrain { get; init; }

    /// <summary>Gets or sets the number of samples in a step: <c>minibatch_size</c>.</summary>
    public int MinibatchSize { get; init; } = 64;

    /// <summary>Gets or sets the seed of all random numbers: <c>random_state</c>.</summary>
    public ulong RandomState { get; init; } = 1;

    /// <summary>Gets or sets 0 to print nothing, or 1 to print a line per epoch: <c>verbose</c>.</summary>
    public int Verbose { get; init; }

    /// <summary>Gets or sets which samples are for validation.</summary>
    public TrainSplit TrainSplit { get; init; } = new(0);

    /// <summary>
    /// Gets or sets the function to call after each epoch of pre-training, with the machine's number, the epoch and the
    /// error: <c>pretrain_callback</c>.
    /// </summary>
    public Action<int, int, double>? PretrainCallback { get; init; }

    /// <summary>Gets or sets the device; null for <see cref="Device.Default"/>.</summary>
    public Device? Device { get; init; }

    /// <summary>Gets the trained machines; none without pre-training.</summary>
    public IReadOnlyList<RestrictedBoltzmannMachine> Machines => _machines;

    /// <summary>Gets the network that is trained with labels, after the call of Fit.</summary>
    /// <exception cref="EngineException">Fit was not called yet.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed of.</exception>
    public NeuralNet Net
    {
        get
        {
            _turns.WaitFor(() => _net is not null);
            _turns.ThrowIfDisposed();
            return _net ?? throw new EngineException("A deep belief network has a network once Fit has been called.");
        }
    }

    /// <summary>Trains the machines, layer by layer, and then all layers with labels.</summary>
    /// <param name="x">Samples, float32 (n, inputs). Samples with more axes are flattened.</param>
    /// <param name="labels">Their classes, from 0.</param>
    /// <param name="cancellationToken">Ends the training early.</param>
    /// <exception cref="EngineException">
    /// The samples or labels do not fit, the pre-training diverges, or another thread is training it.
    /// </exception>
    /// <exception cref="DivergenceException">The loss with labels is nan or infinite.</exception>
    public DeepBeliefNetwork Fit(Tensor x, IReadOnlyList<int> labels, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(labels);
        Tensor rows = Rows(x);
        int inputs = Size(0, rows.Shape[1], "inputs"), classes = Size(_sizes.Length - 1, labels.DefaultIfEmpty().Max() + 1, "classes");
        using ChangeTurns.Scope change = _turns.Begin(nameof(Fit), isTraining: true);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
        NeuralNet net = Pretrained(rows, inputs, classes, ending.Token);
        if (Epochs > 0)
        {
            net.Fit(rows, Tensor.From([.. labels]), ending.Token);
        }

        return this;
    }

    /// <summary>Predicts the most probable classes.</summary>
    public int[] Predict(Tensor x) => Read(net => net.Predict(Rows(x)).AsSpan<int>().ToArray());

    /// <summary>Returns the probability of each class, (n, classes).</summary>
    public Tensor PredictProba(Tensor x) => Read(net => net.PredictProba(Rows(x)));

    /// <summary>Returns the accuracy.</summary>
    public float Score(Tensor x, IReadOnlyList<int> labels) => Read(net => net.Score(Rows(x), Tensor.From([.. labels])));

    /// <summary>Returns the reconstruction of samples by all machines, up and down again, (n, inputs).</summary>
    /// <exception cref="EngineException">There was no pre-training, or the samples do not fit.</exception>
    public Tensor Reconstruct(Tensor x) => Read(_ =>
    {
        if (_machines.Count == 0)
        {
            throw new EngineException("Reconstructions are of machines, and there was no pre-training: set EpochsPretrain.");
        }

        Tensor at = Rows(x);
        at = _machines.Aggregate(at, (values, machine) => machine.Transform(values));
        return Enumerable.Reverse(_machines).Aggregate(at, (values, machine) => machine.Back(values));
    });

    /// <summary>
    /// Frees the machines and the network. It first waits for readers, and for a training of another thread, which ends
    /// as if canceled. Later calls are refused.
    /// </summary>
    /// <exception cref="EngineException">It is called within Fit, by a callback.</exception>
    public void Dispose()
    {
        if (_turns.BeginDisposal(_ending.Cancel))
        {
            using ChangeTurns.Scope change = new(_turns);
            Replace([], null);
            _ending.Dispose();
        }
    }

    private T Read<T>(Func<NeuralNet, T> read)
    {
        NeuralNet first = Net;
        using Gate.Reading reading = _gate.Read();
        _turns.ThrowIfDisposed();
        return read(_net ?? first);
    }

    /// <summary>Replaces the machines and the network when nobody reads them, and frees the earlier ones.</summary>
    private void Replace(IReadOnlyList<RestrictedBoltzmannMachine> machines, NeuralNet? net)
    {
        IReadOnlyList<RestrictedBoltzmannMachine> earlier = _machines;
        NeuralNet? earlierNet = _net;
        using (_gate.Change())
        {
            (_machines, _net) = (machines, net);
        }

        _turns.Notify();
        Free(earlier, earlierNet);
    }

    private static void Free(IEnumerable<RestrictedBoltzmannMachine> machines, NeuralNet? net)
    {
        foreach (RestrictedBoltzmannMachine machine in machines)
        {
            machine.Dispose();
        }

        net?.Dispose();
    }

    private static Tensor Rows(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Shape.Rank == 2 ? x : x.Reshape([x.Shape[0], x.Shape.Product(1, x.Shape.Rank)]);
    }

    private int Size(int place, int found, string what) => _sizes[place] == -1 || _sizes[place] == found ? found : _sizes[place] > found && what == "classes"
        ? _sizes[place]
        : throw new EngineException($"The network is of {_sizes[place]} {what}, and the data have {found}.");

    /// <summary>Trains machines, and returns the network that begins with their weights.</summary>
    private NeuralNet Pretrained(Tensor rows, int inputs, int classes, CancellationToken cancellationToken)
    {
        var machines = new List<RestrictedBoltzmannMachine>();
        NeuralNet? net = null;
        try
        {
            Pretrain(machines, rows, inputs, cancellationToken);
            net = Make(inputs, classes);
            net.Initialize();
            SetWeights(net, machines);
        }
        catch
        {
            Free(machines, net);
            throw;
        }

        Replace(machines, net);
        return net;
    }

    private void Pretrain(
        List<RestrictedBoltzmannMachine> machines, Tensor rows, int inputs, CancellationToken cancellationToken)
    {
        if (EpochsPretrain == 0)
        {
            return;
        }

        BoltzmannUnit hidden = UseReLu ? BoltzmannUnit.Rectified : BoltzmannUnit.Binary;
        Tensor values = rows;
        for (int layer = 1; layer < _sizes.Length - 1; layer++)
        {
            var machine = new RestrictedBoltzmannMachine(layer == 1 ? inputs : _sizes[layer - 1], _sizes[layer])
            {
                VisibleUnits = layer == 1 ? (RealValuedVis ? BoltzmannUnit.Gaussian : BoltzmannUnit.Binary)
                    : UseReLu ? BoltzmannUnit.Gaussian : BoltzmannUnit.Binary,
                HiddenUnits = hidden,
                LearningRate = LearnRatesPretrain ?? LearnRates,
                Momentum = MomentumPretrain ?? Momentum,
                L2 = L2CostsPretrain ?? L2Costs,
                BatchSize = Math.Min(MinibatchSize, rows.Shape[0]),
                W = new Normal(Scales),
                Seed = RandomState + (ulong)layer,
                Device = Device,
            };
            machines.Add(machine);
            int number = layer;
            try
            {
                machine.Fit(values, EpochsPretrain, (epoch, error) => Report(machine, number, epoch, error), cancellationToken);
            }
            catch (DivergenceException error)
            {
                throw Diverged(machine, number, error.Epoch, error);
            }

            values = machine.Transform(values);
        }
    }

    private static EngineException Diverged(RestrictedBoltzmannMachine machine, int layer, int epoch, Exception? error = null) =>
        new(
            FormattableString.Invariant($"The pre-training of hidden layer {layer} ({machine.Visible} to {machine.Hidden} units) has ended in epoch ")
            + FormattableString.Invariant($"{epoch}: its values are nan or infinite. The learning rate of pre-training is {machine.LearningRate:G4}. ")
            + FormattableString.Invariant($"Try a smaller one, such as LearnRatesPretrain = {machine.LearningRate / 10:G3}.")
            + (layer == 1 && machine.VisibleUnits == BoltzmannUnit.Gaussian ? " The samples must be of mean 0 and variance 1." : ""),
            error);

    private void Report(RestrictedBoltzmannMachine machine, int layer, int epoch, double error)
    {
        if (!double.IsFinite(error))
        {
            throw Diverged(machine, layer, epoch);
        }

        PretrainCallback?.Invoke(layer, epoch, error);
        if (Verbose > 0)
        {
            Console.WriteLine(FormattableString.Invariant($"layer {layer}, epoch {epoch}: error of reconstruction {error:F5}"));
        }
    }

    private NeuralNet Make(int inputs, int classes)
    {
        var layers = new List<Layer> { new Input(inputs) };
        for (int layer = 1; layer < _sizes.Length - 1; layer++)
        {
            layers.Add(new Dense(_sizes[layer], UseReLu ? Symbolic.Rectify : Symbolic.Sigmoid) { Name = $"hidden{layer}", W = new Normal(Scales) });
            if (Dropouts > 0)
            {
                layers.Add(new Dropout(Dropouts));
            }
        }

        layers.Add(new Dense(classes, Symbolic.Softmax) { Name = "output", W = new Normal(Scales) });
        var net = new NeuralNet([.. layers])
        {
            Update = Nesterov ? new NesterovMomentum(LearnRates, Momentum) : new Momentum(LearnRates, Momentum),
            L2 = L2Costs / 2,
            MaxEpochs = Epochs,
            BatchIteratorTrain = new BatchIterator(MinibatchSize) { Shuffle = true },
            TrainSplit = TrainSplit,
            Seed = RandomState,
            Verbose = Verbose,
            Device = Device,
        };
        if (LearnRateDecays != 1)
        {
            net.Callbacks.Add(new AdjustVariable("learning_rate", Schedule.Of(at =>
                Math.Max(LearnRates * Math.Pow(LearnRateDecays, at.Epoch - 1), LearnRateMinimums))));
        }

        return net;
    }

    private static void SetWeights(NeuralNet net, List<RestrictedBoltzmannMachine> machines)
    {
        for (int i = 0; i < machines.Count; i++)
        {
            net.Network.Parameters.Single(parameter => parameter.Name == $"hidden{i + 1}.W").Variable.SetValue(machines[i].Weights.GetValue());
            net.Network.Parameters.Single(parameter => parameter.Name == $"hidden{i + 1}.b").Variable.SetValue(machines[i].HiddenBiases.GetValue());
        }
    }
}
