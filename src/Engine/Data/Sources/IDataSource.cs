namespace Engine.Data;

/// <summary>Provides samples. To write your own source, implement this one method.</summary>
public interface IDataSource
{
    /// <summary>Reads all samples.</summary>
    /// <exception cref="DataFormatException">
    /// The data have the wrong format; the message has the file and the line.
    /// </exception>
    DataSet Load();
}
