using Engine.Devices;
using Engine.Graph;

namespace Engine.Compile;

/// <summary>A step with its memory and its kernel.</summary>
/// <param name="Node">The op; null for a copy of a shared variable's old or new value.</param>
/// <param name="Reads">The values that are read; null for an input of which only the shape is read.</param>
/// <param name="Writes">The values that are written; none for a copy into a shared variable.</param>
/// <param name="Operands">The memory of the values.</param>
/// <param name="Kernel">The kernel of the device.</param>
internal sealed record BoundStep(
    Apply? Node, IReadOnlyList<Allocation?> Reads, IReadOnlyList<Allocation> Writes, StepOperands Operands,
    IKernel Kernel)
{
    /// <summary>Gets the op's name.</summary>
    public string Name => Node?.Op.Name ?? "copy";

    /// <summary>Gets the number of FLOPs.</summary>
    public long Flops => Node is null ? 0 : Node.Op.Flops(InputTypes, OutputTypes);

    /// <summary>Gets the bytes that must be read.</summary>
    public long ReadBytes => Node is null
        ? Reads[0]!.Variable.Type.Bytes
        : Enumerable.Range(0, Node.Inputs.Count).Sum(i => Node.Op.ReadBytes(i, InputTypes, OutputTypes));

    /// <summary>Gets the bytes that must be written.</summary>
    public long WrittenBytes => Operands.Outputs.Sum(output => output.Type.Shape.Count * output.Type.DType.Size());

    /// <summary>Gets all bytes that must be moved.</summary>
    public long Bytes => ReadBytes + WrittenBytes;

    /// <summary>Gets the op's layer or, without one, its line.</summary>
    public string From => Node?.Origin.Short ?? "";

    private TensorType[] InputTypes => [.. Node!.Inputs.Select(input => input.Type)];

    private TensorType[] OutputTypes => [.. Node!.Outputs.Select(output => output.Type)];

    /// <summary>Returns the op and its inputs: <c>dot(x, hidden.W)</c>.</summary>
    public override string ToString() => Node?.ToString() ?? $"copy({Reads[0]!.Variable})";
}
