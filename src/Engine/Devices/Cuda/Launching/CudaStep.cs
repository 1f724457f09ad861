namespace Engine.Devices.Cuda;

/// <summary>
/// A step of a plan with its operands' addresses on the GPU, given to an op that is lowered to launches.
/// </summary>
/// <param name="operands">The operands that the step reads and writes.</param>
/// <param name="address">Returns the address of an operand.</param>
/// <param name="faults">The faults that kernels report.</param>
/// <param name="tensorFloat32">Whether products of float32 may be rounded to TF32.</param>
/// <param name="hasHalfProducts">Whether tensor cores multiply numbers of 16 bits.</param>
/// <param name="whole">The step that this one is a part of, if it is one.</param>
internal sealed class CudaStep(
    StepOperands operands, Func<MemoryRange, ulong> address, CudaFaults faults, bool tensorFloat32,
    bool hasHalfProducts,
    CudaStep? whole = null)
{
    /// <summary>
    /// Longer than any array, so an address shows which stand-in for rows it belongs to.
    /// </summary>
    public const ulong StandInRange = 1UL << 40;

    /// <summary>Gets the shapes alone, as <see cref="ICudaOp.CudaWorkspace"/> saw them.</summary>
    public CudaStepTypes Types => new(
        [.. operands.Inputs.Select(input => input.Type)], [.. operands.Outputs.Select(output => output.Type)],
        tensorFloat32, hasHalfProducts);

    /// <summary>Gets whether a launch may report a fault.</summary>
    public bool MayFault { get; private set; }

    /// <summary>Gets the scratch memory of the size asked for; 0 if none was.</summary>
    public ulong Workspace => operands.Workspace is { } range ? address(range) : 0;

    /// <summary>
    /// Returns the step of a part of the op: some inputs and some outputs, the outputs with other types.
    /// </summary>
    public CudaStep Part(int[] inputs, int[] outputs, OperandType[] types) => new(
        new StepOperands(
            [.. inputs.Select(input => operands.Inputs[input])],
            [.. outputs.Select((output, i) => operands.Outputs[output] with { Type = types[i] })],
            operands.Workspace)
        {
            Origin = operands.Origin,
        },
        address,
        faults,
        tensorFloat32,
        hasHalfProducts,
        this);

    /// <summary>
    /// Returns the step of an op that sees rows of some inputs instead of the whole arrays. Each has a stand-in address
    /// until the launches exist; it is divisible by the same powers of 2, up to 16, as the rows' addresses.
    /// </summary>
    /// <param name="inputs">How many of the step's inputs are the op's.</param>
    /// <param name="rows">The inputs of which the op sees rows, with the type of these rows.</param>
    public (CudaStep Step, ulong[] StandIns) WithRows(int inputs, IReadOnlyList<(int Input, OperandType Type)> rows)
    {
        const int Alignment = 16;
        Operand[] seen = [.. operands.Inputs.Take(inputs)];
        var standIns = new List<ulong>();
        foreach ((int input, OperandType type) in rows)
        {
            ulong rowBytes = (ulong)(type.Shape.Product(1, type.Shape.Rank) * type.DType.Size());
            ulong standIn = (1UL << 63) + ((ulong)input * 2 * StandInRange) + ((In(input) | rowBytes) % Alignment);
            seen[input] = new Operand(seen[input].Storage, unchecked((long)standIn), type);
            standIns.Add(standIn);
        }

        var step = new CudaStep(
            operands with { Inputs = seen },
            range => range.Offset < 0 ? unchecked((ulong)range.Offset) : address(range),
            faults,
            tensorFloat32,
            hasHalfProducts,
            this);
        return (step, [.. standIns]);
    }

    /// <summary>Returns the step of another op, which does a part of this op's work on the memory given here.</summary>
    public CudaStep At(
        IReadOnlyList<(ulong Address, OperandType Type)> inputs,
        IReadOnlyList<(ulong Address, OperandType Type)> outputs)
    {
        return new CudaStep(
            new StepOperands([.. inputs.Select(Bound)], [.. outputs.Select(Bound)], null)
            {
                Origin = operands.Origin,
            },
            range => unchecked((ulong)range.Offset),
            faults,
            tensorFloat32,
            hasHalfProducts,
            this);

        Operand Bound((ulong Address, OperandType Type) operand) =>
            new(operands.Outputs[0].Storage, unchecked((long)operand.Address), operand.Type);
    }

    public int InputCount => operands.Inputs.Count;

    public int OutputCount => operands.Outputs.Count;

    public DType DType(int input) => operands.Inputs[input].Type.DType;

    public DType OutDType(int output = 0) => operands.Outputs[output].Type.DType;

    public Shape Shape(int input) => operands.Inputs[input].Type.Shape;

    public Shape OutShape(int output = 0) => operands.Outputs[output].Type.Shape;

    /// <summary>Returns the address of an input. It has no meaning for inputs that the op does not read.</summary>
    public ulong In(int input) => address(operands.Inputs[input].Range);

    /// <summary>Returns the address of an output.</summary>
    public ulong Out(int output = 0) => address(operands.Outputs[output].Range);

    /// <summary>
    /// Returns the arguments for a kernel that may find a value it cannot work with: the address for its report, and
    /// the number of its message.
    /// </summary>
    /// <param name="message">Returns the message for the user, given the value and its index.</param>
    public (ulong Address, int Code) Fault(Func<int, int, string> message)
    {
        SetMayFault();
        return (faults.Address, faults.Add((value, index) => message(value, index) + operands.Origin));
    }

    private void SetMayFault()
    {
        MayFault = true;
        whole?.SetMayFault();
    }
}
