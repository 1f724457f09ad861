using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents the base of layers that process a sequence, (batch, steps, inputs), step by step with a state. The output
/// is (batch, steps, units), or (batch, units) of the last step only. A subclass writes one step, <see cref="Step"/>,
/// which runs in a loop (<see cref="Symbolic.Scan"/>). With <see cref="TakesStart"/>, the inputs after the sequence are
/// the initial states, (batch, units) each. A last input of two axes, (batch, steps), is a mask: at a step with 0, the
/// state does not change.
/// </summary>
public abstract class RecurrentLayer : MergeLayer
{
    /// <summary>Creates a layer with a number of outputs per step.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
    protected RecurrentLayer(int units)
    {
        Require(units > 0, $"{Kind} needs at least 1 unit, not {units}.");
        Units = units;
    }

    /// <summary>Gets the number of outputs of a step.</summary>
    public int Units { get; }

    /// <summary>Gets or sets whether to return only the last step's output, (batch, units).</summary>
    public bool OnlyLast { get; init; }

    /// <summary>
    /// Gets or sets whether it goes from the last step to the first. Outputs stay in the order of the steps.
    /// </summary>
    public bool Backwards { get; init; }

    /// <summary>
    /// Gets or sets whether the inputs after the sequence give the initial states, one for each name of
    /// <see cref="Kept"/>; else these are 0 or learned.
    /// </summary>
    public bool TakesStart { get; init; }

    /// <summary>
    /// Gets or sets the initializer of learned initial states: parameters <c>h0</c> (and <c>c0</c>) of (1, units). If
    /// null, the initial states are 0.
    /// </summary>
    public Initializer? Start { get; init; }

    /// <summary>
    /// Gets or sets the number of last steps through which gradients flow back; null, which 0 and Theano's −1 become,
    /// for all.
    /// </summary>
    public int? TruncateGradient { get; init => field = value < 1 ? null : value; }

    /// <summary>Gets the names of the states, (batch, units) each; the first is the output.</summary>
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
            scope.Require(inputs.Count > Kept.Count
                && inputs.Skip(1).Take(Kept.Count).All(each => each.Rank == 2 && each.Shape[1] == Units),
                $"{Kind} takes what it keeps before the first step, {string.Join(" and ", Kept)}, "
                + $"as inputs of (batch, {Units}) behind the sequence, "
                + $"not {string.Join(" ", inputs.Skip(1).Select(each => each.Shape))}.");
            start = [.. inputs.Skip(1).Take(Kept.Count).Select(scope.Floating)];
            inputs = [inputs[0], .. inputs.Skip(1 + Kept.Count)];
        }

        (Variable[] sequences, Variable? mask) = Sequences.Split(inputs, scope, this, max: 1);
        Variable x = sequences[0];
        if (!TakesStart)
        {
            start = FromNothing(x, scope);
        }

        // A hidden step's values count for nothing, even if they are nan: Where of the states alone would leave nan
        // times 0 in the gradients of the parameters.
        x = mask is null ? x : Sequences.Shown(x, mask);
        ScanSequence steps = Symbolic.DimShuffle(x, 1, 0, 2);
        ScanOutputs kept = Symbolic.Scan(
            given =>
            {
                Variable[] before = [.. given.Skip(given.Count - Kept.Count)];
                IReadOnlyList<Variable> next = Step(given[0], before, scope.InLoop());
                scope.Require(
                    next.Count == Kept.Count && next.All(each => each.Rank == 2 && each.Shape[1] == Units),
                    $"A step of {Kind} gives {string.Join(" ", next.Select(each => each.Shape))}: "
                    + $"it is to give {string.Join(" and ", Kept)}, (batch, {Units}) each.");
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

    /// <summary>Returns the states after a step.</summary>
    /// <param name="input">The step's inputs, (batch, inputs).</param>
    /// <param name="before">The states before the step, in the order of <see cref="Kept"/>.</param>
    /// <param name="scope">Provides the parameters, which are the same at every step.</param>
    /// <returns>The new states, of the same shapes.</returns>
    protected abstract IReadOnlyList<Variable> Step(Variable input, IReadOnlyList<Variable> before, LayerScope scope);

    /// <summary>Returns the initial states of each sample if no input gives them: 0 or learned values.</summary>
    private Variable[] FromNothing(Variable x, LayerScope scope)
    {
        Variable zero =
            Symbolic.DimShuffle(Symbolic.Zero(Symbolic.Sum(x, [1, 2], keepDims: false)), 0, Symbolic.NewAxis);
        return [.. Kept.Select(name => zero + (Start is null
            ? Symbolic.Constant(new Full(0).Draw([1, Units], scope.FloatX, 0))
            : (Variable)scope.Parameter($"{name}0", [1, Units], Start, isRegularized: false)))];
    }

    /// <summary>Returns the states after a step that only some samples have.</summary>
    private static Variable[] Seen(Variable mask, IReadOnlyList<Variable> next, Variable[] before)
    {
        Variable isThere = Symbolic.NotEqual(Symbolic.DimShuffle(mask, 0, Symbolic.NewAxis), 0);
        return [.. next.Zip(before, (now, then) => Symbolic.Where(isThere, now, then))];
    }
}

/// <summary>
/// Turns any layer of two inputs, the step's input and the previous output, into a recurrent layer: <c>new
/// Recurrence(new Sequence(new Concat(), new Dense(8, Tanh)), 8)</c>. Its parameters have names such as
/// <c>cell.….W</c>.
/// </summary>
public sealed class Recurrence : RecurrentLayer
{
    /// <summary>Creates a layer with a number of outputs per step from a cell.</summary>
    /// <exception cref="EngineException">The number is not positive.</exception>
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
