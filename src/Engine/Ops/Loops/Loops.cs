using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Returns a loop: Theano's <c>scan</c>. The step is written once, as a function of variables, and computed for
    /// each row of the sequences, or <paramref name="nSteps"/> times. It may use any other variable; what it computes
    /// from those alone is computed once. The gradient is a loop from the last step to the first.
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
        IReadOnlyList<ScanSequence>? sequences = null,
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

    /// <summary>
    /// Returns a loop that gives only each <paramref name="saveEvery"/>-th step's results: Theano's
    /// <c>scan_checkpoints</c>. For the gradient only these are kept, and the steps between are made again: with the
    /// root of the number of steps, memory grows as that root, for the price of computing each step twice. A
    /// <see cref="Scan"/> of loops.
    /// </summary>
    /// <param name="step">A step, as of <see cref="Scan"/>.</param>
    /// <param name="sequences">What is gone through row by row; as many rows as make whole groups of steps.</param>
    /// <param name="outputsInfo">What each output begins with, of which a step sees what the step before made.</param>
    /// <param name="nonSequences">Further variables that the step is given.</param>
    /// <param name="nSteps">How many steps are made, where there are no sequences: a multiple of <paramref name="saveEvery"/>.</param>
    /// <param name="saveEvery">The steps from one result that is kept to the next.</param>
    /// <param name="goBackwards">Whether the sequences are gone through from their last row to their first.</param>
    /// <returns>For each output the results of each so many-th step, along a new outermost axis.</returns>
    /// <exception cref="EngineException">
    /// The steps do not make whole groups; a step looks further back than one step; and what <see cref="Scan"/> refuses.
    /// </exception>
    public static ScanOutputs ScanCheckpoints(
        Func<IReadOnlyList<Variable>, StepOutputs> step,
        IReadOnlyList<Variable>? sequences = null,
        IReadOnlyList<OutputInfo?>? outputsInfo = null,
        IReadOnlyList<Variable>? nonSequences = null,
        int? nSteps = null,
        int saveEvery = 10,
        bool goBackwards = false)
    {
        ArgumentNullException.ThrowIfNull(step);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(saveEvery);
        IReadOnlyList<OutputInfo?> infos = outputsInfo ?? [];
        Variable[] groups = [.. (sequences ?? []).Select(Grouped)];
        if (infos.Any(info => info is { IsSingle: false }))
        {
            throw new EngineException($"A loop with checkpoints carries the results of one step on, not of more.{Origin.Current}");
        }

        return Scan(Group, [.. groups], infos, nSteps: nSteps is { } steps ? Whole(steps) : null, goBackwards: goBackwards);

        StepOutputs Group(IReadOnlyList<Variable> given)
        {
            int next = groups.Length;
            OutputInfo?[] begins = [.. infos.Select(info => info is null ? null : (OutputInfo)given[next++])];
            ScanOutputs all = Scan(
                step, [.. given.Take(groups.Length)], begins, nonSequences, groups.Length == 0 ? saveEvery : null, goBackwards);
            return StepOutputs.Create([.. all.Select(rows => rows[^1])]);
        }

        Variable Grouped(Variable sequence)
        {
            Side count = sequence.Rank == 0 || sequence.Shape[0] == Shape.Unknown
                ? IntDiv(SideOf(sequence, 0), Constant(saveEvery, DType.Int32))
                : Whole(sequence.Shape[0]);
            return Reshape(sequence, [count, saveEvery, .. SidesOf(sequence).Skip(1)]);
        }

        int Whole(int steps) => steps % saveEvery == 0 ? steps / saveEvery : throw new EngineException(
            $"{steps} steps do not make whole groups of {saveEvery}: pad the sequences, or save the results of another number of "
            + $"steps.{Origin.Current}");
    }

    /// <summary>
    /// Returns a function of each row of the sequences: Theano's <c>map</c>. A <see cref="Scan"/> of which nothing is
    /// carried on.
    /// </summary>
    /// <exception cref="EngineException">There are no sequences, or one has no rows.</exception>
    public static ScanOutputs Map(
        Func<IReadOnlyList<Variable>, StepOutputs> function,
        IReadOnlyList<ScanSequence> sequences,
        IReadOnlyList<Variable>? nonSequences = null,
        bool goBackwards = false) => Scan(function, sequences, null, nonSequences, goBackwards: goBackwards);

    /// <summary>Returns a function of each row of a sequence.</summary>
    /// <exception cref="EngineException">The sequence has no rows.</exception>
    public static Variable Map(Func<Variable, Variable> function, Variable sequence) =>
        Map(step => function(step[0]), [sequence])[0];

    /// <summary>
    /// Returns what a loop over the sequences ends with: Theano's <c>reduce</c>. The step is given the rows and what
    /// the steps before have made.
    /// </summary>
    /// <param name="step">A step, as of <see cref="Scan"/>.</param>
    /// <param name="sequences">What is gone through.</param>
    /// <param name="outputsInfo">What each output begins with.</param>
    /// <param name="nonSequences">Further variables that the step is given.</param>
    /// <param name="goBackwards">Whether from the last row to the first.</param>
    /// <returns>What the last step makes of each output.</returns>
    /// <exception cref="EngineException">As of <see cref="Scan"/>.</exception>
    public static IReadOnlyList<Variable> Reduce(
        Func<IReadOnlyList<Variable>, StepOutputs> step,
        IReadOnlyList<ScanSequence> sequences,
        IReadOnlyList<OutputInfo?> outputsInfo,
        IReadOnlyList<Variable>? nonSequences = null,
        bool goBackwards = false) =>
        [.. Scan(step, sequences, outputsInfo, nonSequences, goBackwards: goBackwards).Select(rows => rows[^1])];

    /// <summary>Returns a sequence folded from its first row to its last: Theano's <c>foldl</c>.</summary>
    /// <param name="step">Given a row and what there is so far: what there is then.</param>
    /// <param name="sequence">What is gone through.</param>
    /// <param name="initial">What there is at first.</param>
    /// <exception cref="EngineException">As of <see cref="Scan"/>.</exception>
    public static Variable FoldL(Func<Variable, Variable, Variable> step, Variable sequence, Variable initial) =>
        Reduce(at => step(at[0], at[1]), [sequence], [initial])[0];

    /// <summary>Returns a sequence folded from its last row to its first: Theano's <c>foldr</c>.</summary>
    /// <inheritdoc cref="FoldL"/>
    public static Variable FoldR(Func<Variable, Variable, Variable> step, Variable sequence, Variable initial) =>
        Reduce(at => step(at[0], at[1]), [sequence], [initial], goBackwards: true)[0];
}
