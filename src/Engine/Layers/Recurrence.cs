using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Layers that go along a sequence, (batch, steps, inputs), from step to step with what they keep of those before: (batch,
/// steps, units), or only the last step's (batch, units). A second input of two sides, (batch, steps), is a mask: at a step
/// that has 0 there, what is kept stays as it was. Steps are laid out one after the other in the graph.
/// </summary>
public abstract class RecurrentLayer : MergeLayer
{
    private protected RecurrentLayer(int units)
    {
        Require(units > 0, $"{Kind} needs at least 1 unit, not {units}.");
        Units = units;
    }

    /// <summary>How many numbers a step gives.</summary>
    public int Units { get; }

    /// <summary>Whether only the last step's output is given, (batch, units).</summary>
    public bool OnlyLast { get; init; }

    /// <summary>Whether it goes from the last step to the first; outputs stay in the order of the steps.</summary>
    public bool Backwards { get; init; }

    /// <summary>How the weights of the inputs begin.</summary>
    public Initialiser W { get; init; } = new GlorotUniform();

    /// <summary>How the weights of what is kept begin.</summary>
    public Initialiser U { get; init; } = new Orthogonal();

    /// <summary>How the biases begin.</summary>
    public Initialiser B { get; init; } = new Filled();

    /// <summary>How many numbers a unit needs of its inputs: one for each gate.</summary>
    private protected abstract int Gates { get; }

    /// <summary>How many numbers a unit keeps, the first of which is its output.</summary>
    private protected virtual int Kept => 1;

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        (Variable[] sequences, Variable? mask) = Sequences.Split(inputs, scope, this, most: 1);
        Variable x = sequences[0];
        int steps = x.Shape[1], width = Gates * Units;

        // What inputs have to do with it is one product for all steps.
        Variable projected = Sequences.Dot(x, scope.Parameter("W", [x.Shape[2], width], W))
            + scope.Parameter("b", [width], B, isRegularized: false);
        Cell cell = MakeCell(scope, scope.Parameter("U", [Units, width], U));
        Variable zero = Symbolic.Zero(Symbolic.Sum(x, [1, 2], keepDims: false));
        zero = Symbolic.DimShuffle(zero, 0, Symbolic.NewAxis)
            + Symbolic.Constant(new Filled(0).Draw([1, Units], scope.FloatX, 0));
        Variable[] kept = [.. Enumerable.Repeat(zero, Kept)];
        var outputs = new Variable[steps];
        for (int i = 0; i < steps; i++)
        {
            int step = Backwards ? steps - 1 - i : i;
            Variable[] next = cell(At(projected, step, width), kept);
            if (mask is not null)
            {
                Variable isThere = Symbolic.NotEqual(Symbolic.Slice(mask, 1, step, 1), 0);
                next = [.. next.Zip(kept, (now, before) => Symbolic.Where(isThere, now, before))];
            }

            (kept, outputs[step]) = (next, next[0]);
        }

        return OnlyLast ? kept[0] : Symbolic.Reshape(Symbolic.Concat(1, outputs), [-1, steps, Units]);
    }

    /// <summary>What a step makes of its inputs' part, (batch, gates · units), and of what is kept.</summary>
    private protected delegate Variable[] Cell(Variable projected, Variable[] kept);

    /// <summary>The cell, given its weights of what is kept, (units, gates · units).</summary>
    private protected abstract Cell MakeCell(LayerScope scope, SharedVariable u);

    /// <summary>The part of a gate of (batch, gates · units).</summary>
    private protected Variable Gate(Variable gates, int gate) => Symbolic.Slice(gates, 1, gate * Units, Units);

    private static Variable At(Variable sequence, int step, int width) =>
        Symbolic.Reshape(Symbolic.Slice(sequence, 1, step, 1), [-1, width]);
}

/// <summary>The simplest recurrent layer: h' = f(W x + U h + b).</summary>
public sealed class Recurrent : RecurrentLayer
{
    /// <summary>So many units.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Recurrent(int units, Func<Variable, Variable>? nonlinearity = null) : base(units) =>
        Nonlinearity = nonlinearity ?? Symbolic.Tanh;

