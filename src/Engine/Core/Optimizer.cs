namespace Engine;

/// <summary>Describes how much is done to a graph before it runs.</summary>
public enum Optimizer
{
    /// <summary>Every op runs as it was written.</summary>
    None,

    /// <summary>Only what takes next to no time: what is equal is computed once, constants are folded.</summary>
    FastCompile,

    /// <summary>Every rewrite.</summary>
    FastRun,
}
