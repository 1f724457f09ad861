namespace Engine.Graph;

/// <summary>An op that runs graphs of its own: the step of a loop, or the branches of a condition.</summary>
internal interface IOuterOp
{
    /// <summary>Gets the graphs: functions that depend only on their inputs, without updates.</summary>
    IReadOnlyList<FunctionGraph> Bodies { get; }

    /// <summary>Returns the types of a body's inputs from those of the op's inputs.</summary>
    TensorType[] BodyTypes(int body, IReadOnlyList<TensorType> inputs);

    /// <summary>Returns the same op with other bodies that compute the same.</summary>
    Op With(IReadOnlyList<FunctionGraph> bodies);
}

/// <summary>
/// An op that repeats its body. Each step reads and writes rows of the op's inputs and outputs, and each next step the
/// next rows.
/// </summary>
internal interface ILoop : IOuterOp
{
    /// <summary>Gets the source of each input of the body.</summary>
    IReadOnlyList<LoopRead> StepReads { get; }

    /// <summary>Gets the destination of each output of the body, in the op's output of the same number.</summary>
    IReadOnlyList<LoopWrite> StepWrites { get; }

    /// <summary>
    /// Gets the number of the body's output, a bool scalar, that ends the loop when it is true; the remaining rows are
    /// equal to the last one. It is -1 if there is none.
    /// </summary>
    int Until { get; }

    /// <summary>Returns the number of steps, and of rows; unknown if the types do not determine it.</summary>
    int Count(IReadOnlyList<TensorType> inputs);
}

/// <summary>Specifies where an input of a loop's body comes from.</summary>
internal enum LoopSource
{
    /// <summary>An input of the op, the same at every step.</summary>
    Whole,

    /// <summary>A row of an input of the op.</summary>
    Row,

    /// <summary>A row that an earlier step wrote to an output of the op.</summary>
    State,

    /// <summary>The value that the previous step wrote to an output of the op without rows.</summary>
    Carried,
}

/// <summary>The source of an input of a loop's body. Rows that do not exist are 0.</summary>
/// <param name="Source">The kind of source.</param>
/// <param name="From">
/// The number of the op's input or, for the result of an earlier step, of its output; -1 if only earlier rows are read.
/// </param>
/// <param name="Before">
/// The op's input with the values from before the first step: rows, of which the last one comes right before row 0, or,
/// for a carried value, the value itself; -1 for none.
/// </param>
/// <param name="Lag">The number of rows back.</param>
/// <param name="Backward">Whether the first step has the last row.</param>
internal readonly record struct LoopRead(
    LoopSource Source, int From, int Before = -1, int Lag = 0, bool Backward = false)
{
    /// <summary>
    /// Returns the row that a step reads; a negative one counts from the end of the rows before the first step.
    /// </summary>
    public int Row(int step, int rows) => (Backward ? rows - 1 - step : step) - Lag;
}

/// <summary>The destination of an output of a loop's body.</summary>
/// <param name="HasRows">
/// Whether each step's value is a row of the op's output; else the output is the value of the last step.
/// </param>
/// <param name="Backward">Whether the first step has the last row.</param>
internal readonly record struct LoopWrite(bool HasRows, bool Backward = false)
{
    /// <summary>Gets or sets the number of rows back.</summary>
    public int Lag { get; init; }

    /// <summary>
    /// Gets or sets the op's input with as many rows as the output; rows that no step writes are 0. It is -1 for as
    /// many rows as the loop has.
    /// </summary>
    public int Like { get; init; } = -1;

    /// <summary>Gets or sets whether the output is the rows before row 0, which other outputs leave out.</summary>
    public bool IsBefore { get; init; }

    /// <summary>Returns the row of the output that a step writes; -1 for none.</summary>
    public int Row(int step, int rows, int outputRows)
    {
        int row = (Backward ? rows - 1 - step : step) - Lag;
        return !HasRows ? 0 : IsBefore == row < 0 ? (IsBefore ? outputRows + row : row) : -1;
    }
}

/// <summary>
/// An op that computes one of its two bodies: the first if its first input, a bool scalar, is true, else the second.
/// The other inputs are those of the first body and then those of the second.
/// </summary>
internal interface IBranch : IOuterOp;