    /// <summary>The function; tanh unless told otherwise.</summary>
    public Func<Variable, Variable> Nonlinearity { get; }

    private protected override int Gates => 1;

    private protected override Cell MakeCell(LayerScope scope, SharedVariable u) =>
        (projected, kept) => [Nonlinearity(projected + Symbolic.Dot(kept[0], u))];
}

/// <summary>
/// Long short-term memory: i, f, g, o = W x + U h + b in parts; c' = σ(f) · c + σ(i) · tanh(g); h' = σ(o) · tanh(c')
/// (Hochreiter, Schmidhuber: Neural Computation 9, 1997, with forget gates and without peepholes: PyTorch's form, its gates
/// in this order).
/// </summary>
public sealed class Lstm : RecurrentLayer
{
    /// <summary>So many units.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Lstm(int units) : base(units)
    {
    }

    private protected override int Gates => 4;

    private protected override int Kept => 2;

    private protected override Cell MakeCell(LayerScope scope, SharedVariable u) => (projected, kept) =>
    {
        Variable gates = projected + Symbolic.Dot(kept[0], u);
        Variable c = (Symbolic.Sigmoid(Gate(gates, 1)) * kept[1])
            + (Symbolic.Sigmoid(Gate(gates, 0)) * Symbolic.Tanh(Gate(gates, 2)));
        return [Symbolic.Sigmoid(Gate(gates, 3)) * Symbolic.Tanh(c), c];
    };
}

/// <summary>
/// Gated recurrent units: r, z, n of W x + b, and of U h + c, in parts; r = σ(r₁ + r₂), z = σ(z₁ + z₂), n = tanh(n₁ + r ·
/// n₂); h' = (1 − z) · n + z · h (Cho et al.: EMNLP 2014; PyTorch's form, its gates in this order).
/// </summary>
public sealed class Gru : RecurrentLayer
{
    /// <summary>So many units.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Gru(int units) : base(units)
    {
    }

    private protected override int Gates => 3;

    private protected override Cell MakeCell(LayerScope scope, SharedVariable u)
    {
        SharedVariable c = scope.Parameter("c", [Gates * Units], B, isRegularized: false);
        return (projected, kept) =>
        {
            Variable of = Symbolic.Dot(kept[0], u) + c;
            Variable r = Symbolic.Sigmoid(Gate(projected, 0) + Gate(of, 0)), z = Symbolic.Sigmoid(Gate(projected, 1) + Gate(of, 1));
            Variable n = Symbolic.Tanh(Gate(projected, 2) + (r * Gate(of, 2)));
            return [n + (z * (kept[0] - n))];
        };
    }
}

/// <summary>
/// A recurrent layer in both directions, their outputs side by side: <c>new Bidirectional(new Lstm(64), new Lstm(64) {
/// Backwards = true })</c>. A mask holds for both.
/// </summary>
public sealed class Bidirectional : MergeLayer
{
    /// <summary>Of two layers, the second of which goes backwards.</summary>
    /// <exception cref="EngineException">It is not so, or one gives only the last step and the other does not.</exception>
    public Bidirectional(RecurrentLayer forwards, RecurrentLayer backwards)
    {
        ArgumentNullException.ThrowIfNull(forwards);
        ArgumentNullException.ThrowIfNull(backwards);
        Require(!forwards.Backwards && backwards.Backwards, "Bidirectional takes a layer that goes forwards and one that goes backwards.");
        Require(forwards.OnlyLast == backwards.OnlyLast, "Bidirectional takes two layers that both give all steps, or only the last.");
        (Forwards, Backwards) = (forwards, backwards);
    }

    /// <summary>The layer that goes forwards.</summary>
    public RecurrentLayer Forwards { get; }

    /// <summary>The layer that goes backwards.</summary>
    public RecurrentLayer Backwards { get; }

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return Symbolic.Concat(
            -1,
            Forwards.Build(inputs, scope.Child("forwards", Forwards)), Backwards.Build(inputs, scope.Child("backwards", Backwards)));
    }
}
