using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Variable = Engine.Graph.Variable;

namespace Engine.Training;

/// <summary>Describes the loss of one of a network's outputs.</summary>
/// <param name="Objective">
/// The loss of each sample, given the output and the targets; null for cross-entropy, or squared error in regression.
/// </param>
/// <param name="Weight">The factor of the loss in the sum of the losses of all outputs.</param>
public sealed record OutputLoss(Func<Variable, Variable, Variable>? Objective = null, double Weight = 1)
{
    /// <summary>
    /// Gets or sets whether the output learns values, not classes; null to follow the network's setting.
    /// </summary>
    public bool? Regression { get; init; }

    /// <summary>Gets or sets the weight of the loss.</summary>
    /// <exception cref="EngineException">It is negative or not finite.</exception>
    public double Weight { get; init; } = Weight >= 0 && double.IsFinite(Weight)
        ? Weight
        : throw new EngineException(FormattableString.Invariant($"A loss has a weight from 0 on, not {Weight}."));

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(OutputLoss), PrintMembers);
}

/// <summary>Represents an output of a network with its targets, losses and accuracy.</summary>
internal sealed class OutputHead
{
    private readonly OutputLoss _loss;

    /// <param name="layer">The output.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="isRegression">Whether it learns values.</param>
    /// <param name="target">The name of its targets.</param>
    /// <exception cref="EngineException">It must learn classes, but does not give one number per class.</exception>
    public OutputHead(NetworkLayer layer, OutputLoss loss, bool isRegression, string target)
    {
        (Layer, _loss, IsRegression) = (layer, loss, isRegression);
        Shape output = layer.Output.Shape;
        if (!isRegression && output.Rank != 2)
        {
            throw new EngineException(
                $"The last layer, '{layer.Name}', gives {output}: a classifier ends with one number a "
                + "class, as of Dense(classes, Softmax). For other outputs, such as a class for each pixel, "
                + "set Regression, give targets of the output's shape, and an Objective such as "
                + $"Symbolic.BinaryCrossEntropy.{layer.Origin}");
        }

        Target = isRegression ? new Graph.Input(layer.Output.Type, target) : Symbolic.IntVector(target);
        Classes = isRegression ? 0 : ClassOutput.Classes(output);
    }

    /// <summary>Gets the layer that is an output.</summary>
    public NetworkLayer Layer { get; }

    public string Name => Layer.Name;

    /// <summary>Gets the output in prediction.</summary>
    public Variable Output => Layer.Output;

    /// <summary>Gets whether it learns values, not classes.</summary>
    public bool IsRegression { get; }

    /// <summary>Gets whether the loss is the user's own.</summary>
    public bool HasObjective => _loss.Objective is not null;

    /// <summary>Gets the labels, or the values in regression, of a batch.</summary>
    public Graph.Input Target { get; }

    /// <summary>Gets the number of classes; 0 in regression.</summary>
    public int Classes { get; }

    /// <summary>Gets its factor in the loss of all outputs.</summary>
    public double Weight => _loss.Weight;

    /// <summary>Gets the probability of each class, (n, classes); in regression, the output.</summary>
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

    /// <summary>Gets the number of correctly classified samples of a batch, as float64; for classifiers.</summary>
    public Variable Hits => Symbolic.Sum(Symbolic.Cast(
        Symbolic.Equal(Symbolic.ArgMax(Probabilities, 1), Target), DType.Float64));

    /// <summary>
    /// Returns the losses of a batch from the objective: one or more numbers per sample, or one for the batch.
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
