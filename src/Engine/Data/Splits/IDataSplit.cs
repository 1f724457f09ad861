namespace Engine.Data;

/// <summary>Describes which samples train and which test. One of one's own is a class with this one method.</summary>
public interface IDataSplit
{
    /// <summary>Splits samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="target">The column that is to be predicted.</param>
    /// <returns>The indices of those that train, in the order in which they do, and of those that test.</returns>
    (int[] Train, int[] Test) Split(Table samples, string target);
}
