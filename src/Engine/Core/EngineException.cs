namespace Engine;

/// <summary>
/// Represents an error that the user can correct: its message says what is wrong, where, with which shapes, and what to
/// do.
/// </summary>
public class EngineException : Exception
{
    /// <summary>Creates an error without a message.</summary>
    public EngineException()
    {
    }

    /// <summary>Creates an error with a message.</summary>
    public EngineException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with a message whose numbers are the same in every language.</summary>
    internal EngineException(ref InvariantText message) : base(message.Take())
    {
    }

    /// <summary>Creates an error with a message and its cause.</summary>
    public EngineException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
