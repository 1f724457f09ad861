namespace Engine.Distributed;

/// <summary>Describes what is made of the values of all ranks.</summary>
public enum Reduction
{
    /// <summary>Their sum.</summary>
    Sum,

    /// <summary>The greatest of them.</summary>
    Max,
}
