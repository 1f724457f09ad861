using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Layers that go along a sequence, (batch, steps, inputs), from step to step with what they keep of those before: (batch,
/// steps, units), or only the last step's (batch, units). What happens at a step is written once, <see cref="Step"/>, and run
/// as a loop (<see cref="Symbolic.Scan"/>). Behind the sequence come, where <see cref="TakesStart"/> says so, what is kept
/// before the first step, (batch, units) each; a last input of two sides, (batch, steps), is a mask: at a step that has 0
/// there, what is kept stays as it was.
/// </summary>
public abstract class RecurrentLayer : MergeLayer
{
    /// <summary>Creates a layer whose steps give so many numbers.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    protected RecurrentLayer(int units)
    {
        Require(units > 0, $"{Kind} needs at least 1 unit, not {units}.");
        Units = units;
    }

    /// <summary>Gets how many numbers a step gives.</summary>
    public int Units { get; }

    /// <summary>Gets or sets whether only the last step's output is given, (batch, units).</summary>
    public bool OnlyLast { get; init; }

    /// <summary>
    /// Gets or sets whether it goes from the last step to the first; outputs stay in the order of the steps.
    /// </summary>
    public bool Backwards { get; init; }

    /// <summary>
    /// Gets or sets whether what is kept before the first step is given by inputs behind the sequence, one for each
    /// name of <see cref="Kept"/>; else it is 0, or learned.
    /// </summary>
    public bool TakesStart { get; init; }

    /// <summary>
    /// Gets or sets how what is kept before the first step begins, if that is learned: parameters <c>h0</c> (and
    /// <c>c0</c>) of (1, units). Null for 0.
    /// </summary>
    public Initializer? Start { get; init; }

    /// <summary>Through how many of the last steps gradients flow back; null for all.</summary>
    public int? TruncateGradient { get; init; }

    /// <summary>
    /// Gets the names of what is kept from step to step, (batch, units) each; the first is the output.
    /// </summary>
    protected virtual IReadOnlyList<string> Kept => ["h"];

    /// <inheritdoc/>
    public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Variable[] start = [];
        if (TakesStart)
        {
            scope.Require(inputs.Count > Kept.Count && inputs.Skip(1).Take(Kept.Count).All(each => each.Rank == 2 && each.Shape[1] == Units),
                $"{Kind} takes what it keeps before the first step, {string.Join(" and ", Kept)}, as inputs of (batch, {Units}) behind "
                + $"the sequence, not {string.Join(" ", inputs.Skip(1).Select(each => each.Shape))}.");
            start = [.. inputs.Skip(1).Take(Kept.Count).Select(scope.Floating)];
            inputs = [inputs[0], .. inputs.Skip(1 + Kept.Count)];
        }

        (Variable[] sequences, Variable? mask) = Sequences.Split(inputs, scope, this, most: 1);
        Variable x = sequences[0];
        if (!TakesStart)
        {
            start = FromNothing(x, scope);
        }

        ScanSequence steps = Symbolic.DimShuffle(x, 1, 0, 2);
        ScanOutputs kept = Symbolic.Scan(
            given =>
            {
                Variable[] before = [.. given.Skip(given.Count - Kept.Count)];
                IReadOnlyList<Variable> next = Step(given[0], before, scope);
                scope.Require(
                    next.Count == Kept.Count && next.All(each => each.Rank == 2 && each.Shape[1] == Units),
                    $"A step of {Kind} gives {string.Join(" ", next.Select(each => each.Shape))}: it is to give {string.Join(" and ", Kept)}, "
                    + $"(batch, {Units}) each.");
                return mask is null ? [.. next] : Seen(given[1], next, before);
            },
            mask is null ? [steps] : [steps, Symbolic.DimShuffle(mask, 1, 0)],
            [.. start.Select(each => (OutputInfo)each)],
            goBackwards: Backwards,
            truncateGradient: TruncateGradient);
        Variable outputs = kept[0];
        return OnlyLast ? outputs[^1]
            : Symbolic.DimShuffle(Backwards ? outputs[(.., -1)] : outputs, 1, 0, 2);
    }

    /// <summary>Returns what happens at a step.</summary>
    /// <param name="input">The step's inputs, (batch, inputs).</param>
    /// <param name="before">What is kept of the steps before, in the order of <see cref="Kept"/>.</param>
    /// <param name="scope">Gives parameters; the same ones at every step.</param>
    /// <returns>What is kept now, of the same shapes.</returns>
    protected abstract IReadOnlyList<Variable> Step(Variable input, IReadOnlyList<Variable> before, LayerScope scope);

    /// <summary>What is kept before the first step where no input says so: 0, or what is learned, for each sample.</summary>
    private Variable[] FromNothing(Variable x, LayerScope scope)
    {
        Variable zero = Symbolic.DimShuffle(Symbolic.Zero(Symbolic.Sum(x, [1, 2], keepDims: false)), 0, Symbolic.NewAxis);
        return [.. Kept.Select(name => zero + (Start is null
            ? Symbolic.Constant(new Filled(0).Draw([1, Units], scope.FloatX, 0))
            : (Variable)scope.Parameter($"{name}0", [1, Units], Start, isRegularized: false)))];
    }

    /// <summary>What is kept behind a step that only some samples have.</summary>
    private static Variable[] Seen(Variable mask, IReadOnlyList<Variable> next, Variable[] before)
    {
        Variable isThere = Symbolic.NotEqual(Symbolic.DimShuffle(mask, 0, Symbolic.NewAxis), 0);
        return [.. next.Zip(before, (now, then) => Symbolic.Where(isThere, now, then))];
    }
}

/// <summary>
/// Represents any layer of two inputs, a step's and what it gave at the step before, as a recurrent one: <c>new
/// Recurrence(new Sequence(new Concat(), new Dense(8, Tanh)), 8)</c>. Its parameters are called <c>cell.….W</c>.
/// </summary>
public sealed class Recurrence : RecurrentLayer
{
    /// <summary>Creates a layer that gives so many numbers a step.</summary>
    /// <exception cref="EngineException">There are none.</exception>
    public Recurrence(Layer cell, int units) : base(units)
    {
        ArgumentNullException.ThrowIfNull(cell);
        Cell = cell;
    }

    /// <summary>Gets the layer.</summary>
    public Layer Cell { get; }

    /// <inheritdoc/>
    protected override IReadOnlyList<Variable> Step(Variable input, IReadOnlyList<Variable> before, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(scope);
        return [Cell.Build([input, before[0]], scope.Child("cell", Cell))];
    }
}
