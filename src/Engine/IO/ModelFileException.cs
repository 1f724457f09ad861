namespace Engine.IO;

/// <summary>A file of parameters is damaged, or is not of the format it is read as.</summary>
public sealed class ModelFileException : EngineException
{
    /// <summary>An error without a message.</summary>
    public ModelFileException()
    {
    }

    /// <summary>An error with the sentence to show.</summary>
    public ModelFileException(string message) : base(message)
    {
    }

    /// <summary>An error with the sentence to show and what caused it.</summary>
    public ModelFileException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
