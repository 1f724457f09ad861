using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Describes how one of a network's outputs is compared with what it should be.</summary>
/// <param name="Objective">
/// The loss of each sample, given the output and the targets; null for cross-entropy, or where values are learned squared
/// error.
/// </param>
/// <param name="Weight">What the loss is multiplied with before the losses of all outputs are added up.</param>
public sealed record OutputLoss(Func<Variable, Variable, Variable>? Objective = null, double Weight = 1)
{
    /// <summary>
    /// Gets or sets whether values are learned, and not classes; null for what is said of the network.
    /// </summary>
    public bool? Regression { get; init; }

    /// <summary>Gets or sets the weight as it is used.</summary>
    /// <exception cref="EngineException">It is negative or not finite.</exception>
    public double Weight { get; init; } = Weight >= 0 && double.IsFinite(Weight)
        ? Weight
        : throw new EngineException(FormattableString.Invariant($"A loss has a weight from 0 on, not {Weight}."));

    /// <summary>Returns its members, with points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(OutputLoss), PrintMembers);
}

/// <summary>An output of a network with its targets, and what is told of it.</summary>
internal sealed class OutputHead
{
    private readonly OutputLoss _loss;

    /// <param name="layer">The output.</param>
    /// <param name="loss">How it is compared.</param>
    /// <param name="isRegression">Whether it learns values.</param>
    /// <param name="target">What its targets are called.</param>
    /// <exception cref="EngineException">It is to learn classes and gives no number a class.</exception>
    public OutputHead(NetworkLayer layer, OutputLoss loss, bool isRegression, string target)
    {
        (Layer, _loss, IsRegression) = (layer, loss, isRegression);
        Shape output = layer.Output.Shape;
        if (!isRegression && output.Rank != 2)
        {
            throw new EngineException(
                $"The last layer, '{layer.Name}', gives {output}: a classifier ends with one number a "
                + "class, as of Dense(classes, Softmax). For other outputs, such as a class for each pixel, set Regression, give "
                + "targets of the output's shape, and an Objective such as Symbolic.BinaryCrossEntropy."
                + $"{layer.Origin}");
        }

        Target = isRegression ? new Graph.Input(layer.Output.Type, target) : Symbolic.IntVector(target);
        Classes = isRegression ? 0 : ClassOutput.Classes(output);
    }

    /// <summary>Gets the layer that is an output.</summary>
    public NetworkLayer Layer { get; }

    public string Name => Layer.Name;

    /// <summary>Gets what it gives in use.</summary>
    public Variable Output => Layer.Output;

    /// <summary>Gets whether values are learned, and not classes.</summary>
    public bool IsRegression { get; }

    /// <summary>Gets whether the loss is the user's own.</summary>
    public bool HasObjective => _loss.Objective is not null;

    /// <summary>Gets the labels, or in regression the values, of a batch.</summary>
    public Graph.Input Target { get; }

    /// <summary>Gets how many classes are told apart; 0 in regression.</summary>
    public int Classes { get; }

    /// <summary>Gets the part that it has in the loss of all outputs.</summary>
    public double Weight => _loss.Weight;

    /// <summary>Gets the probability of each class, (n, classes); in regression the output.</summary>
    public Variable Probabilities
    {
        get
        {
            if (field is null)
            {
                using Origin.Scope origin = Origin.Use(Layer.Origin);
                field = IsRegression ? Output : ClassOutput.Probabilities(Output);
            }

            return field;
        }
    }

    /// <summary>Gets how many of a batch's samples are taken for what they are, as float64; for classifiers.</summary>
    public Variable Hits => Symbolic.Sum(Symbolic.Cast(
        Symbolic.Equal(Symbolic.ArgMax(Probabilities, 1), Target), DType.Float64));

    /// <summary>
    /// Returns the losses of a batch as the objective has them: a number each sample, more, or one of all.
    /// </summary>
    public Variable Losses(Variable output)
    {
        bool isBinary = !IsRegression && ClassOutput.IsBinary(output.Shape);
        if (_loss.Objective is { } objective)
        {
            return objective(output, Wanted());
        }

        using Origin.Scope origin = Origin.For("loss");
        return IsRegression ? Symbolic.SquaredError(output, Target)
            : isBinary ? Symbolic.BinaryCrossEntropy(output, Wanted())
            : Symbolic.CategoricalCrossEntropy(output, Target);

        Variable Wanted() => isBinary ? ClassOutput.AsOutput(Target, output.DType) : Target;
    }
}
