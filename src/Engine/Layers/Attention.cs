using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents multi-head attention: softmax(Q Kᵀ / √size) V for each head. Q is the queries times Wq; K and V are the
/// memory times Wk and Wv. The heads' results are concatenated and multiplied by Wo (Vaswani et al.: Attention is all
/// you need. NeurIPS 2017). One input, (batch, steps, units), is queries and memory (self-attention). With two, the
/// steps of the first attend to the steps of the second. A last input of two axes, (batch, steps), is a mask: steps
/// with 0 are hidden, whatever they contain.
/// </summary>
public sealed class MultiHeadAttention : MergeLayer
{
    /// <summary>
    /// So much less than any score that the softmax gives 0. Later steps get still less: a step that sees only hidden
    /// ones does not see those after it.
    /// </summary>
    private const double Hidden = -1e9, After = -1e12;

    /// <summary>Creates a layer with a number of heads.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
    public MultiHeadAttention(int heads)
    {
        Require(heads > 0, $"MultiHeadAttention needs at least 1 head, not {heads}.");
        Heads = heads;
    }

    /// <summary>Gets the number of heads. The number of units must be a multiple of it.</summary>
    public int Heads { get; }

    /// <summary>Gets or sets whether no step attends to later steps.</summary>
    public bool IsCausal { get; init; }

    /// <summary>Gets or sets the initializer of the weights.</summary>
    public Initializer W { get; init; } = new GlorotUniform();

    /// <summary>Gets or sets the initializer of the biases; null for no biases.</summary>
    public Initializer? B { get; init; } = new Full();

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        (Variable[] steps, Variable? mask) = Sequences.Split(inputs, scope, this, max: 2);
        Variable query = steps[0], memory = steps[^1];
        int units = query.Shape[2], size = units / Heads, from = query.Shape[1], to = memory.Shape[1];
        scope.Require(
            units % Heads == 0, $"MultiHeadAttention has {Heads} heads, of which the {units} units are no multiple.");
        if (mask is not null)
        {
            // nan in a hidden step would be nan in the sums over all steps, of which its weight is 0.
            memory = Sequences.Shown(memory, mask);
            query = steps.Length == 1 ? memory : query;
        }

        Variable scores = Symbolic.BatchedDot(
            HeadsOf(query, "q", from), HeadsOf(memory, "k", to), transposeB: true) * (1 / Math.Sqrt(size));
        if (IsCausal || mask is not null)
        {
            scores = Symbolic.Reshape(scores, [-1, Heads, from, to]);
            scores = mask is null ? scores : Symbolic.Where(
                Symbolic.NotEqual(Symbolic.DimShuffle(mask, 0, Symbolic.NewAxis, Symbolic.NewAxis, 1), 0), scores,
                Hidden);
            scores = IsCausal ? scores + Later(from, to, scope.FloatX) : scores;
            scores = Symbolic.Reshape(scores, [-1, from, to]);
        }

        Variable seen = Symbolic.BatchedDot(Symbolic.Softmax(scores), HeadsOf(memory, "v", to));
        seen = Symbolic.DimShuffle(Symbolic.Reshape(seen, [-1, Heads, from, size]), 0, 2, 1, 3);
        return Projected(Symbolic.Reshape(seen, [-1, from, units]), "o", from);

        // (batch, steps, units) to (batch · heads, steps, size).
        Variable HeadsOf(Variable x, string name, int count) => Symbolic.Reshape(
            Symbolic.DimShuffle(Symbolic.Reshape(Projected(x, name, count), [-1, count, Heads, size]), 0, 2, 1, 3),
            [-1, count, size]);

        Variable Projected(Variable x, string name, int count)
        {
            Variable y = Sequences.Dot(x, scope.Parameter($"W{name}", [x.Shape[2], units], W));
            return B is null ? y : y + scope.Parameter($"b{name}", [units], B, isRegularized: false);
        }
    }

    private static Constant Later(int from, int to, DType dtype)
    {
        double[] hidden = new double[from * to];
        for (int i = 0; i < hidden.Length; i++)
        {
            hidden[i] = i % to > i / to ? After : 0;
        }

        return Symbolic.Constant(Tensor.From(hidden, 1, 1, from, to).Cast(dtype));
    }
}

/// <summary>
/// Represents a transformer block: y = x + attention(norm(x)), and then y + W2 · f(W1 · norm(y)). If
/// <see cref="IsNormFirst"/> is false, it has the original form: y = norm(x + attention(x)), and then norm(y + W2 ·
/// f(W1 · y)). The inputs are (batch, steps, units) and optionally a mask, (batch, steps).
/// </summary>
public sealed class TransformerBlock : MergeLayer
{
    /// <summary>Creates a block with a number of heads, and a number of hidden units in the inner layer.</summary>
    /// <exception cref="EngineException">A number is not positive.</exception>
    public TransformerBlock(int heads, int hidden)
    {
        Require(heads > 0 && hidden > 0,
            $"TransformerBlock needs at least 1 head and 1 hidden unit, not {heads} and {hidden}.");
        (Heads, HiddenUnits) = (heads, hidden);
    }

    /// <summary>Gets the number of heads. The number of units must be a multiple of it.</summary>
    public int Heads { get; }

