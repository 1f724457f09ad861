using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>
/// Represents all computations of a trainer as one symbolic graph. It is built once and compiled for each data set.
/// </summary>
internal sealed class TrainerGraph : IDisposable
{
    /// <summary>Far below any meaningful sum of weights, and far above the numbers that float32 rounds to 0.</summary>
    private const double MinWeight = 1e-30;

    private readonly Trainer _trainer;
    private readonly NetworkOutputs _training;
    private readonly TrainingGraph _plain;
    private TrainingGraph? _weighted;

    /// <param name="trainer">The losses and the update rule.</param>
    /// <param name="former">
    /// The graph before a change, such as frozen parameters. The new graph keeps its state.
    /// </param>
    public TrainerGraph(Trainer trainer, TrainerGraph? former = null)
    {
        _trainer = trainer;
        Network network = trainer.Network;
        Version = network.Version;
        Heads = former?.Heads ?? Outputs(trainer);
        Rows = Symbolic.Scalar("rows", DType.Float64);
        Weights = Symbolic.Variable("weights", network.FloatX, [Shape.Unknown]);
        Random = network.Stream("batch augmentation");
        _ = Heads.Select(head => head.Probabilities).ToArray();
        Owners = trainer.StateRanks is { } ranks ? new StateOwners(ranks, network.Parameters) : null;
        _training = network.Build(network.Inputs, isTraining: true, trainer.BatchRanks);
        (_plain, Rule) = Build(weights: null, former: null);
        if (former is not null)
        {
            Rule.TakeOver(former.Rule);
            former.DisposeRule();
        }

        Variable loss = Total("score", Mean, head => head.Output);
        using Origin.Scope origin = Origin.For("score");
        var validUpdates = new List<Update> { Accumulate(ValidLossSum, loss, Rows) };
        if (Scored is { } scored)
        {
            validUpdates.Add(new Update(CorrectSum, CorrectSum + scored.Hits));
        }

        (ValidLoss, ValidUpdates) = (loss, validUpdates);
        foreach (SharedVariable variable in RuleVariables)
        {
            variable.Gate = Gate;
        }
    }

    /// <summary>Gets the gate for threads that read or change parameters.</summary>
    public Gate Gate => Network.Gate;

    public Network Network => _trainer.Network;

    /// <summary>Gets the version of the network that it was built for.</summary>
    public int Version { get; }

    /// <summary>Gets the outputs with their targets.</summary>
    public IReadOnlyList<OutputHead> Heads { get; }

    /// <summary>Gets the first output, which predicts.</summary>
    public OutputHead Head => Heads[0];

    /// <summary>Gets the output whose accuracy is reported: the first classifier; null if there is none.</summary>
    public OutputHead? Scored => Heads.FirstOrDefault(head => !head.IsRegression);

    /// <summary>Gets the layers in training mode.</summary>
    public IReadOnlyList<NetworkLayer> TrainingLayers => _training.Layers;

    /// <summary>Gets the number of samples in a batch as float64, the weight of its mean loss.</summary>
    public Graph.Input Rows { get; }

    /// <summary>Gets the weight of each sample in a batch. Graphs without weights do not use it.</summary>
    public Graph.Input Weights { get; }

    /// <summary>Gets the random stream of the augmentation.</summary>
    public RandomStream Random { get; }

    public BuiltUpdates Rule { get; }

    /// <summary>Gets which rank keeps which part of the rule's state; null if each rank keeps all.</summary>
    public StateOwners? Owners { get; }

    /// <summary>Gets the loss of a batch in use, without what regularization adds.</summary>
    public Variable ValidLoss { get; }

    public IReadOnlyList<Update> ValidUpdates { get; }

    /// <summary>
    /// Gets the sum of the losses over an epoch's samples. It is float64, so thousands of batches lose no precision.
    /// </summary>
    public SharedVariable TrainLossSum { get; } = new(Tensor.Scalar(0.0), "train_loss");

    /// <summary>Gets the sum of the weights of an epoch's samples.</summary>
    public SharedVariable TrainWeightSum { get; } = new(Tensor.Scalar(0.0), "train_weight");

    public SharedVariable ValidLossSum { get; } = new(Tensor.Scalar(0.0), "valid_loss");

    public SharedVariable CorrectSum { get; } = new(Tensor.Scalar(0.0), "correct");

    /// <summary>
    /// Returns the graph of a training step. With or without weights, it has the same parameters and state.
    /// </summary>
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

    /// <summary>
    /// Returns what a rank computes of a shard of a batch, and what all do with the sums of the shards.
    /// </summary>
    public ShardGraph Sharded(bool isWeighted, ShardPlan plan) => new(
        this, Loss(isWeighted ? Weights : null), _training.Updates,
        [.. Network.Parameters.Where(parameter => parameter.IsTrainable)], _trainer.Update, isWeighted, plan);

    public void Dispose()
    {
        DisposeRule();
        SharedVariable[] sums = [TrainLossSum, TrainWeightSum, ValidLossSum, CorrectSum];
        Array.ForEach(sums, variable => variable.Dispose());
    }

    private IEnumerable<SharedVariable> RuleVariables => [.. Rule.State, .. Rule.Settings.Values];

    private void DisposeRule()
    {
        foreach (SharedVariable variable in RuleVariables)
        {
            variable.Dispose();
        }
    }

