using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>
/// What a kernel does with each element of its result before it stores it: the macros EPILOGUE and OPERANDS of
/// gemm.cuh.
/// </summary>
/// <param name="Text">
/// Statements in CUDA C over x, the element, which they may change; over the element's indices by the names that the
/// kernel gives them (i, j for a matrix; image, filter, pixel for a convolution); and over the operands.
/// </param>
/// <param name="Operands">
/// Further parameters of the kernel: the declaration of each (<c>const T* bias</c>) and its value.
/// </param>
internal sealed record CudaEpilogue(
    string Text, params IReadOnlyList<(string Declaration, CudaArgument Value)> Operands)
{
    public static CudaEpilogue None { get; } = new("");

    public IEnumerable<CudaArgument> Arguments => Operands.Select(operand => operand.Value);

    /// <summary>This and then another, over the operands of both.</summary>
    public CudaEpilogue And(CudaEpilogue? other) =>
        other is null ? this : new($"{Text} {other.Text}", [.. Operands, .. other.Operands]);

    /// <summary>Returns the macros; none where nothing is to be done.</summary>
    /// <param name="macro">The name of the macro with the statements, and of its parameters.</param>
    /// <param name="text">The statements, if they are not all that is to be done.</param>
    public IEnumerable<string> Defines(string macro, string? text = null)
    {
        string operands = string.Concat(Operands.Select(operand => ", " + operand.Declaration));
        return [.. Define(macro, text ?? Text), .. Define("OPERANDS", operands)];
    }

    /// <summary>
    /// Returns a macro of some text, on one line as a define must be; nothing where there is no text.
    /// </summary>
    public static IEnumerable<string> Define(string macro, string text) =>
        text.Length > 0 ? [$"{macro} {text.ReplaceLineEndings(" ")}"] : [];
}
