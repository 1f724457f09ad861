namespace Engine;

/// <summary>
/// Represents an error the user can mend: its message says what is wrong, where, with which shapes, and what to do.
/// </summary>
public class EngineException : Exception
{
    /// <summary>Creates an error without a message.</summary>
    public EngineException()
    {
    }

    /// <summary>Creates an error with the sentence to show.</summary>
    public EngineException(string message) : base(message)
    {
    }

    /// <summary>An error with the sentence to show, whose numbers are the same in every language.</summary>
    internal EngineException(ref InvariantText message) : base(message.Take())
    {
    }

    /// <summary>Creates an error with the sentence to show and what caused it.</summary>
    public EngineException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
