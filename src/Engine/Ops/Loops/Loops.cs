using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// A loop: Theano's <c>scan</c>. The step is written once, as a function of variables, and computed for each row of
    /// the sequences, or <paramref name="nSteps"/> times. It may use any other variable; what it computes from those alone
    /// is computed once. The gradient is a loop from the last step to the first.
    /// </summary>
    /// <param name="step">
    /// Given, in this order, what a step sees of the sequences, of the outputs' earlier values and the
    /// <paramref name="nonSequences"/>: the outputs of one step.
    /// </param>
    /// <param name="sequences">What is gone through row by row; the shortest says how many steps there are.</param>
    /// <param name="outputsInfo">
    /// For each output what it begins with, where a step sees what the steps before made of it; null where it does not.
    /// </param>
    /// <param name="nonSequences">Further variables that the step is given, the same at every step.</param>
    /// <param name="nSteps">How many steps are made, where not one for each row.</param>
    /// <param name="goBackwards">Whether the sequences are gone through from their last row to their first.</param>
    /// <param name="truncateGradient">The most steps, counted from the last, through which gradients flow.</param>
    /// <returns>
    /// For each output the results of all steps, along a new outermost axis, in the order in which they were made. Behind
    /// the step that ends a loop early all rows are as its own.
    /// </returns>
    /// <exception cref="EngineException">
    /// The number of steps is not said; a sequence has no rows; the step gives another number of outputs than
    /// <paramref name="outputsInfo"/> tells of, or one of another type than it began with.
    /// </exception>
    public static ScanOutputs Scan(
        Func<IReadOnlyList<Variable>, StepOutputs> step,
        IReadOnlyList<Sequence>? sequences = null,
        IReadOnlyList<OutputInfo?>? outputsInfo = null,
        IReadOnlyList<Variable>? nonSequences = null,
        StepCount? nSteps = null,
        bool goBackwards = false,
        int? truncateGradient = null)
    {
        ArgumentNullException.ThrowIfNull(step);
        var builder = new ScanBuilder { GoBackwards = goBackwards, Steps = nSteps, Truncate = truncateGradient };
        return builder.Build(step, sequences ?? [], outputsInfo ?? [], nonSequences ?? []);
    }
}
