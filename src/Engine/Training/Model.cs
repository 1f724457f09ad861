using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// All that a network's functions compute, as one symbolic graph: built once, compiled for each data set.
/// </summary>
internal sealed class Model : IDisposable
{
    /// <summary>Far below any sum of weights that means something, and far above what float32 rounds to 0.</summary>
    private const double LeastWeight = 1e-30;

    private readonly NeuralNet _net;
    private readonly IReadOnlyList<Update> _layerUpdates;
    private readonly TrainingGraph _plain;
    private TrainingGraph? _weighted;

    public Model(NeuralNet net, Network network)
    {
        _net = net;
        Network = network;
        DType floatX = network.FloatX;
        Shape output = network.Output.Shape;
        if (!net.Regression && output.Rank != 2)
        {
            throw new EngineException(
                $"The last layer, '{network.Layers[^1].Name}', gives {output}: a classifier ends with one number a "
                + "class, as of Dense(classes, Softmax). For other outputs, such as a class for each pixel, set Regression, give "
                + "targets of the output's shape, and an Objective such as Symbolic.BinaryCrossEntropy."
                + $"{network.Layers[^1].Origin}");
        }

        Target = net.Regression
            ? new Graph.Input(new TensorType(floatX, output), "target")
            : Symbolic.IntVector("target");
        Rows = Symbolic.Scalar("rows", DType.Float64);
        Weights = Symbolic.Variable("weights", floatX, [Shape.Unknown]);
        Random = network.Stream("batch augmentation");
        Classes = net.Regression ? 0 : ClassOutput.Classes(output);
        using (Origin.Use(network.Layers[^1].Origin))
        {
            Probabilities = net.Regression ? network.Output : ClassOutput.Probabilities(network.Output);
        }

        (TrainingLayers, _layerUpdates) = network.BuildTraining();
        (_plain, Rule) = Build(weights: null, former: null);

        Variable losses = Losses(network.Output);
        using Origin.Scope origin = Origin.For("score");
        var validUpdates = new List<Update> { Accumulate(ValidLossSum, Mean(losses), Rows) };
        if (!net.Regression)
        {
            Variable hits = Symbolic.Cast(
                Symbolic.Equal(Symbolic.ArgMax(Probabilities, 1), Target), DType.Float64);
            validUpdates.Add(new Update(CorrectSum, CorrectSum + Symbolic.Sum(hits)));
        }

        ValidUpdates = validUpdates;
        Gate = new Gate(Target.Id);
        foreach (SharedVariable variable in Lasting)
        {
            variable.Gate = Gate;
        }
    }

    /// <summary>What everybody enters who reads or changes parameters, one or all.</summary>
    public Gate Gate { get; }

    public Network Network { get; }

    /// <summary>The layers as they compute in training.</summary>
    public IReadOnlyList<NetworkLayer> TrainingLayers { get; }

    /// <summary>How many classes are told apart; 0 in regression.</summary>
    public int Classes { get; }

    /// <summary>The probability of each class, (n, classes); in regression the output.</summary>
    public Variable Probabilities { get; }

    /// <summary>The labels, or in regression the values, of a batch.</summary>
    public Graph.Input Target { get; }

    /// <summary>The number of samples in a batch, as float64: what its mean loss is weighted with.</summary>
    public Graph.Input Rows { get; }

    /// <summary>How much each sample of a batch counts; not part of the plain graphs.</summary>
    public Graph.Input Weights { get; }

    /// <summary>What augmentation draws from.</summary>
    public RandomStream Random { get; }

    public BuiltUpdates Rule { get; }

    public IReadOnlyList<Update> ValidUpdates { get; }

    /// <summary>Sums over an epoch's samples, in float64 so that thousands of batches lose nothing.</summary>
    public SharedVariable TrainLossSum { get; } = new(Tensor.Scalar(0.0), "train_loss");

    /// <summary>The sum of the weights of an epoch's samples.</summary>
    public SharedVariable TrainWeightSum { get; } = new(Tensor.Scalar(0.0), "train_weight");

    public SharedVariable ValidLossSum { get; } = new(Tensor.Scalar(0.0), "valid_loss");

    public SharedVariable CorrectSum { get; } = new(Tensor.Scalar(0.0), "correct");