    /// <summary>Gets the number of hidden units of the inner layer.</summary>
    public int HiddenUnits { get; }

    /// <summary>Gets or sets whether no step attends to later steps.</summary>
    public bool IsCausal { get; init; }

    /// <summary>Gets or sets whether the input of each part is normalized, not the sum after it.</summary>
    public bool IsNormFirst { get; init; } = true;

    /// <summary>Gets or sets the dropout probability of both parts' values in training.</summary>
    public double Dropout { get; init; }

    /// <summary>Gets or sets the inner layer's function.</summary>
    public Func<Variable, Variable> Nonlinearity { get; init; } = Symbolic.Gelu;

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        (Variable[] steps, Variable? mask) = Sequences.Split(inputs, scope, this, max: 1);
        Variable x = mask is null ? steps[0] : Sequences.Shown(steps[0], mask);
        int units = x.Shape[2];
        var attention = new MultiHeadAttention(Heads) { IsCausal = IsCausal };
        x = Part(x, "norm1", y => attention.Build(mask is null ? [y] : [y, mask], scope.Child("attention")));
        return Part(x, "norm2", y => Linear(Nonlinearity(Linear(y, "inner", HiddenUnits)), "outer", units));

        Variable Part(Variable input, string norm, Func<Variable, Variable> part)
        {
            Variable y = part(IsNormFirst ? Norm(input) : input);
            y = input + (Dropout > 0 && scope.IsTraining ? Symbolic.Dropout(y, Dropout, scope.Child(norm).Random) : y);
            return IsNormFirst ? y : Norm(y);

            Variable Norm(Variable z) => new LayerNorm().Build(z, scope.Child(norm));
        }

        Variable Linear(Variable input, string name, int outputs) =>
            new Dense(outputs, Symbolic.Linear) { LeadingAxes = 2 }.Build(input, scope.Child(name));
    }
}

/// <summary>
/// Adds a code of its position to each step of a sequence, (batch, steps, units). The codes are sines and cosines with
/// one wavelength per pair of units, from 2π to 10,000 · 2π (Vaswani et al.: Attention is all you need. NeurIPS 2017,
/// section 3.5), or they are learned.
/// </summary>
public sealed class PositionalEncoding : Layer
{
    /// <summary>Gets or sets whether the codes are learned. <see cref="Codes"/> then initializes them.</summary>
    public bool IsLearned { get; init; }

    /// <summary>Gets or sets the initializer of learned codes.</summary>
    public Initializer Codes { get; init; } = new Normal(0.02);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Sequences.Require(input, scope, this);
        (int steps, int units) = (input.Shape[1], input.Shape[2]);
        if (IsLearned)
        {
            return scope.Floating(input) + scope.Parameter("codes", [steps, units], Codes, isRegularized: false);
        }

        double[] codes = [.. from step in Enumerable.Range(0, steps)
                             from unit in Enumerable.Range(0, units)
                             let angle = step / Math.Pow(10000, 2 * (unit / 2) / (double)units)
                             select unit % 2 == 0 ? Math.Sin(angle) : Math.Cos(angle)];
        return scope.Floating(input) + Symbolic.Constant(Tensor.From(codes, steps, units).Cast(scope.FloatX));
    }
}

/// <summary>Contains helpers for layers of sequences, (batch, steps, units), and masks, (batch, steps).</summary>
internal static class Sequences
{
    /// <summary>Returns the sequences among a layer's inputs, and the optional mask after them.</summary>
    public static (Variable[] Steps, Variable? Mask) Split(
        IReadOnlyList<Variable> inputs, LayerScope scope, Layer layer, int max)
    {
        bool isMasked = inputs.Count > 1 && inputs[^1].Rank == 2;
        Variable[] steps = [.. inputs.Take(inputs.Count - (isMasked ? 1 : 0))];
        scope.Require(steps.Length <= max,
            $"{layer.Kind} takes {max} sequences at most and a mask, not {inputs.Count} inputs.");
        Array.ForEach(steps, each => Require(each, scope, layer));
        scope.Require(!isMasked || inputs[^1].Shape[1] == steps[^1].Shape[1],
            $"{layer.Kind} has a mask of {inputs[^1].Shape} for sequences of {steps[^1].Shape}: "
            + $"it has a number for each step.");
        return ([.. steps.Select(scope.Floating)], isMasked ? inputs[^1] : null);
    }

    /// <summary>Returns a sequence with zeros at the steps that a mask hides.</summary>
    public static Variable Shown(Variable x, Variable mask) => Symbolic.Where(
        Symbolic.NotEqual(Symbolic.DimShuffle(mask, 0, 1, Symbolic.NewAxis), 0), x, 0);

    public static void Require(Variable input, LayerScope scope, Layer layer) => scope.Require(
        input.Rank == 3, $"{layer.Kind} takes sequences, (batch, steps, units), not {input.Shape}.");

    /// <summary>Multiplies each step, (batch, steps, inputs), by weights, (inputs, outputs).</summary>
    public static Variable Dot(Variable x, Variable w) => Symbolic.Reshape(
        Symbolic.Dot(Symbolic.Reshape(x, [-1, x.Shape[2]]), w), [-1, x.Shape[1], w.Shape[1]]);
}
