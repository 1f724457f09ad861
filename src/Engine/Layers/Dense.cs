using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents every output from every input: f(x · W + b), with W (inputs, units) and b (units). Inputs with more than
/// one side a sample are flattened in C order.
/// </summary>
public sealed class Dense : Layer
{
    /// <summary>Creates a layer of this many units.</summary>
    /// <param name="units">The number of outputs.</param>
    /// <param name="nonlinearity">What is applied to the sums; <see cref="Symbolic.Rectify"/> unless told
    /// otherwise.</param>
    /// <exception cref="EngineException">There are no units.</exception>
    public Dense(int units, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(units > 0, $"Dense needs at least 1 unit, not {units}.");
        Units = units;
        Nonlinearity = nonlinearity ?? Symbolic.Rectify;
    }

    /// <summary>Gets the number of outputs.</summary>
    public int Units { get; }

    /// <summary>Gets what is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>
    /// Gets or sets how many sides of the input stay, that of the batch among them, all behind them being a unit's
    /// inputs: 2 of a sequence, (batch, steps, inputs), whose steps then go through the layer each for itself.
    /// </summary>
    public int LeadingAxes { get; init; } = 1;

    /// <summary>Gets or sets how the weights begin.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets how the biases begin; null for a layer without.</summary>
    public Initializer? B { get; init; } = new Filled();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        scope.Require(LeadingAxes > 0 && LeadingAxes < input.Rank,
            $"Dense keeps {LeadingAxes} sides, and inputs are needed behind them, which {input.Shape} has not.");
        if (LeadingAxes > 1)
        {
            int[] kept = [.. input.Shape.Skip(1).Take(LeadingAxes - 1)];
            input = Symbolic.Reshape(input, [-1, input.Shape.Product(LeadingAxes, input.Rank)]);
            return Symbolic.Reshape(Applied(input, scope), [-1, .. kept, Units]);
        }

        return Applied(input, scope);
    }

    private Variable Applied(Variable input, LayerScope scope)
    {
        Variable x = scope.Floating(input.Rank > 2 ? Symbolic.Flatten(input) : input);
        Variable y = Symbolic.Dot(x, scope.Parameter("W", [x.Shape[1], Units], W));
        return Nonlinearity(B is null ? y : y + scope.Parameter("b", [Units], B, isRegularized: false));
    }
}
