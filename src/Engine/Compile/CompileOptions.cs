using Engine.Rewrites;

namespace Engine.Compile;

/// <summary>How functions are compiled.</summary>
public sealed record CompileOptions
{
    private readonly IReadOnlyList<string> _excluding = [];

    /// <summary>What holds where nothing else is said.</summary>
    public static CompileOptions Default { get; set; } = new();

    /// <summary>How much is done to a graph before it runs.</summary>
    public Optimizer Optimizer { get; init; } = Optimizer.FastRun;

    /// <summary>Rewrites that are left out, by name.</summary>
    /// <exception cref="EngineException">There is no rewrite of such a name.</exception>
    public IReadOnlyList<string> Excluding
    {
        get => _excluding;
        init
        {
            ArgumentNullException.ThrowIfNull(value);
            string[] names = [.. Rewrite.All.Select(rewrite => rewrite.Name).Distinct()];
            if (value.FirstOrDefault(name => !names.Contains(name)) is { } unknown)
            {
                throw new EngineException(
                    $"There is no rewrite '{unknown}' to leave out: there are {string.Join(", ", names)}.");
            }

            _excluding = value;
        }
    }

    /// <summary>How the function runs.</summary>
    public Mode Mode { get; init; } = Mode.Mode;

    /// <summary>
    /// Where functions write how long their kernels take, without modes; null if nobody wants to know.
    /// </summary>
    public Profile? Profile { get; init; }

    /// <summary>The rewrites that run, in order.</summary>
    internal IEnumerable<Rewrite> Rewrites =>
        Rewrite.All.Where(rewrite => rewrite.Level <= Optimizer && !Excluding.Contains(rewrite.Name));
}
