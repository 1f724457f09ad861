using Engine.Devices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Dropout = Engine.Layers.Dropout;
using Input = Engine.Layers.Input;
using Normal = Engine.Layers.Normal;
using Uniform = Engine.Layers.Uniform;

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
public sealed partial class DeepBeliefNetwork : IDisposable
{
    private readonly int[] _sizes;
    private readonly Gate _gate = new(order: 0);
    private readonly ChangeTurns _turns;
    private readonly CancellationTokenSource _ending = new();
    private IReadOnlyList<RestrictedBoltzmannMachine> _machines = [];
    private volatile NeuralNet? _net;

    /// <summary>
    /// Creates a network of layers with these numbers of units, from the inputs to the classes. If the first or last
    /// number is −1, it is taken from the data.
    /// </summary>
    /// <exception cref="EngineException">There are fewer than three layers, or one has no units.</exception>
    public DeepBeliefNetwork(params ReadOnlySpan<int> layerSizes)
    {
        _sizes = layerSizes.ToArray();
        if (_sizes.Length < 3 || _sizes[1..^1].Any(size => size < 1) || _sizes[0] is 0 or < -1
            || _sizes[^1] is 0 or < -1)
        {
            throw new EngineException(
                $"A deep belief network has inputs, at least one hidden layer and classes, as (-1, 300, -1), "
                + $"not ({string.Join(", ", _sizes)}).");
        }

        _turns = new ChangeTurns(
            nameof(DeepBeliefNetwork), "deep belief network", nameof(Predict),
            () => $"The deep belief network ({string.Join(", ", _sizes)}) was disposed of: "
                + "dispose of it when no thread uses it any more.");
    }

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
        CheckSettings();
        Tensor rows = Rows(x);
        if (labels.Count == 0 || labels.Count != rows.Shape[0] || labels.Any(label => label < 0))
        {
            throw new EngineException(
                $"A deep belief network learns from samples with a class each, from 0 on; here are {rows.Shape[0]} "
                + $"samples and {labels.Count} "
                + $"classes{(labels.Any(label => label < 0) ? $", the smallest of which is {labels.Min()}" : "")}.");
        }

        int inputs = Size(0, rows.Shape[1], "inputs"), classes = Size(_sizes.Length - 1, labels.Max() + 1, "classes");
        using ChangeTurns.Scope change = _turns.Begin(nameof(Fit), isTraining: true);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
        NeuralNet net = Pretrained(rows, labels, inputs, classes, ending.Token);
        if (Epochs > 0)
        {
            (Tensor samples, Tensor classesOf) = (rows, Tensor.From([.. labels]));
            if (MinibatchesPerEpoch is { } batches)
            {
                // The rows only say how many there are: each batch is drawn from all samples.
                int[] indices = [.. Enumerable.Range(0, batches * MinibatchSize).Select(i => i % labels.Count)];
                (samples, classesOf) = (rows.Rows(indices), classesOf.Rows(indices));
            }

            net.Fit(samples, classesOf, ending.Token);
        }

