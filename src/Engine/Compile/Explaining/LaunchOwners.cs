using Engine.Devices;

namespace Engine.Compile;

/// <summary>Tells which steps of a plan each launch of its program computes.</summary>
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

    /// <summary>Returns the steps of which a launch computes at least a part.</summary>
    public BoundStep[] Steps(int launch) => _steps[launch];

    /// <summary>Returns those steps that begin with this launch, which is charged with all of their cost.</summary>
    public BoundStep[] First(int launch) => _first[launch];
}
