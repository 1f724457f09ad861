using Engine.Devices;
using Engine.Layers;
using Engine.Ops;
using Dropout = Engine.Layers.Dropout;
using Normal = Engine.Layers.Normal;

namespace Engine.Training;

/// <summary>
/// Represents a deep belief network; its settings have the names of nolearn.dbn's <c>DBN</c>. It consists of restricted
/// Boltzmann machines, each trained on the output of the one before (Hinton, Osindero, Teh: Neural Computation 18,
/// 2006). A <see cref="NeuralNet"/> begins with their weights and is then trained with labels.
/// </summary>
public sealed class DeepBeliefNetwork : IDisposable
{
    private readonly int[] _sizes;
    private readonly List<RestrictedBoltzmannMachine> _machines = [];
    private NeuralNet? _net;

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
    public NeuralNet Net => _net ?? throw new EngineException("A deep belief network has a network once Fit has been called.");

    /// <summary>Trains the machines, layer by layer, and then all layers with labels.</summary>
    /// <param name="x">Samples, float32 (n, inputs). Samples with more axes are flattened.</param>
    /// <param name="labels">Their classes, from 0.</param>
    /// <param name="cancellationToken">Ends the training early.</param>
    /// <exception cref="EngineException">The samples or labels do not fit.</exception>
    public DeepBeliefNetwork Fit(Tensor x, IReadOnlyList<int> labels, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(labels);
        Tensor rows = Rows(x);
        int inputs = Size(0, rows.Shape[1], "inputs"), classes = Size(_sizes.Length - 1, labels.DefaultIfEmpty().Max() + 1, "classes");
        Dispose();
        Pretrain(rows, inputs, cancellationToken);
        _net = Make(inputs, classes);
        _net.Initialize();
        SetWeights(_net);
        if (Epochs > 0)
        {
            _net.Fit(rows, Tensor.From([.. labels]), cancellationToken);
        }

        return this;
    }

    /// <summary>Predicts the most probable classes.</summary>
    public int[] Predict(Tensor x) => Net.Predict(Rows(x)).AsSpan<int>().ToArray();

    /// <summary>Returns the probability of each class, (n, classes).</summary>
    public Tensor PredictProba(Tensor x) => Net.PredictProba(Rows(x));

    /// <summary>Returns the accuracy.</summary>
    public float Score(Tensor x, IReadOnlyList<int> labels) => Net.Score(Rows(x), Tensor.From([.. labels]));

    /// <summary>Returns the reconstruction of samples by all machines, up and down again, (n, inputs).</summary>
    /// <exception cref="EngineException">There was no pre-training, or the samples do not fit.</exception>
    public Tensor Reconstruct(Tensor x)
    {
        if (_machines.Count == 0)
        {
            throw new EngineException("Reconstructions are of machines, and there was no pre-training: set EpochsPretrain.");
        }

        Tensor at = Rows(x);
        at = _machines.Aggregate(at, (values, machine) => machine.Transform(values));
        return Enumerable.Reverse(_machines).Aggregate(at, (values, machine) => machine.Back(values));
    }

    /// <summary>Frees the machines and the network.</summary>
    public void Dispose()
    {
        _machines.ForEach(machine => machine.Dispose());
        _machines.Clear();
        _net?.Dispose();
        _net = null;
    }

    private static Tensor Rows(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Shape.Rank == 2 ? x : x.Reshape([x.Shape[0], x.Shape.Product(1, x.Shape.Rank)]);
    }

    private int Size(int place, int found, string what) => _sizes[place] == -1 || _sizes[place] == found ? found : _sizes[place] > found && what == "classes"
        ? _sizes[place]
        : throw new EngineException($"The network is of {_sizes[place]} {what}, and the data have {found}.");

    private void Pretrain(Tensor rows, int inputs, CancellationToken cancellationToken)
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
            _machines.Add(machine);
            int number = layer;
            machine.Fit(values, EpochsPretrain, (epoch, error) => Report(number, epoch, error), cancellationToken);
            values = machine.Transform(values);
        }
    }

    private void Report(int layer, int epoch, double error)
    {
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

    private void SetWeights(NeuralNet net)
    {
        for (int i = 0; i < _machines.Count; i++)
        {
            net.Network.Parameters.Single(parameter => parameter.Name == $"hidden{i + 1}.W").Variable.SetValue(_machines[i].Weights.GetValue());
            net.Network.Parameters.Single(parameter => parameter.Name == $"hidden{i + 1}.b").Variable.SetValue(_machines[i].HiddenBiases.GetValue());
        }
    }
}
