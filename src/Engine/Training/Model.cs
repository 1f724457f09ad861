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
    public Model(NeuralNet net, Network network)
    {
        Network = network;
        DType floatX = network.FloatX;
        Shape output = network.Output.Shape;
        if (!net.Regression && output.Rank != 2)
        {
            throw new EngineException(
                $"The last layer, '{network.Layers[^1].Name}', gives {output}: a classifier ends with one number a "
                + $"class, as of a Dense layer. For other outputs set Regression.{network.Layers[^1].Origin}");
        }

        Target = net.Regression
            ? new Graph.Input(new TensorType(floatX, output), "target")
            : Symbolic.IntVector("target");
        Rows = Symbolic.Scalar("rows", DType.Float64);

        Func<Variable, Variable, Variable> objective = net.Objective
            ?? (net.Regression ? Symbolic.SquaredError : Symbolic.CategoricalCrossEntropy);
        (Variable trained, IReadOnlyList<Update> layerUpdates) = network.BuildTraining();
        TrainLoss = Loss(objective, trained);
        Rule = net.Update.Build(TrainLoss, network.Trainable);
        TrainUpdates = [.. Rule.Updates, .. layerUpdates, Accumulate(TrainLossSum, TrainLoss)];

        var validUpdates = new List<Update> { Accumulate(ValidLossSum, Loss(objective, network.Output)) };
        if (!net.Regression)
        {
            Variable hits = Symbolic.Cast(
                Symbolic.Equal(Symbolic.ArgMax(network.Output, 1), Target), DType.Float64);
            validUpdates.Add(new Update(CorrectSum, CorrectSum + Symbolic.Sum(hits)));
        }

        ValidUpdates = validUpdates;
    }

    public Network Network { get; }

    /// <summary>The labels, or in regression the values, of a batch.</summary>
    public Graph.Input Target { get; }

    /// <summary>The number of samples in a batch, as float64: what its mean loss is weighted with.</summary>
    public Graph.Input Rows { get; }

    /// <summary>The mean loss of a batch in training.</summary>
    public Variable TrainLoss { get; }

    public BuiltUpdates Rule { get; }

    public IReadOnlyList<Update> TrainUpdates { get; }

    public IReadOnlyList<Update> ValidUpdates { get; }

    /// <summary>Sums over an epoch's samples, in float64 so that thousands of batches lose nothing.</summary>
    public SharedVariable TrainLossSum { get; } = new(Tensor.Scalar(0.0), "train_loss");

    public SharedVariable ValidLossSum { get; } = new(Tensor.Scalar(0.0), "valid_loss");

    public SharedVariable CorrectSum { get; } = new(Tensor.Scalar(0.0), "correct");

    public void Dispose()
    {
        SharedVariable[] owned =
        [
            .. Network.Parameters.Select(parameter => parameter.Variable), .. Rule.State, .. Rule.Settings.Values,
            .. Network.Streams.Values.Select(stream => stream.State),
            TrainLossSum, ValidLossSum, CorrectSum,
        ];
        Array.ForEach(owned, variable => variable.Dispose());
    }

    private Variable Loss(Func<Variable, Variable, Variable> objective, Variable output)
    {
        Variable loss = objective(output, Target);
        return loss.Rank == 0 ? loss : Symbolic.Mean(loss);
    }

    private Update Accumulate(SharedVariable sum, Variable loss) =>
        new(sum, sum + (Symbolic.Cast(loss, DType.Float64) * Rows));
}
