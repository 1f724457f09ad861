namespace Engine.Data;

/// <summary>Describes where samples come from. A source of one's own is a class with this one method.</summary>
public interface IDataSource
{
    /// <summary>Reads all of it.</summary>
    /// <exception cref="DataFormatException">It is not what it should be; the message names file and line.</exception>
    DataSet Load();
}