    /// <summary>What a training step computes. Weighted or not, it has the same parameters and state.</summary>
    public TrainingGraph Training(bool isWeighted)
    {
        if (!isWeighted)
        {
            return _plain;
        }

        lock (Network)
        {
            return _weighted ??= Build(Weights, Rule).Graph;
        }
    }

    public void Dispose()
    {
        SharedVariable[] owned = [.. Lasting, TrainLossSum, TrainWeightSum, ValidLossSum, CorrectSum];
        Array.ForEach(owned, variable => variable.Dispose());
    }

    /// <summary>What is to be the same until it is changed: all but the sums of an epoch.</summary>
    private IEnumerable<SharedVariable> Lasting =>
    [
        .. Network.Parameters.Select(parameter => parameter.Variable), .. Rule.State, .. Rule.Settings.Values,
        .. Network.Streams.Values.Select(stream => stream.State),
    ];

    private (TrainingGraph Graph, BuiltUpdates Rule) Build(Variable? weights, BuiltUpdates? former)
    {
        Variable loss = Loss(weights);
        BuiltUpdates rule = _net.Update.BuildOn(former, loss, Network.Trainable);
        List<Update> updates = [.. rule.Updates, .. _layerUpdates];
        using Origin.Scope origin = Origin.For("loss");
        if (weights is null)
        {
            updates.Add(Accumulate(TrainLossSum, loss, Rows));
        }
        else
        {
            Variable sum = Symbolic.Sum(Symbolic.Cast(weights, DType.Float64));
            updates.Add(Accumulate(TrainLossSum, loss, sum));
            updates.Add(new Update(TrainWeightSum, TrainWeightSum + sum));
        }

        return (new TrainingGraph(loss, updates), rule);
    }

    /// <summary>The loss of a batch in training, with what regularisation adds.</summary>
    private Variable Loss(Variable? weights)
    {
        Variable losses = Losses(TrainingLayers[^1].Output);
        using Origin.Scope origin = Origin.For("loss");
        Variable loss = weights is null ? Mean(losses) : WeightedMean(losses, weights);
        return Penalty.Of(Network, _net.L1, _net.L2) is { } penalty ? loss + penalty : loss;
    }

    /// <summary>The losses of a batch as the objective has them: a number each sample, more, or one of all.</summary>
    private Variable Losses(Variable output)
    {
        bool isBinary = !_net.Regression && ClassOutput.IsBinary(output.Shape);
        if (_net.Objective is { } objective)
        {
            return objective(output, Wanted());
        }

        using Origin.Scope origin = Origin.For("loss");
        return _net.Regression ? Symbolic.SquaredError(output, Target)
            : isBinary ? Symbolic.BinaryCrossEntropy(output, Wanted())
            : Symbolic.CategoricalCrossEntropy(output, Target);

        Variable Wanted() => isBinary ? ClassOutput.AsOutput(Target, output.DType) : Target;
    }

    private static Variable Mean(Variable losses) => losses.Rank == 0 ? losses : Symbolic.Mean(losses);

    /// <summary>Σ w · l / Σ w, l being the mean of a sample's losses; 0 where all weights are.</summary>
    private static Variable WeightedMean(Variable losses, Variable weights)
    {
        if (losses.Rank == 0)
        {
            throw new EngineException(
                "Weights need the loss of each sample, and the Objective gives one number for the whole batch: leave out "
                + "its Mean.");
        }

        if (losses.Rank > 1)
        {
            losses = Symbolic.Mean(losses, [.. Enumerable.Range(1, losses.Rank - 1)]);
        }

        return Symbolic.Sum(losses * weights) / Symbolic.Maximum(Symbolic.Sum(weights), LeastWeight);
    }

    private static Update Accumulate(SharedVariable sum, Variable loss, Variable count) =>
        new(sum, sum + (Symbolic.Cast(loss, DType.Float64) * count));
}

/// <summary>What a training step computes.</summary>
/// <param name="Loss">The loss of a batch: of its samples, and what regularisation adds.</param>
/// <param name="Updates">What it changes.</param>
internal sealed record TrainingGraph(Variable Loss, IReadOnlyList<Update> Updates);
