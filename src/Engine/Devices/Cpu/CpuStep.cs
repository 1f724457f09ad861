namespace Engine.Devices.Cpu;

/// <summary>An op that runs on the CPU.</summary>
internal interface ICpuOp
{
    /// <summary>
    /// The op as loops over index ranges, one after the other, on the step's fixed operands. What a body computes for an
    /// index may depend neither on the range it comes in nor on the thread: that is what makes results reproducible.
    /// </summary>
    Phase[] Cpu(CpuStep step);

    /// <summary>The bytes of scratch memory needed.</summary>
    long CpuWorkspace(CpuStepTypes step) => 0;

    /// <summary>Which of several ways it is computed in, and why; null if there is but one.</summary>
    string? CpuPath(CpuStepTypes step) => null;
}

/// <summary>An op that begins what goes on while others are computed, if it is asked now and then.</summary>
internal interface ICpuBackground
{
    /// <summary>Moves it on.</summary>
    void MoveOn();
}

/// <summary>The shapes of a step, before its memory is known.</summary>
internal sealed record CpuStepTypes(
    IReadOnlyList<OperandType> Inputs, IReadOnlyList<OperandType> Outputs, int Threads);

/// <summary>A step of a plan with its operands' addresses, as a CPU kernel sees it.</summary>
internal sealed unsafe class CpuStep(StepOperands operands, int threads)
{
    public StepOperands Operands => operands;

    /// <summary>Gets what a message about a value that an op cannot work with ends with.</summary>
    public string Origin => operands.Origin;

    /// <summary>Gets how many threads the team has: worker numbers are below it.</summary>
    public int Threads { get; } = threads;

    /// <summary>Gets the shapes alone, as <see cref="ICpuOp.CpuWorkspace"/> saw them.</summary>
    public CpuStepTypes Types => new(
        [.. operands.Inputs.Select(input => input.Type)], [.. operands.Outputs.Select(output => output.Type)], Threads);

    /// <summary>Scratch memory of the size asked for.</summary>
    public byte* Workspace => operands.Workspace is null ? null : CpuStorage.Pointer(operands.Workspace);

    public int InputCount => operands.Inputs.Count;

    public int OutputCount => operands.Outputs.Count;

    public DType DType(int input) => operands.Inputs[input].Type.DType;

    public DType OutDType(int output = 0) => operands.Outputs[output].Type.DType;

    public Shape Shape(int input) => operands.Inputs[input].Type.Shape;

    public Shape OutShape(int output = 0) => operands.Outputs[output].Type.Shape;

    /// <summary>Returns the address of an input. Null-like for inputs the op does not read.</summary>
    public T* In<T>(int input) where T : unmanaged => (T*)CpuStorage.Pointer(operands.Inputs[input].Range);

    /// <summary>Returns the address of an output.</summary>
    public T* Out<T>(int output = 0) where T : unmanaged => (T*)CpuStorage.Pointer(operands.Outputs[output].Range);

    /// <summary>Returns whether an output lies where an input lies.</summary>
    public bool IsInPlace(int input, int output = 0) => In<byte>(input) == Out<byte>(output);
}
