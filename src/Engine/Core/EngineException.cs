namespace Engine;

/// <summary>An error the user can mend: its message says what is wrong, where, with which shapes, and what to do.</summary>
public class EngineException : Exception
{
    /// <summary>An error without a message.</summary>
    public EngineException()
    {
    }

    /// <summary>An error with the sentence to show.</summary>
    public EngineException(string message) : base(message)
    {
    }

    /// <summary>An error with the sentence to show, whose numbers are the same in every language.</summary>
    internal EngineException(ref InvariantText message) : base(message.Take())
    {
    }

    /// <summary>An error with the sentence to show and what caused it.</summary>
    public EngineException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
