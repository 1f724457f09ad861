using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Concatenates its inputs along an axis. Their other dimensions must be equal.</summary>
public sealed class Concat : MergeLayer
{
    /// <summary>
    /// Creates a concatenation along this axis. Axis 0 is the batch's; a negative axis counts from the innermost.
    /// </summary>
    /// <exception cref="EngineException">The axis is the batch's.</exception>
    public Concat(int axis = 1)
    {
        Require(axis != 0, "Concat joins samples along their own axes, from 1 on: axis 0 is the batch's.");
        Axis = axis;
    }

    /// <summary>Gets the axis.</summary>
    public int Axis { get; }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(inputs.All(input => Axis >= -input.Rank + 1 && Axis < input.Rank),
            $"Concat along axis {Axis} needs inputs that have it, behind the batch's, "
            + $"not {ElementwiseLayer.Shapes(inputs)}.");
        return Symbolic.Concat(Axis, [.. inputs]);
    }
}

/// <summary>
/// Represents the base of layers that combine inputs element by element. Inputs have the same shape, or dimensions of 1
/// that are broadcast.
/// </summary>
public abstract class ElementwiseLayer : MergeLayer
{
    private protected ElementwiseLayer()
    {
    }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(inputs.All(input => input.Rank == inputs[0].Rank),
            $"{Kind} needs inputs with as many dimensions, not {Shapes(inputs)}.");
        return inputs.Select((input, i) => Part(scope.Floating(input), i, inputs.Count, scope)).Aggregate(Join);
    }

    internal static string Shapes(IEnumerable<Variable> inputs) =>
        string.Join(" and ", inputs.Select(input => input.Shape));

    private protected virtual Variable Part(Variable input, int index, int count, LayerScope scope) => input;

    private protected abstract Variable Join(Variable a, Variable b);
}

/// <summary>Adds its inputs, each times a factor if factors are given (Lasagne's <c>ElemwiseSumLayer</c>).</summary>
public sealed class Add : ElementwiseLayer
{
    private readonly double[] _factors;

    /// <summary>Creates a sum of inputs times these factors, or of the inputs if there are no factors.</summary>
    public Add(params ReadOnlySpan<double> factors) => _factors = factors.ToArray();

    /// <summary>Gets the factor of each input; empty for 1.</summary>
    public IReadOnlyList<double> Factors => _factors;

    private protected override Variable Part(Variable input, int index, int count, LayerScope scope)
    {
        scope.Require(_factors.Length == 0 || _factors.Length == count,
            $"Add has {_factors.Length} factors, but {count} inputs: one for each.");
        return _factors.Length == 0 || _factors[index] == 1 ? input : input * _factors[index];
    }

    private protected override Variable Join(Variable a, Variable b) => a + b;
}

/// <summary>Multiplies its inputs.</summary>
public sealed class Multiply : ElementwiseLayer
{
    private protected override Variable Join(Variable a, Variable b) => a * b;
}

/// <summary>Computes the maximum of its inputs.</summary>
public sealed class Maximum : ElementwiseLayer
{
    private protected override Variable Join(Variable a, Variable b) => Symbolic.Maximum(a, b);
}

/// <summary>Computes the mean of its inputs.</summary>
public sealed class Average : ElementwiseLayer
{
    private protected override Variable Part(Variable input, int index, int count, LayerScope scope) =>
        input * (1.0 / count);

    private protected override Variable Join(Variable a, Variable b) => a + b;
}

/// <summary>
/// Combines its inputs by a function: <c>new Merge((a, b) => Symbolic.Abs(a - b)).On(left, right)</c>.
/// </summary>
public sealed class Merge : MergeLayer
{
    private readonly Func<IReadOnlyList<Variable>, Variable> _function;
    private readonly int? _inputs;

    /// <summary>Creates a layer from a function of any number of inputs.</summary>
    public Merge(Func<IReadOnlyList<Variable>, Variable> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        _function = function;
    }

    /// <summary>Creates a layer from a function of two inputs.</summary>
    public Merge(Func<Variable, Variable, Variable> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        (_function, _inputs) = (inputs => function(inputs[0], inputs[1]), 2);
    }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(_inputs is null || inputs.Count == _inputs,
            $"Merge has a function of {_inputs} inputs, and {inputs.Count} are given.");
        return _function(inputs);
    }
}
