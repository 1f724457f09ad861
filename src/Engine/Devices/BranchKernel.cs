namespace Engine.Devices;

/// <summary>Kernels of which some or others are run: what a device makes a kernel of.</summary>
/// <param name="Name">The name in traces and messages.</param>
/// <param name="Condition">A byte: the first are run where it is not 0.</param>
/// <param name="First">The first, level by level.</param>
/// <param name="Second">The others.</param>
internal sealed record BranchKernel(
    string Name,
    MemoryRange Condition,
    IReadOnlyList<IReadOnlyList<IKernel>> First,
    IReadOnlyList<IReadOnlyList<IKernel>> Second);
