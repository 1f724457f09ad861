using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// Describes what a kernel does with each element of its result before it stores it, as the macros EPILOGUE and
/// OPERANDS of gemm.cuh.
/// </summary>
/// <param name="Text">
/// Statements in CUDA C. They read and may change x, the element. They may read the operands and the element's indices,
/// by the names that the kernel gives them (i, j for a matrix; image, filter, pixel for a convolution).
/// </param>
/// <param name="Operands">
/// Further parameters of the kernel, each with its declaration (<c>const T* bias</c>) and its value.
/// </param>
internal sealed record CudaEpilogue(
    string Text, params IReadOnlyList<(string Declaration, CudaArgument Value)> Operands)
{
    public static CudaEpilogue None { get; } = new("");

    public IEnumerable<CudaArgument> Arguments => Operands.Select(operand => operand.Value);

    /// <summary>Returns an epilogue that does this one and then the other, with the operands of both.</summary>
    public CudaEpilogue And(CudaEpilogue? other) =>
        other is null ? this : new($"{Text} {other.Text}", [.. Operands, .. other.Operands]);

    /// <summary>Returns the macros; none if there is nothing to do.</summary>
    /// <param name="macro">The name of the macro with the statements.</param>
    /// <param name="text">The statements; by default those of this epilogue.</param>
    public IEnumerable<string> Defines(string macro, string? text = null)
    {
        string operands = string.Concat(Operands.Select(operand => ", " + operand.Declaration));
        return [.. Define(macro, text ?? Text), .. Define("OPERANDS", operands)];
    }

    /// <summary>Returns a macro of some text on one line, as a define needs; nothing if there is no text.</summary>
    public static IEnumerable<string> Define(string macro, string text) =>
        text.Length > 0 ? [$"{macro} {text.ReplaceLineEndings(" ")}"] : [];
}
