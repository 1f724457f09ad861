namespace Engine.Distributed;

/// <summary>Specifies how the values of all ranks are combined.</summary>
public enum Reduction
{
    /// <summary>The sum of the values.</summary>
    Sum,

    /// <summary>The largest of the values.</summary>
    Max,
}
