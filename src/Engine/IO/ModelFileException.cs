namespace Engine.IO;

/// <summary>Represents the error that a file of parameters is damaged or has another format than expected.</summary>
public sealed class ModelFileException : EngineException
{
    /// <summary>Creates an error without a message.</summary>
    public ModelFileException()
    {
    }

    /// <summary>Creates an error with a message.</summary>
    public ModelFileException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with a message and its cause.</summary>
    public ModelFileException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
