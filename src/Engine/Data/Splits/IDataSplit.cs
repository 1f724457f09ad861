namespace Engine.Data;

/// <summary>Splits samples into training and test. To write your own split, implement this one method.</summary>
public interface IDataSplit
{
    /// <summary>Splits samples.</summary>
    /// <param name="samples">The samples.</param>
    /// <param name="target">The column to predict.</param>
    /// <returns>The indices of the training samples, in the order of training, and of the test samples.</returns>
    (int[] Train, int[] Test) Split(Table samples, string target);
}
