namespace Engine.IO;

/// <summary>Says that a file of parameters is damaged, or is not of the format it is read as.</summary>
public sealed class ModelFileException : EngineException
{
    /// <summary>Creates an error without a message.</summary>
    public ModelFileException()
    {
    }

    /// <summary>Creates an error with the sentence to show.</summary>
    public ModelFileException(string message) : base(message)
    {
    }

    /// <summary>Creates an error with the sentence to show and what caused it.</summary>
    public ModelFileException(string message, Exception? innerException) : base(message, innerException)
    {
    }
}
