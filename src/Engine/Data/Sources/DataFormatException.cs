namespace Engine.Data;

/// <summary>
/// Data are missing, cut off or not in the format they should be; the message names the file and what to do.
/// </summary>
public sealed class DataFormatException : EngineException
{
    /// <summary>Creates an error without a message.</summary>
    public DataFormatException()
    {
    }

    /// <summary>Creates an error with the sentence to show.</summary>
    public DataFormatException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with the sentence to show and what caused it.</summary>
    public DataFormatException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
