using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Creates a loop: Theano's <c>scan</c>. The step is written once, as a function of variables, and computed for
    /// each row of the sequences, or <paramref name="nSteps"/> times. It may use any other variable; what depends only
    /// on those is computed once. The gradient is a loop from the last step to the first.
    /// </summary>
    /// <param name="step">
    /// Returns the outputs of one step. It receives, in this order, the rows of the sequences that a step sees, the
    /// earlier values of the outputs and the <paramref name="nonSequences"/>.
    /// </param>
    /// <param name="sequences">
    /// The variables whose rows the loop visits. The shortest determines the number of steps.
    /// </param>
    /// <param name="outputsInfo">
    /// For each output, its initial value, if a step sees the results of earlier steps; null if it does not.
    /// </param>
    /// <param name="nonSequences">Further variables that the step receives, the same at every step.</param>
    /// <param name="nSteps">The number of steps, if there is not one for each row.</param>
    /// <param name="goBackwards">Whether the loop goes from the last row of the sequences to the first.</param>
    /// <param name="truncateGradient">
    /// The most steps, counted from the last, through which gradients flow; null, or Theano's -1, for all.
    /// </param>
    /// <returns>
    /// For each output the results of all steps, along a new outermost axis, in the order of the steps. If a step ends
    /// the loop early, all later rows are equal to its own.
    /// </returns>
    /// <exception cref="EngineException">
    /// The number of steps is not given; a sequence has no rows; the step returns another number of outputs than
    /// <paramref name="outputsInfo"/> has, or one whose type differs from that of its initial value.
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
        var builder = new ScanBuilder
        {
            GoBackwards = goBackwards,
            Steps = nSteps,
            Truncate = truncateGradient > 0 ? truncateGradient : null,
        };
        return builder.Build(step, sequences ?? [], outputsInfo ?? [], nonSequences ?? []);
    }

    /// <summary>
    /// Creates a loop that returns only the results of every <paramref name="saveEvery"/>-th step: Theano's
    /// <c>scan_checkpoints</c>. For the gradient only these are kept, and the steps between are computed again. With
    /// the square root of the number of steps, memory grows as that root, and each step is computed twice. It is a
    /// <see cref="Scan"/> of loops.
    /// </summary>
    /// <param name="step">A step, as for <see cref="Scan"/>.</param>
    /// <param name="sequences">
    /// The variables whose rows the loop visits. The rows must make whole groups of steps.
    /// </param>
    /// <param name="outputsInfo">The initial value of each output, whose previous result a step sees.</param>
    /// <param name="nonSequences">Further variables that the step receives.</param>
    /// <param name="nSteps">
    /// The number of steps, if there are no sequences: a multiple of <paramref name="saveEvery"/>.
    /// </param>
    /// <param name="saveEvery">The number of steps from one kept result to the next.</param>
    /// <param name="goBackwards">Whether the loop goes from the last row of the sequences to the first.</param>
    /// <returns>For each output the results of every so many steps, along a new outermost axis.</returns>
    /// <exception cref="EngineException">
    /// The steps do not make whole groups; a step sees more than the previous step's result; or <see cref="Scan"/>
    /// would throw.
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
            throw new EngineException(
                $"A loop with checkpoints carries the results of one step on, not of more.{Origin.Current}");
        }

        return Scan(
            Group, [.. groups], infos, nSteps: nSteps is { } steps ? Whole(steps) : null, goBackwards: goBackwards);

        StepOutputs Group(IReadOnlyList<Variable> given)
        {
            int next = groups.Length;
            OutputInfo?[] begins = [.. infos.Select(info => info is null ? null : (OutputInfo)given[next++])];
            ScanOutputs all = Scan(
                step, [.. given.Take(groups.Length)], begins, nonSequences, groups.Length == 0 ? saveEvery : null,
                goBackwards);
            return StepOutputs.Create([.. all.Select(rows => rows[^1])]);
        }

        Variable Grouped(Variable sequence)
        {
            Dimension count = sequence.Rank == 0 || sequence.Shape[0] == Shape.Unknown
                ? IntDiv(DimensionOf(sequence, 0), Constant(saveEvery, DType.Int32))
                : Whole(sequence.Shape[0]);
            return Reshape(sequence, [count, saveEvery, .. DimensionsOf(sequence).Skip(1)]);
        }

        int Whole(int steps) => steps % saveEvery == 0 ? steps / saveEvery : throw new EngineException(
            $"{steps} steps do not make whole groups of {saveEvery}: pad the sequences, "
            + $"or save the results of another number of steps.{Origin.Current}");
    }

    /// <summary>
    /// Applies a function to each row of the sequences: Theano's <c>map</c>. It is a <see cref="Scan"/> without states.
    /// </summary>
    /// <exception cref="EngineException">There are no sequences, or one has no rows.</exception>
    public static ScanOutputs Map(
        Func<IReadOnlyList<Variable>, StepOutputs> function,
        IReadOnlyList<ScanSequence> sequences,
        IReadOnlyList<Variable>? nonSequences = null,
        bool goBackwards = false) => Scan(function, sequences, null, nonSequences, goBackwards: goBackwards);

    /// <summary>Applies a function to each row of a sequence.</summary>
    /// <exception cref="EngineException">The sequence has no rows.</exception>
    public static Variable Map(Func<Variable, Variable> function, Variable sequence) =>
        Map(step => function(step[0]), [sequence])[0];

    /// <summary>
    /// Returns the last results of a loop over the sequences: Theano's <c>reduce</c>. The step receives the rows and
    /// the results of the previous step.
    /// </summary>
    /// <param name="step">A step, as for <see cref="Scan"/>.</param>
    /// <param name="sequences">The variables whose rows the loop visits.</param>
    /// <param name="outputsInfo">The initial value of each output.</param>
    /// <param name="nonSequences">Further variables that the step receives.</param>
    /// <param name="goBackwards">Whether the loop goes from the last row to the first.</param>
    /// <returns>The last step's result for each output.</returns>
    /// <exception cref="EngineException">As for <see cref="Scan"/>.</exception>
    public static IReadOnlyList<Variable> Reduce(
        Func<IReadOnlyList<Variable>, StepOutputs> step,
        IReadOnlyList<ScanSequence> sequences,
        IReadOnlyList<OutputInfo?> outputsInfo,
        IReadOnlyList<Variable>? nonSequences = null,
        bool goBackwards = false) =>
        [.. Scan(step, sequences, outputsInfo, nonSequences, goBackwards: goBackwards).Select(rows => rows[^1])];

    /// <summary>Folds a sequence from its first row to its last: Theano's <c>foldl</c>.</summary>
    /// <param name="step">Receives a row and the result so far, and returns the next result.</param>
    /// <param name="sequence">The variable whose rows the loop visits.</param>
    /// <param name="initial">The initial value.</param>
    /// <exception cref="EngineException">As for <see cref="Scan"/>.</exception>
    public static Variable FoldL(Func<Variable, Variable, Variable> step, Variable sequence, Variable initial) =>
        Reduce(at => step(at[0], at[1]), [sequence], [initial])[0];

    /// <summary>Folds a sequence from its last row to its first: Theano's <c>foldr</c>.</summary>
    /// <inheritdoc cref="FoldL"/>
    public static Variable FoldR(Func<Variable, Variable, Variable> step, Variable sequence, Variable initial) =>
        Reduce(at => step(at[0], at[1]), [sequence], [initial], goBackwards: true)[0];
}
