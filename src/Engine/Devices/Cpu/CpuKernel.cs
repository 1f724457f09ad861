using System.Diagnostics;

namespace Engine.Devices.Cpu;

/// <summary>
/// An op bound to its operands, as parallel loops or, for an op that runs kernels itself, as a control.
/// </summary>
/// <param name="Name">The name.</param>
/// <param name="Phases">The loops.</param>
/// <param name="Untimed">The same kernel without timing, if this one takes times.</param>
internal sealed record CpuKernel(string Name, Phase[] Phases, CpuKernel? Untimed = null) : IKernel
{
    /// <summary>Gets or sets the control that runs instead of phases.</summary>
    public CpuControl? Control { get; init; }

    /// <summary>Gets or sets the work that the kernel begins and that continues while other kernels run.</summary>
    public ICpuBackground? Background { get; init; }

    /// <summary>Gets how the work is divided.</summary>
    public string Grid => Control?.Grid ?? string.Join(" + ", Phases.Select(phase => phase.Count));

    /// <summary>Gets whether there is anything to do.</summary>
    public bool IsEmpty => Phases.Length == 0 && Control is null;

    /// <summary>Returns the same kernel, which also records when it ran.</summary>
    public CpuKernel Timed(int launch, LaunchTimes times) => new(
        Name,
        [.. Phases.Select(phase => phase with
        {
            Body = (start, end, worker) =>
            {
                long began = Stopwatch.GetTimestamp();
                phase.Body(start, end, worker);
                times.Add(launch, worker, began, Stopwatch.GetTimestamp());
            },
        })],
        this)
    {
        Background = Background,
        Control = Control?.Timed((began, ended) => times.Add(launch, 0, began, ended)),
    };
}

/// <summary>
/// Kernels that run one after the other; the phases of neighboring kernels go to the team as one list.
/// </summary>
internal sealed class CpuSequence
{
    private readonly (Phase[] Phases, CpuControl? Control)[] _parts;

    public CpuSequence(IEnumerable<CpuKernel> kernels)
    {
        var parts = new List<(Phase[], CpuControl?)>();
        var phases = new List<Phase>();
        ICpuBackground? background = null;
        foreach (CpuKernel kernel in kernels)
        {
            phases.AddRange(kernel.Phases);
            background = kernel.Background ?? background;
            if (background is { } begun)
            {
                phases.Add(new Phase(1, 1, (_, _, _) => begun.MoveOn()));
            }

            if (kernel.Control is { } control)
            {
                parts.Add(([.. phases], control));
                phases.Clear();
            }
        }

        parts.Add(([.. phases], null));
        _parts = [.. parts];
    }

    public void Run(ThreadTeam team)
    {
        foreach ((Phase[] phases, CpuControl? control) in _parts)
        {
            if (phases.Length > 0)
            {
                team.RunBesideOthers(phases);
            }

            control?.Run(team);
        }
    }
}
