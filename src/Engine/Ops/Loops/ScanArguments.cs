using System.Collections;
using System.Runtime.CompilerServices;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Describes a sequence whose rows a <c>Symbolic.Scan</c> visits. For a plain variable, each step sees its own row.
/// </summary>
/// <param name="Variable">An array whose outermost axis counts the steps.</param>
/// <param name="Taps">
/// The rows that a step sees, in this order: 0 is its own row, −1 the row before, 1 the next. Steps without one of
/// these rows are left out.
/// </param>
public sealed record ScanSequence(Variable Variable, params IReadOnlyList<int> Taps)
{
    /// <summary>Returns a sequence in which each step sees its own row.</summary>
    public static implicit operator ScanSequence(Variable variable) => new(variable, 0);
}

/// <summary>
/// Describes the initial value of an output of a <c>Symbolic.Scan</c>, whose earlier results each step sees. A plain
/// variable is the result before the first step.
/// </summary>
/// <param name="Initial">
/// The values before the first step. It has the type of a step's result. If steps see older results than the last, it
/// has as many of them as needed along an outermost axis, the oldest first.
/// </param>
/// <param name="Taps">The earlier results that a step sees, in this order: −1 is that of the previous step.</param>
public sealed record OutputInfo(Variable Initial, params IReadOnlyList<int> Taps)
{
    /// <summary>Returns an output whose previous result each step sees.</summary>
    public static implicit operator OutputInfo(Variable initial) => new(initial, -1);

    /// <summary>Gets whether the initial value is one result and not rows of them.</summary>
    internal bool IsSingle => Taps is [-1];
}

/// <summary>
/// Describes the number of steps of a loop: a number, or an integer scalar, as a <see cref="Dimension"/> is.
/// </summary>
public sealed record StepCount
{
    private StepCount(Variable variable) => Variable = variable;

    /// <summary>Gets an int32 scalar whose value is known when a plan is made.</summary>
    public Variable Variable { get; }

    /// <summary>Returns a fixed number.</summary>
    public static implicit operator StepCount(int steps) => new(Symbolic.Constant(steps, DType.Int32));

    /// <summary>Returns a number that is computed from sizes and dimensions.</summary>
    /// <exception cref="EngineException">It is not an integer scalar.</exception>
    public static implicit operator StepCount(Variable steps)
    {
        Dimension dimension = steps;
        return dimension.Value is { Rank: 1 }
            ? throw new EngineException(
                $"A number of steps is one number, not '{steps}' ({steps.Type}).{Origin.Current}")
            : dimension.Value is { } value ? new StepCount(value) : dimension.Number;
    }
}

/// <summary>Describes the results of a step of a loop: a variable, or several in brackets.</summary>
[CollectionBuilder(typeof(StepOutputs), nameof(Create))]
public sealed class StepOutputs : IEnumerable<Variable>
{
    private readonly Variable[] _outputs;

    private StepOutputs(Variable[] outputs) => _outputs = outputs;

    /// <summary>
    /// Gets or sets a scalar that ends the loop after the first step in which it is not 0. Null if the loop makes all
    /// steps.
    /// </summary>
    public Variable? Until { get; init; }

    /// <summary>Gets the outputs.</summary>
    public IReadOnlyList<Variable> Outputs => _outputs;

    /// <summary>Returns several outputs.</summary>
    public static StepOutputs Create(ReadOnlySpan<Variable> outputs) => new(outputs.ToArray());

    /// <summary>Returns the same outputs for a loop that ends after the first step whose condition is true.</summary>
    /// <param name="condition">A scalar, which is true if it is not 0.</param>
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
/// Represents the results of a <c>Symbolic.Scan</c>: an array of all steps' results for each output of a step.
/// </summary>
public sealed class ScanOutputs : IReadOnlyList<Variable>
{
    private readonly Variable[] _outputs;

    internal ScanOutputs(Variable[] outputs, Variable? steps) => (_outputs, Steps) = (outputs, steps);

    /// <summary>
    /// Gets the number of steps of a loop with a condition, an int32 scalar; null for a loop without one.
    /// </summary>
    public Variable? Steps { get; }

    /// <inheritdoc/>
    public int Count => _outputs.Length;

    /// <summary>Gets the results of all steps for an output, with the steps along the outermost axis.</summary>
    public Variable this[int index] => _outputs[index];

    /// <inheritdoc/>
    public IEnumerator<Variable> GetEnumerator() => ((IEnumerable<Variable>)_outputs).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
