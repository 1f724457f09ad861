namespace Engine.Interop;

/// <summary>
/// Represents a call of the CUDA driver or of NVRTC failed: the message names the call, the error and what it means.
/// </summary>
public sealed class CudaException : EngineException
{
    /// <summary>Creates an error without a message.</summary>
    public CudaException()
    {
    }

    /// <summary>Creates an error with the sentence to show.</summary>
    public CudaException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with the sentence to show and what caused it.</summary>
    public CudaException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    /// <summary>Creates a call that returned an error.</summary>
    /// <param name="call">The entry point: <c>cuMemAlloc_v2</c>.</param>
    /// <param name="code">The number it returned.</param>
    /// <param name="name">The library's name for it: <c>CUDA_ERROR_OUT_OF_MEMORY</c>.</param>
    /// <param name="text">The library's explanation.</param>
    public CudaException(string call, int code, string name, string text)
        : base($"{call} returned {name} ({code}): {text}.")
    {
        Call = call;
        Code = code;
        Name = name;
    }

    /// <summary>
    /// Gets or sets what is wrong, in a clause for a sentence of another's: without what was tried and what to do.
    /// </summary>
    public string Reason { get => field ?? Message.TrimEnd('.'); init; }

    /// <summary>Gets the entry point that failed, where it was a call that did.</summary>
    public string? Call { get; }

    /// <summary>Gets the number it returned.</summary>
    public int Code { get; }

    /// <summary>
    /// Gets whether the context is lost: a kernel went wrong in such a way that every later call of the process fails
    /// too.
    /// </summary>
    public bool IsLasting => (Code, InnerException) switch
    {
        (700 or 702 or 710 or (>= 714 and <= 719), _) => true,
        (_, CudaException inner) => inner.IsLasting,
        _ => false,
    };

    /// <summary>Gets the library's name for that number.</summary>
    public string? Name { get; }
}
