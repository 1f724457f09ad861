namespace Engine.Data;

/// <summary>
/// Represents the error that data are missing, cut off or in the wrong format. The message has the file and the remedy.
/// </summary>
public sealed class DataFormatException : EngineException
{
    /// <summary>Creates an error without a message.</summary>
    public DataFormatException()
    {
    }

    /// <summary>Creates an error with the message to show.</summary>
    public DataFormatException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with the message to show and its cause.</summary>
    public DataFormatException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
