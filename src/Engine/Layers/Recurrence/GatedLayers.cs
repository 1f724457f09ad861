using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents the base of recurrent layers with gates W x + U h + b, where W is (inputs, gates · units) and U is
/// (units, gates · units). The products with the inputs are computed for all steps at once.
/// </summary>
public abstract class GatedLayer : RecurrentLayer
{
    private protected GatedLayer(int units) : base(units)
    {
    }

    /// <summary>Gets or sets the initializer of the inputs' weights.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets the initializer of the state's weights.</summary>
    public Initializer U { get; init; } = new Orthogonal();

    /// <summary>Gets or sets the initializer of the biases.</summary>
    public Initializer B { get; init; } = new Full();

    /// <summary>
    /// Gets or sets the limit of the gradients that flow back into the gates at each step, each element clipped to the
    /// range from −limit to limit; null, which Lasagne's 0 becomes, for no limit.
    /// </summary>
    /// <exception cref="EngineException">It is negative or not finite.</exception>
    public double? GradClipping
    {
        get;
        init
        {
            Require(
                value is not { } max || (max >= 0 && double.IsFinite(max)),
                $"{Kind} clips gradients to a finite number from 0 on, not to {value}.");
            field = value is 0 ? null : value;
        }
    }

    /// <summary>Gets the number of gates of a unit.</summary>
    private protected abstract int Gates { get; }

    /// <inheritdoc/>
    protected sealed override IReadOnlyList<Variable> Step(
        Variable input, IReadOnlyList<Variable> before, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(scope);
        int width = Gates * Units;
        Variable projected = Symbolic.Dot(input, scope.Parameter("W", [input.Shape[1], width], W))
            + scope.Parameter("b", [width], B, isRegularized: false);
        return Next(projected, Symbolic.Dot(before[0], scope.Parameter("U", [Units, width], U)), before, scope);
    }

    /// <summary>
    /// Returns a step's state from the inputs' part and the previous output's part, (batch, gates · units) each, and
    /// the previous state.
    /// </summary>
    private protected abstract IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope);

    /// <summary>Returns the gates' sums, whose gradients are clipped.</summary>
    private protected Variable Clipped(Variable sums) =>
        GradClipping is { } max ? Symbolic.GradClip(sums, -max, max) : sums;

    /// <summary>Returns the part of one gate from (batch, gates · units).</summary>
    private protected Variable Gate(Variable gates, int gate) => Symbolic.Slice(gates, 1, gate * Units, Units);
}

/// <summary>Represents the simplest recurrent layer: h' = f(W x + U h + b).</summary>
public sealed class Recurrent : GatedLayer
{
    /// <summary>Creates a layer with a number of units.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
    public Recurrent(int units, Func<Variable, Variable>? nonlinearity = null) : base(units) =>
        Nonlinearity = nonlinearity ?? Symbolic.Tanh;

    /// <summary>Gets the function. The default is tanh.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    private protected override int Gates => 1;

    private protected override IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope) =>
        [Nonlinearity(Clipped(projected + fed))];
}

/// <summary>
/// Represents long short-term memory: i, f, g, o are the parts of W x + U h + b; c' = σ(f) · c + σ(i) · tanh(g); h' =
/// σ(o) · tanh(c') (Hochreiter, Schmidhuber: Neural Computation 9, 1997, with forget gates and without peepholes:
/// PyTorch's form and order of gates).
/// </summary>
public sealed class Lstm : GatedLayer
{
    /// <summary>Creates a layer with a number of units.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
    public Lstm(int units) : base(units)
    {
    }

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Kept => ["h", "c"];

    private protected override int Gates => 4;

    private protected override IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope)
    {
        Variable gates = Clipped(projected + fed);
        Variable c = (Symbolic.Sigmoid(Gate(gates, 1)) * before[1])
            + (Symbolic.Sigmoid(Gate(gates, 0)) * Symbolic.Tanh(Gate(gates, 2)));
        return [Symbolic.Sigmoid(Gate(gates, 3)) * Symbolic.Tanh(c), c];
    }
}

/// <summary>
/// Represents gated recurrent units: r₁, z₁, n₁ are the parts of W x + b, and r₂, z₂, n₂ those of U h + c; r = σ(r₁ +
/// r₂), z = σ(z₁ + z₂), n = tanh(n₁ + r · n₂); h' = (1 − z) · n + z · h (Cho et al.: EMNLP 2014; PyTorch's form and
/// order of gates).
/// </summary>
public sealed class Gru : GatedLayer
{
    /// <summary>Creates a layer with a number of units.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
    public Gru(int units) : base(units)
    {
    }

    private protected override int Gates => 3;

    private protected override IReadOnlyList<Variable> Next(
        Variable projected, Variable fed, IReadOnlyList<Variable> before, LayerScope scope)
    {
        projected = Clipped(projected);
        Variable of = Clipped(fed + scope.Parameter("c", [Gates * Units], B, isRegularized: false));
        Variable r = Symbolic.Sigmoid(Gate(projected, 0) + Gate(of, 0)),
            z = Symbolic.Sigmoid(Gate(projected, 1) + Gate(of, 1));
        Variable n = Symbolic.Tanh(Gate(projected, 2) + (r * Gate(of, 2)));
        return [n + (z * (before[0] - n))];
    }
}
