using Engine.Rewrites;

namespace Engine.Compile;

/// <summary>Describes how functions are compiled.</summary>
public sealed record CompileOptions
{
    private readonly IReadOnlyList<string> _excluding = [], _including = [];

    /// <summary>Gets or sets the options that are used if none are given.</summary>
    public static CompileOptions Default { get; set; } = new();

    /// <summary>Gets or sets which rewrites are applied to a graph.</summary>
    public Optimizer Optimizer { get; init; } = Optimizer.FastRun;

    /// <summary>Gets or sets the names of rewrites to leave out.</summary>
    /// <exception cref="EngineException">There is no rewrite of such a name.</exception>
    public IReadOnlyList<string> Excluding
    {
        get => _excluding;
        init => _excluding = Known(value, Rewrite.All, "leave out");
    }

    /// <summary>
    /// Gets or sets the names of rewrites to add that run only on request, because their faster results are less exact:
    /// <c>winograd4</c>.
    /// </summary>
    /// <exception cref="EngineException">There is no rewrite of such a name.</exception>
    public IReadOnlyList<string> Including
    {
        get => _including;
        init => _including = Known(value, Rewrite.All.Where(rewrite => rewrite.IsOnDemand), "take in");
    }

    /// <summary>Gets or sets how the function runs.</summary>
    public Mode Mode { get; init; } = Mode.Mode;

    /// <summary>
    /// Gets or sets the profile in which functions without a checking mode record the times of their kernels; null for
    /// none.
    /// </summary>
    public Profile? Profile { get; init; }

    /// <summary>The rewrites that run, in order.</summary>
    internal IEnumerable<Rewrite> Rewrites => Rewrite.All.Where(rewrite => rewrite.Level <= Optimizer
        && !Excluding.Contains(rewrite.Name) && (!rewrite.IsOnDemand || Including.Contains(rewrite.Name)));

    private static IReadOnlyList<string> Known(
        IReadOnlyList<string> asked, IEnumerable<Rewrite> rewrites, string what)
    {
        ArgumentNullException.ThrowIfNull(asked);
        string[] names = [.. rewrites.Select(rewrite => rewrite.Name).Distinct()];
        return asked.FirstOrDefault(name => !names.Contains(name)) is { } unknown
            ? throw new EngineException(
                $"There is no rewrite '{unknown}' to {what}: there are {string.Join(", ", names)}.")
            : asked;
    }
}