        return this;
    }

    /// <summary>Predicts the most probable classes.</summary>
    public int[] Predict(Tensor x) => Read(net => net.Predict(Rows(x)).AsSpan<int>().ToArray());

    /// <summary>Returns the probability of each class, (n, classes).</summary>
    public Tensor PredictProba(Tensor x) => Read(net => net.PredictProba(Rows(x)));

    /// <summary>Returns the accuracy; with <see cref="LossFunct"/>, 1 minus the mean loss.</summary>
    public float Score(Tensor x, IReadOnlyList<int> labels) => Read(net => LossFunct is { } loss
        ? 1 - (float)Mean(loss, Tensor.From([.. labels]), net.PredictProba(Rows(x)))
        : net.Score(Rows(x), Tensor.From([.. labels])));

    /// <summary>Returns the reconstruction of samples by all machines, up and down again, (n, inputs).</summary>
    /// <exception cref="EngineException">There was no pre-training, or the samples do not fit.</exception>
    public Tensor Reconstruct(Tensor x) => Read(_ =>
    {
        if (_machines.Count == 0)
        {
            throw new EngineException(
                "Reconstructions are of machines, and there was no pre-training: set EpochsPretrain.");
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

    private int Size(int index, int found, string what) =>
        _sizes[index] == -1 || _sizes[index] == found ? found : _sizes[index] > found && what == "classes"
            ? _sizes[index]
            : throw new EngineException($"The network is of {_sizes[index]} {what}, and the data have {found}.");

    /// <summary>Trains machines, and returns the network that begins with their weights.</summary>
    private NeuralNet Pretrained(
        Tensor rows, IReadOnlyList<int> labels, int inputs, int classes, CancellationToken cancellationToken)
    {
        var machines = new List<RestrictedBoltzmannMachine>();
        NeuralNet? net = null;
        try
        {
            Pretrain(machines, rows, inputs, cancellationToken);
            net = Make(rows, labels, inputs, classes);
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
        int[] epochs = EpochsPretrain.For(nameof(EpochsPretrain), Weights);
        double[] rates = (LearnRatesPretrain ?? LearnRates).For(nameof(LearnRatesPretrain), Weights);
        double[] costs = (L2CostsPretrain ?? L2Costs).For(nameof(L2CostsPretrain), Weights);
        if (epochs[..^1].All(count => count == 0))
        {
            return;
        }

        BoltzmannUnit hidden = UseReLu ? BoltzmannUnit.Rectified : BoltzmannUnit.Binary;
        float momentum = MomentumPretrain ?? Momentum;
        double factor = NestComparePretrain ?? NestCompare ? 1 : 1 - momentum;
        Tensor values = rows;
        for (int layer = 1; layer < _sizes.Length - 1; layer++)
        {
            var machine = new RestrictedBoltzmannMachine(layer == 1 ? inputs : _sizes[layer - 1], _sizes[layer])
            {
                VisibleUnits = layer == 1 ? (RealValuedVis ? BoltzmannUnit.Gaussian : BoltzmannUnit.Binary)
                    : UseReLu ? BoltzmannUnit.Gaussian : BoltzmannUnit.Binary,
                HiddenUnits = hidden,
                LearningRate = (float)(rates[layer - 1] * factor),
                Momentum = momentum,
                L2 = costs[layer - 1],
                BatchSize = Math.Min(MinibatchSize, rows.Shape[0]),
                BatchesPerEpoch = MinibatchesPerEpoch,
                W = InitialWeights(layer - 1),
                Seed = RandomState + (ulong)layer,
                Device = Device,
            };
            machines.Add(machine);
            int number = layer;
            try
            {
                machine.Fit(values, epochs[layer - 1], (epoch, error) => Report(machine, number, epoch, error),
                    cancellationToken);
            }
            catch (DivergenceException error)
            {
                throw Diverged(machine, number, error.Epoch, error);
            }

            values = machine.Transform(values);
        }
    }

    private static EngineException Diverged(
        RestrictedBoltzmannMachine machine, int layer, int epoch, Exception? error = null) =>
        new(
            FormattableString.Invariant(
                $"The pre-training of hidden layer {layer} ({machine.Visible} to {machine.Hidden} units) has ended in epoch ")
            + FormattableString.Invariant(
                $"{epoch}: its values are nan or infinite. The learning rate of pre-training is {machine.LearningRate:G4}. ")
            + FormattableString.Invariant(
                $"Try a smaller one, such as LearnRatesPretrain = {machine.LearningRate / 10:G3}.")
            + (layer == 1 && machine.VisibleUnits == BoltzmannUnit.Gaussian
                ? " The samples must be of mean 0 and variance 1."
                : ""),
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
            Console.WriteLine(
                FormattableString.Invariant($"layer {layer}, epoch {epoch}: error of reconstruction {error:F5}"));
        }
    }

    private NeuralNet Make(Tensor rows, IReadOnlyList<int> labels, int inputs, int classes)
    {
        double[] dropouts = Dropouts.For(nameof(Dropouts), Weights), costs = L2Costs.For(nameof(L2Costs), Weights);
        var layers = new List<Layer> { new Input(inputs) };
        for (int i = 0; i < Weights; i++)
        {
            if (dropouts[i] > 0)
            {
                layers.Add(new Dropout(dropouts[i]));
            }

            bool isLast = i == Weights - 1;
            layers.Add(new Dense(isLast ? classes : _sizes[i + 1],
                isLast ? OutputActFunct : UseReLu ? Symbolic.Rectify : Symbolic.Sigmoid)
            {
                Name = NameOf(i),
                W = InitialWeights(i),
                L2 = costs[i] / 2,
            });
        }

        var net = new NeuralNet([.. layers])
        {
            Update = Rules(inputs),
            Objective = Objective(),
            MaxEpochs = Epochs,
            BatchIteratorTrain = MinibatchesPerEpoch is null
                ? new BatchIterator(MinibatchSize) { Shuffle = true }
                : new BatchIterator(MinibatchSize) { Transform = batch => Drawn(batch, rows, labels) },
            TrainSplit = TrainSplit,
            Seed = RandomState,
            Verbose = Verbose,
            Device = Device,
        };
        if (LossFunct is { } loss)
        {
            net.CustomScores.Add(new CustomScore("loss_funct", (targets, output) => Mean(loss, targets, output)));
        }

        if (FineTuneCallback is { } callback)
        {
            net.Callbacks.Add(new LambdaCallback { EpochFinished = (_, record) => callback(record) });
        }

        double[] rates = LearnRates.For(nameof(LearnRates), Weights),
            decays = LearnRateDecays.For(nameof(LearnRateDecays), Weights);
        double[] minimums = LearnRateMinimums.For(nameof(LearnRateMinimums), Weights);
        for (int i = 0; i < Weights; i++)
        {
            (double rate, double decay, double minimum) = (rates[i] * Factor, decays[i], minimums[i] * Factor);
            if (decay != 1)
            {
                net.Callbacks.Add(new AdjustVariable(
                    LayerRules.RateOf(i), Schedule.Of(at => Decayed(rate, decay, minimum, at.Epoch - 1))));
            }
        }

        return net;
    }

    /// <summary>Gets the factor of the learning rates with labels that nolearn.dbn's momentum has.</summary>
    private double Factor => Nesterov || NestCompare ? 1 : 1 - Momentum;

    private LayerRules Rules(int inputs)
    {
        double[] rates = LearnRates.For(nameof(LearnRates), Weights);
        double?[] limits = RmsLims.For(nameof(RmsLims), Weights);
        return new LayerRules([.. Enumerable.Range(0, Weights).Select(i =>
        {
            float rate = (float)(rates[i] * Factor);
            UpdateRule rule = Nesterov ? new NesterovMomentum(rate, Momentum) : new Momentum(rate, Momentum);
            return (NameOf(i), limits[i] is { } limit
                ? new NormConstraint(rule, limit * Math.Sqrt(i == 0 ? inputs : _sizes[i]))
                : rule);
        })]);
    }

    private Initializer InitialWeights(int layer)
    {
        double scale = Scales.For(nameof(Scales), Weights)[layer];
        Initializer values = Uniforms.For(nameof(Uniforms), Weights)[layer] ? new Uniform(scale) : new Normal(scale);
        return FanOuts.For(nameof(FanOuts), Weights)[layer] is { } count ? new FewInputs(values, count) : values;
    }

    /// <summary>Returns the loss that belongs to the output layer's activation; null for a classifier's own.</summary>
    /// <exception cref="EngineException">It is another activation.</exception>
    private Func<Variable, Variable, Variable>? Objective() =>
        OutputActFunct == Symbolic.Softmax ? null
        : OutputActFunct == Symbolic.Sigmoid
            ? (output, labels) => Symbolic.Sum(Symbolic.BinaryCrossEntropy(output, Wanted(output, labels)), [1])
        : OutputActFunct == Symbolic.Linear
            ? (output, labels) => Symbolic.Sum(Symbolic.SquaredError(output, Wanted(output, labels)), [1]) * 0.5
        : throw new EngineException(
            "The output layer of a deep belief network has OutputActFunct Softmax, Sigmoid or Linear, "
            + "each with its own loss, and here it is another.");

    /// <summary>Returns 1 for the class of a sample and 0 for the others, of the output's shape and dtype.</summary>
    private static Variable Wanted(Variable output, Variable labels) => ClassOutput.IsBinary(output.Shape)
        ? labels
        : Symbolic.Cast(Symbolic.OneHot(labels, output.Shape[1]), output.DType);

    private static Batch Drawn(Batch batch, Tensor rows, IReadOnlyList<int> labels)
    {
        int[] indices = [.. Enumerable.Range(0, batch.X.Shape[0]).Select(_ => batch.Random.Next(labels.Count))];
        return batch with { X = rows.Rows(indices), Y = Tensor.From([.. indices.Select(index => labels[index])]) };
    }

    private static double Mean(Func<Tensor, Tensor, double> loss, Tensor labels, Tensor output)
    {
        var targets = new NdArray([labels.Shape[0], output.Shape[1]]);
        ReadOnlySpan<int> classes = labels.AsSpan<int>();
        for (int i = 0; i < classes.Length; i++)
        {
            targets[i, classes[i]] = 1;
        }

        return loss(targets.ToTensor(DType.Float32), output) / classes.Length;
    }

    /// <summary>Returns the rate after a number of epochs; it never decays below the minimum.</summary>
    private static double Decayed(double rate, double decay, double minimum, int epochs)
    {
        for (int epoch = 0; epoch < epochs && rate * decay >= minimum; epoch++)
        {
            rate *= decay;
        }

        return rate;
    }

    private string NameOf(int layer) =>
        layer == Weights - 1 ? "output" : FormattableString.Invariant($"hidden{layer + 1}");

    private static void SetWeights(NeuralNet net, List<RestrictedBoltzmannMachine> machines)
    {
        for (int i = 0; i < machines.Count; i++)
        {
            net.Network.Parameters.Single(parameter => parameter.Name == $"hidden{i + 1}.W").Variable
                .SetValue(machines[i].Weights.GetValue());
            net.Network.Parameters.Single(parameter => parameter.Name == $"hidden{i + 1}.b").Variable
                .SetValue(machines[i].HiddenBiases.GetValue());
        }
    }
}
