using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Recurrent layers whose gates are W x + U h + b: W of (inputs, gates · units), U of (units, gates · units). The products of
/// inputs are computed for all steps at once.
/// </summary>
public abstract class GatedLayer : RecurrentLayer
{
    private protected GatedLayer(int units) : base(units)
    {
    }

    /// <summary>Gets or sets how the weights of the inputs begin.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets how the weights of what is kept begin.</summary>
    public Initializer U { get; init; } = new Orthogonal();

    /// <summary>Gets or sets how the biases begin.</summary>
    public Initializer B { get; init; } = new Filled();

    /// <summary>How many numbers a unit needs of its inputs: one for each gate.</summary>
    private protected abstract int Gates { get; }

    /// <inheritdoc/>
    protected sealed override IReadOnlyList<Variable> Step(Variable input, IReadOnlyList<Variable> before, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(scope);
        int width = Gates * Units;
        Variable projected = Symbolic.Dot(input, scope.Parameter("W", [input.Shape[1], width], W))
            + scope.Parameter("b", [width], B, isRegularized: false);
        return Next(projected, Symbolic.Dot(before[0], scope.Parameter("U", [Units, width], U)), before, scope);
    }

    /// <summary>What a step makes of its inputs' part and of the output's before, (batch, gates · units) each, and of what is kept.</summary>
    private protected abstract IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope);

    /// <summary>The part of a gate of (batch, gates · units).</summary>
    private protected Variable Gate(Variable gates, int gate) => Symbolic.Slice(gates, 1, gate * Units, Units);
}

/// <summary>Represents the simplest recurrent layer: h' = f(W x + U h + b).</summary>
public sealed class Recurrent : GatedLayer
{
    /// <summary>So many units.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Recurrent(int units, Func<Variable, Variable>? nonlinearity = null) : base(units) =>
        Nonlinearity = nonlinearity ?? Symbolic.Tanh;

    /// <summary>Gets the function; tanh unless told otherwise.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    private protected override int Gates => 1;

    private protected override IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope) => [Nonlinearity(projected + fed)];
}

/// <summary>
/// Long short-term memory: i, f, g, o = W x + U h + b in parts; c' = σ(f) · c + σ(i) · tanh(g); h' = σ(o) · tanh(c')
/// (Hochreiter, Schmidhuber: Neural Computation 9, 1997, with forget gates and without peepholes: PyTorch's form, its gates
/// in this order).
/// </summary>
public sealed class Lstm : GatedLayer
{
    /// <summary>So many units.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Lstm(int units) : base(units)
    {
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Kept => ["h", "c"];

    private protected override int Gates => 4;

    private protected override IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope)
    {
        Variable gates = projected + fed;
        Variable c = (Symbolic.Sigmoid(Gate(gates, 1)) * before[1])
            + (Symbolic.Sigmoid(Gate(gates, 0)) * Symbolic.Tanh(Gate(gates, 2)));
        return [Symbolic.Sigmoid(Gate(gates, 3)) * Symbolic.Tanh(c), c];
    }
}

/// <summary>
/// Gated recurrent units: r, z, n of W x + b, and of U h + c, in parts; r = σ(r₁ + r₂), z = σ(z₁ + z₂), n = tanh(n₁ + r ·
/// n₂); h' = (1 − z) · n + z · h (Cho et al.: EMNLP 2014; PyTorch's form, its gates in this order).
/// </summary>
public sealed class Gru : GatedLayer
{
    /// <summary>So many units.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Gru(int units) : base(units)
    {
    }

    private protected override int Gates => 3;

    private protected override IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope)
    {
        Variable of = fed + scope.Parameter("c", [Gates * Units], B, isRegularized: false);
        Variable r = Symbolic.Sigmoid(Gate(projected, 0) + Gate(of, 0)), z = Symbolic.Sigmoid(Gate(projected, 1) + Gate(of, 1));
        Variable n = Symbolic.Tanh(Gate(projected, 2) + (r * Gate(of, 2)));
        return [n + (z * (before[0] - n))];
    }
}
