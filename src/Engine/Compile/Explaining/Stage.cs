namespace Engine.Compile;

/// <summary>
/// Represents a stage on a function's way from what was written to what runs, for <see cref="Function.Print"/>.
/// </summary>
public enum Stage
{
    /// <summary>The graph as it was written, with every side known.</summary>
    Graph,

    /// <summary>The graph behind all rewrites, and what each of them did.</summary>
    Rewritten,

    /// <summary>The steps in the order in which they run, and what each costs at least.</summary>
    Schedule,

    /// <summary>Where the values lie, with and without reuse.</summary>
    Memory,

    /// <summary>What is launched.</summary>
    Kernels,
}
