using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Connects every output with every input: f(x · W + b), with W (inputs, units) and b (units). Samples with more than
/// one axis are flattened in C order.
/// </summary>
public sealed class Dense : Layer
{
    /// <summary>Creates a layer of this many units.</summary>
    /// <param name="units">The number of outputs.</param>
    /// <param name="nonlinearity">
    /// The function that is applied to the sums. The default is <see cref="Symbolic.Rectify"/>.
    /// </param>
    /// <exception cref="EngineException">The number of units is not positive.</exception>
    public Dense(int units, Func<Variable, Variable>? nonlinearity = null)
    {
        Require(units > 0, $"Dense needs at least 1 unit, not {units}.");
        Units = units;
        Nonlinearity = nonlinearity ?? Symbolic.Rectify;
    }

    /// <summary>Gets the number of outputs.</summary>
    public int Units { get; }

    /// <summary>Gets the function that is applied to the sums.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    /// <summary>
    /// Gets or sets the number of leading axes of the input to keep, including the batch. All axes after them are a
    /// unit's inputs. With 2, each step of a sequence, (batch, steps, inputs), goes through the layer separately.
    /// </summary>
    public int LeadingAxes { get; init; } = 1;

    /// <summary>Gets or sets the initializer of the weights.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets the initializer of the biases; null for no biases.</summary>
    public Initializer? B { get; init; } = new Full();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        scope.Require(LeadingAxes > 0 && LeadingAxes < input.Rank,
            $"Dense needs LeadingAxes from 1 to {input.Rank - 1} for an input of shape {input.Shape}, "
            + $"not {LeadingAxes}.");
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
