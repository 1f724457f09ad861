using Engine.Devices;

namespace Engine.Compile;

/// <summary>Which steps of a plan each of its program's launches computes.</summary>
internal sealed class LaunchOwners
{
    private readonly BoundStep[][] _steps, _first;

    public LaunchOwners(IEnumerable<BoundStep> steps, IReadOnlyList<Launch> launches)
    {
        var owners = new Dictionary<IKernel, BoundStep>(ReferenceEqualityComparer.Instance);
        foreach (BoundStep step in steps)
        {
            owners.Add(step.Kernel, step);
        }

        var seen = new HashSet<BoundStep>(ReferenceEqualityComparer.Instance);
        _steps = [.. launches.Select(launch => launch.Kernels.Select(kernel => owners[kernel]).ToArray())];
        _first = [.. _steps.Select(of => of.Where(seen.Add).ToArray())];
    }

    /// <summary>Creates the steps that a launch has a part in.</summary>
    public BoundStep[] Steps(int launch) => _steps[launch];

    /// <summary>Of those the ones that begin with it, to which all of their cost is put down.</summary>
    public BoundStep[] First(int launch) => _first[launch];
}
