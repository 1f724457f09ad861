namespace Engine.Interop;

/// <summary>
/// Represents a failed call of the CUDA driver or of NVRTC: the message names the call, the error and its meaning.
/// </summary>
public sealed class CudaException : EngineException
{
    /// <summary>Creates an error without a message.</summary>
    public CudaException()
    {
    }

    /// <summary>Creates an error with a message.</summary>
    public CudaException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with a message and its cause.</summary>
    public CudaException(string message, Exception? innerException) : base(message, innerException)
    {
    }

    /// <summary>Creates an error for a call that failed.</summary>
    /// <param name="call">The entry point: <c>cuMemAlloc_v2</c>.</param>
    /// <param name="code">The number that it returned.</param>
    /// <param name="name">The library's name for the number: <c>CUDA_ERROR_OUT_OF_MEMORY</c>.</param>
    /// <param name="text">The library's explanation.</param>
    public CudaException(string call, int code, string name, string text)
        : base($"{call} returned {name} ({code}): {text}.")
    {
        Call = call;
        Code = code;
        Name = name;
    }

    /// <summary>
    /// Gets or sets the problem as a clause for another sentence, without what was tried and without advice.
    /// </summary>
    public string Reason { get => field ?? Message.TrimEnd('.'); init; }

    /// <summary>Gets the entry point that failed, if a call failed.</summary>
    public string? Call { get; }

    /// <summary>Gets the number that it returned.</summary>
    public int Code { get; }

    /// <summary>
    /// Gets whether the context is lost: a kernel failed in such a way that every later call of the process fails too.
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
