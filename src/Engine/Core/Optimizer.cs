namespace Engine;

/// <summary>Specifies which rewrites are applied to a graph before it runs.</summary>
public enum Optimizer
{
    /// <summary>No rewrites: every op runs as written.</summary>
    None,

    /// <summary>
    /// Only rewrites that take almost no time: common subexpressions are merged and constants are folded.
    /// </summary>
    FastCompile,

    /// <summary>All rewrites.</summary>
    FastRun,
}
