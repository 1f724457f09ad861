namespace Engine.Devices;

/// <summary>Represents two groups of kernels of which a device runs one, as one kernel.</summary>
/// <param name="Name">The name in traces and messages.</param>
/// <param name="Condition">A byte: the first group runs if it is not 0, else the second.</param>
/// <param name="First">The first group, level by level.</param>
/// <param name="Second">The second group, level by level.</param>
internal sealed record BranchKernel(
    string Name,
    MemoryRange Condition,
    IReadOnlyList<IReadOnlyList<IKernel>> First,
    IReadOnlyList<IReadOnlyList<IKernel>> Second);
