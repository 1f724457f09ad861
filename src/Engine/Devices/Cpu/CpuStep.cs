namespace Engine.Devices.Cpu;

/// <summary>An op that runs on the CPU.</summary>
internal interface ICpuOp
{
    /// <summary>
    /// Lowers the op to loops over index ranges, one after the other, on the step's fixed operands. The result of an
    /// index must depend neither on its range nor on the thread; this makes results reproducible.
    /// </summary>
    Phase[] Cpu(CpuStep step);

    /// <summary>Returns the bytes of scratch memory that the op needs.</summary>
    long CpuWorkspace(CpuStepTypes step) => 0;

    /// <summary>Returns which of several algorithms it uses, and why; null if there is only one.</summary>
    string? CpuPath(CpuStepTypes step) => null;
}

/// <summary>
/// Changes <paramref name="count"/> elements of a result from <paramref name="start"/> on, in C order, which the thread
/// has just stored.
/// </summary>
internal delegate void CpuEpilogue(long start, int count);

/// <summary>
/// Represents an op that can call a function for each piece of its result as soon as the piece is stored and while it
/// is in the caches.
/// </summary>
internal interface ICpuEpilogueOp : ICpuOp
{
    /// <summary>
    /// Lowers the op as <see cref="ICpuOp.Cpu"/> does. It calls the function exactly once for each element of its only
    /// output.
    /// </summary>
    Phase[] Cpu(CpuStep step, CpuEpilogue? epilogue);

    Phase[] ICpuOp.Cpu(CpuStep step) => Cpu(step, null);
}

/// <summary>
/// Represents work that continues while other ops compute, as long as somebody moves it on regularly.
/// </summary>
internal interface ICpuBackground
{
    /// <summary>Does what is possible now without waiting.</summary>
    void MoveOn();
}

/// <summary>The shapes of a step, before its memory is known.</summary>
internal sealed record CpuStepTypes(
    IReadOnlyList<OperandType> Inputs, IReadOnlyList<OperandType> Outputs, int Threads);

/// <summary>A step of a plan with its operands' addresses, as a CPU kernel sees it.</summary>
internal sealed unsafe class CpuStep(StepOperands operands, int threads)
{
    public StepOperands Operands => operands;

    /// <summary>Gets the end of messages about a value that an op cannot work with.</summary>
    public string Origin => operands.Origin;

    /// <summary>Gets the number of threads in the team; worker numbers are less.</summary>
    public int Threads { get; } = threads;

    /// <summary>Gets the shapes alone, as <see cref="ICpuOp.CpuWorkspace"/> saw them.</summary>
    public CpuStepTypes Types => new(
        [.. operands.Inputs.Select(input => input.Type)], [.. operands.Outputs.Select(output => output.Type)], Threads);

    /// <summary>Gets the scratch memory of the size asked for; null if none was.</summary>
    public byte* Workspace => operands.Workspace is null ? null : CpuStorage.Pointer(operands.Workspace);

    public int InputCount => operands.Inputs.Count;

    public int OutputCount => operands.Outputs.Count;

    public DType DType(int input) => operands.Inputs[input].Type.DType;

    public DType OutDType(int output = 0) => operands.Outputs[output].Type.DType;

    public Shape Shape(int input) => operands.Inputs[input].Type.Shape;

    public Shape OutShape(int output = 0) => operands.Outputs[output].Type.Shape;

    /// <summary>Returns the address of an input. It has no meaning for inputs that the op does not read.</summary>
    public T* In<T>(int input) where T : unmanaged => (T*)CpuStorage.Pointer(operands.Inputs[input].Range);

    /// <summary>Returns the address of an output.</summary>
    public T* Out<T>(int output = 0) where T : unmanaged => (T*)CpuStorage.Pointer(operands.Outputs[output].Range);

    /// <summary>Returns whether an output shares the address of an input.</summary>
    public bool IsInPlace(int input, int output = 0) => In<byte>(input) == Out<byte>(output);
}
