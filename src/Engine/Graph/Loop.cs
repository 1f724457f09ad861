namespace Engine.Graph;

/// <summary>An op that runs graphs of its own: the step of a loop, the branches of a condition.</summary>
internal interface IOuterOp
{
    /// <summary>The graphs: functions of their inputs alone, without updates.</summary>
    IReadOnlyList<FunctionGraph> Bodies { get; }

    /// <summary>The types of a body's inputs, given those of the op's.</summary>
    TensorType[] BodyTypes(int body, IReadOnlyList<TensorType> inputs);

    /// <summary>The same op with other bodies, which compute the same.</summary>
    Op With(IReadOnlyList<FunctionGraph> bodies);
}

/// <summary>
/// An op that runs its body over and over: what a step reads and writes are rows of the op's inputs and outputs, which
/// move on from step to step.
/// </summary>
internal interface ILoop : IOuterOp
{
    /// <summary>What each input of the body is.</summary>
    IReadOnlyList<LoopRead> StepReads { get; }

    /// <summary>Where each output of the body goes: to the op's output of the same number.</summary>
    IReadOnlyList<LoopWrite> StepWrites { get; }

    /// <summary>
    /// The body's output, a bool scalar, that says, where it is true, that nothing changes any more: the rows that are
    /// left are as the last one. -1 where there is none.
    /// </summary>
    int Until { get; }

    /// <summary>How many rows there are, and how many steps are taken; unknown where the types do not tell.</summary>
    LoopCount Count(IReadOnlyList<TensorType> inputs);
}

/// <summary>The length of a loop.</summary>
/// <param name="Rows">How many rows there are to go through.</param>
/// <param name="Steps">How many steps are taken: as many, unless the loop is cut short.</param>
internal readonly record struct LoopCount(int Rows, int Steps);

/// <summary>Where an input of a loop's body comes from.</summary>
internal enum LoopSource
{
    /// <summary>An input of the op, the same at every step.</summary>
    Whole,

    /// <summary>A row of an input of the op.</summary>
    Row,

    /// <summary>A row that an earlier step wrote to an output of the op.</summary>
    State,

    /// <summary>What the step before wrote to an output of the op that has no rows.</summary>
    Carried,
}

/// <summary>What an input of a loop's body is. Rows that are not there are 0.</summary>
/// <param name="Source">Where it comes from.</param>
/// <param name="From">
/// The number of the op's input or, for what an earlier step wrote, of its output; -1 where only what was there before is
/// read.
/// </param>
/// <param name="Before">
/// The op's input that has what was there before the first step: rows, of which the last comes right before row 0, or, for
/// what is carried, the value itself; -1 for none.
/// </param>
/// <param name="Lag">How many rows back.</param>
/// <param name="Backward">Whether the first step is the last row's.</param>
internal readonly record struct LoopRead(
    LoopSource Source, int From, int Before = -1, int Lag = 0, bool Backward = false)
{
    /// <summary>
    /// Returns the row that a step reads; a negative one counts from the end of what was there before.
    /// </summary>
    public int Row(int step, int rows) => (Backward ? rows - 1 - step : step) - Lag;
}

/// <summary>Where an output of a loop's body goes.</summary>
/// <param name="HasRows">Whether each step's value is a row of the op's output; else that is the last step's alone.</param>
/// <param name="Backward">Whether the first step is the last row's.</param>
internal readonly record struct LoopWrite(bool HasRows, bool Backward = false)
{
    /// <summary>Gets or sets how many rows back.</summary>
    public int Lag { get; init; }

    /// <summary>
    /// Gets or sets the op's input that has as many rows as the output; those that no step writes are 0. -1 for as many
    /// as the loop has.
    /// </summary>
    public int Like { get; init; } = -1;

    /// <summary>Gets or sets whether the rows are those before row 0, which the others are written without.</summary>
    public bool IsBefore { get; init; }

    /// <summary>For the last step's value: whether it is 0 where the loop is cut short.</summary>
    public bool IsOfAll { get; init; }

    /// <summary>Returns the row, of so many that the output has, that a step writes; -1 for none.</summary>
    public int Row(int step, int rows, int outputRows)
    {
        int row = (Backward ? rows - 1 - step : step) - Lag;
        return !HasRows ? 0 : IsBefore == row < 0 ? (IsBefore ? outputRows + row : row) : -1;
    }
}

/// <summary>
/// An op that computes one of its two bodies, which its first input, a bool scalar, chooses: the first where it is true.
/// The other inputs are the first body's and then the second's.
/// </summary>
internal interface IBranch : IOuterOp;
