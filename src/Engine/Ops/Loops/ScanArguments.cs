using System.Collections;
using System.Runtime.CompilerServices;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Describes what <c>Symbolic.Scan</c> goes through row by row; a variable by itself is one of which each step sees its
/// row.
/// </summary>
/// <param name="Variable">An array whose outermost axis counts the steps.</param>
/// <param name="Taps">
/// Which rows a step sees, in this order: 0 is its own, −1 the one before, 1 the next. Steps that lack one are not made.
/// </param>
public sealed record ScanSequence(Variable Variable, params IReadOnlyList<int> Taps)
{
    /// <summary>Returns a sequence of which each step sees its row.</summary>
    public static implicit operator ScanSequence(Variable variable) => new(variable, 0);
}

/// <summary>
/// Describes what an output of a <c>Symbolic.Scan</c> begins with, so that each step sees what the steps before it made
/// of it; a variable by itself is what the first step sees of the step before.
/// </summary>
/// <param name="Initial">
/// What was there before the first step: of the type of a step's result or, where more than the last result is looked
/// at, as many of them along an outermost axis, the oldest first.
/// </param>
/// <param name="Taps">Which earlier results a step sees, in this order: −1 is that of the step before.</param>
public sealed record OutputInfo(Variable Initial, params IReadOnlyList<int> Taps)
{
    /// <summary>Returns an output of which each step sees what the one before made.</summary>
    public static implicit operator OutputInfo(Variable initial) => new(initial, -1);

    /// <summary>Whether the initial value is one result, not rows of them.</summary>
    internal bool IsSingle => Taps is [-1];
}

/// <summary>Describes how many steps a loop makes: an integer, or an input made by <c>Symbolic.Size</c>.</summary>
public sealed record StepCount
{
    private StepCount(Variable variable) => Variable = variable;

    /// <summary>Gets an int32 scalar whose value is known when a plan is made.</summary>
    public Variable Variable { get; }

    /// <summary>Returns a fixed number.</summary>
    public static implicit operator StepCount(int steps) => new(Symbolic.Constant(steps, DType.Int32));

    /// <summary>Returns a number that is given when the function is called.</summary>
    public static implicit operator StepCount(Variable steps) => new(steps);
}

/// <summary>Describes what a step of a loop gives: a variable, or several in brackets.</summary>
[CollectionBuilder(typeof(StepOutputs), nameof(Create))]
public sealed class StepOutputs : IEnumerable<Variable>
{
    private readonly Variable[] _outputs;

    private StepOutputs(Variable[] outputs) => _outputs = outputs;

    /// <summary>
    /// Gets or sets a scalar; the loop ends with the first step that makes it another number than 0. Null where it
    /// makes all steps.
    /// </summary>
    public Variable? Until { get; init; }

    /// <summary>Gets the outputs.</summary>
    public IReadOnlyList<Variable> Outputs => _outputs;

    /// <summary>Returns several outputs.</summary>
    public static StepOutputs Create(ReadOnlySpan<Variable> outputs) => new(outputs.ToArray());

    /// <summary>Returns the same outputs, of a loop that ends with the first step whose condition holds.</summary>
    /// <param name="condition">A scalar, which holds where it is not 0.</param>
    public StepOutputs EndingWith(Variable condition) => new(_outputs) { Until = condition };

    /// <inheritdoc/>
    public IEnumerator<Variable> GetEnumerator() => ((IEnumerable<Variable>)_outputs).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Returns one output.</summary>
    public static implicit operator StepOutputs(Variable output) => new([output]);

    /// <summary>Returns several outputs.</summary>
    public static implicit operator StepOutputs(Variable[] outputs) => new([.. outputs]);
}

/// <summary>
/// Describes what a <c>Symbolic.Scan</c> computes: an array of all steps' results for each output of a step.
/// </summary>
public sealed class ScanOutputs : IReadOnlyList<Variable>
{
    private readonly Variable[] _outputs;

    internal ScanOutputs(Variable[] outputs, Variable? steps) => (_outputs, Steps) = (outputs, steps);

    /// <summary>
    /// Of a loop with a condition, how many steps it made, an int32 scalar; null for one that makes all.
    /// </summary>
    public Variable? Steps { get; }

    /// <inheritdoc/>
    public int Count => _outputs.Length;

    /// <summary>Gets the results of all steps for an output: a step's along the outermost axis.</summary>
    public Variable this[int index] => _outputs[index];

    /// <inheritdoc/>
    public IEnumerator<Variable> GetEnumerator() => ((IEnumerable<Variable>)_outputs).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