    /// <summary>Returns the network's outputs with their losses.</summary>
    private static OutputHead[] Outputs(Trainer trainer)
    {
        IReadOnlyList<NetworkLayer> outputs = trainer.Network.Outputs;
        if (trainer.Losses.Keys.FirstOrDefault(name => outputs.All(output => output.Name != name)) is { } unknown)
        {
            throw new EngineException(
                $"There is a loss for '{unknown}', which is no output of the network: its outputs are "
                + $"{string.Join(", ", outputs.Select(output => $"'{output.Name}'"))}.");
        }

        return [.. outputs.Select(output =>
        {
            OutputLoss loss = trainer.Losses.GetValueOrDefault(output.Name) ?? new OutputLoss(trainer.Objective);
            return new OutputHead(
                output, loss, loss.Regression ?? trainer.Regression,
                outputs.Count == 1 ? "target" : $"target of {output.Name}");
        })];
    }

    private (TrainingGraph Graph, BuiltUpdates Rule) Build(Variable? weights, BuiltUpdates? former)
    {
        Variable loss = Loss(weights);
        Parameter[] parameters = [.. Network.Parameters.Where(parameter => parameter.IsTrainable)];
        (BuiltUpdates rule, List<Update> updates) = Steps(former, loss, parameters);
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

        (IReadOnlyList<Variable> outputs, IReadOnlyList<Update> rounded) = InPrecision([loss], updates);
        return (new TrainingGraph(outputs[0], rounded), rule);
    }

    /// <summary>Returns the updates of a step: of the parameters, of the rule's state and of the layers.</summary>
    private (BuiltUpdates Rule, List<Update> Updates) Steps(BuiltUpdates? former, Variable loss, Parameter[] parameters)
    {
        if (LossScale(former) is not { } scale)
        {
            BuiltUpdates plain = _trainer.Update.BuildOn(former, loss, parameters, Owners);
            return (plain, [.. plain.Updates, .. _training.Updates]);
        }

        IReadOnlyList<Variable> gradients =
            scale.Gradients(loss, [.. parameters.Select(parameter => parameter.Variable)]);
        BuiltUpdates rule = _trainer.Update.BuildOn(former, loss.DType, parameters, gradients, Owners);
        return (
            rule with { State = [.. rule.State, .. scale.State] },
            [.. scale.Guard(rule.Updates.Concat(_training.Updates), gradients)]);
    }

    /// <summary>
    /// Returns the loss scale, that of a former graph of the same parameters if there is one; null if the precision
    /// needs none.
    /// </summary>
    public LossScale? LossScale(BuiltUpdates? former) =>
        _trainer.Precision == Precision.MixedFloat16 ? new LossScale(former) : null;

    /// <summary>Returns outputs and updates of a step as the trainer's precision computes them.</summary>
    /// <exception cref="EngineException">The precision is mixed, and the network is not float32.</exception>
    public (IReadOnlyList<Variable> Outputs, IReadOnlyList<Update> Updates) InPrecision(
        IReadOnlyList<Variable> outputs, IReadOnlyList<Update> updates)
    {
        if (_trainer.Precision.Stored() is not { } stored)
        {
            return (outputs, updates);
        }

        if (Network.FloatX != DType.Float32)
        {
            throw new EngineException(
                $"In mixed precision parameters are float32, and the network's FloatX is {Network.FloatX.Name()}: "
                + "leave one of them out.");
        }

        IReadOnlyList<Variable> values =
            MixedPrecision.Apply([.. outputs, .. updates.Select(update => update.Value)], stored);
        return (
            [.. values.Take(outputs.Count)],
            [.. updates.Zip(values.Skip(outputs.Count), (update, value) => new Update(update.Target, value))]);
    }

    /// <summary>Returns the loss of a batch in training, with regularization.</summary>
    private Variable Loss(Variable? weights)
    {
        Dictionary<OutputHead, Variable> outputs = Heads.Zip(_training.Outputs).ToDictionary();
        Variable loss = Total(
            "loss", losses => weights is null ? Mean(losses) : WeightedMean(losses, weights), head => outputs[head]);
        using Origin.Scope origin = Origin.For("loss");
        return Penalty.Of(Network, _trainer.L1, _trainer.L2) is { } penalty ? loss + penalty : loss;
    }

    /// <summary>Returns Σ weight · mean loss over the outputs.</summary>
    private Variable Total(string part, Func<Variable, Variable> mean, Func<OutputHead, Variable> output)
    {
        Variable? total = null;
        foreach (OutputHead head in Heads)
        {
            Variable losses = head.Losses(output(head));
            using Origin.Scope origin = Origin.For(part);
            Variable loss = head.Weight == 1 ? mean(losses) : mean(losses) * head.Weight;
            total = total is null ? loss : total + loss;
        }

        return total!;
    }

    private static Variable Mean(Variable losses) => losses.Rank == 0 ? losses : Symbolic.Mean(losses);

    /// <summary>Returns Σ w · l / Σ w, where l is the mean of a sample's losses; 0 if all weights are 0.</summary>
    private static Variable WeightedMean(Variable losses, Variable weights)
    {
        if (losses.Rank == 0)
        {
            throw new EngineException(
                "Weights need the loss of each sample, and the Objective gives one number for the whole batch: "
                + "leave out its Mean.");
        }

        if (losses.Rank > 1)
        {
            losses = Symbolic.Mean(losses, [.. Enumerable.Range(1, losses.Rank - 1)]);
        }

        return Symbolic.Sum(losses * weights) / Symbolic.Maximum(Symbolic.Sum(weights), MinWeight);
    }

    private static Update Accumulate(SharedVariable sum, Variable loss, Variable count) =>
        new(sum, sum + (Symbolic.Cast(loss, DType.Float64) * count));
}

/// <summary>Represents a training step as a graph.</summary>
/// <param name="Loss">The loss of a batch, with regularization.</param>
/// <param name="Updates">The updates of the step.</param>
internal sealed record TrainingGraph(Variable Loss, IReadOnlyList<Update> Updates);
