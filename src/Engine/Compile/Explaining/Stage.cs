namespace Engine.Compile;

/// <summary>
/// Specifies a stage of compilation, from the graph as written to the launches, for <see cref="Function.Print"/>.
/// </summary>
public enum Stage
{
    /// <summary>The graph as written, with every dimension known.</summary>
    Graph,

    /// <summary>The graph after all rewrites, and the effect of each.</summary>
    Rewritten,

    /// <summary>The steps in the order in which they run, and the smallest cost of each.</summary>
    Schedule,

    /// <summary>The memory of the values, with and without reuse.</summary>
    Memory,

    /// <summary>The launches.</summary>
    Kernels,
}
