using Engine.Interop;

namespace Engine.Distributed;

/// <summary>Describes what this machine has of NCCL.</summary>
/// <param name="Found">What was found, and where; null if nothing was that can be used.</param>
/// <param name="Problem">What is missing; null where nothing is.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Tried">Every name and path tried, in order.</param>
public sealed record NcclSetup(string? Found, string? Problem, string Remedy, IReadOnlyList<string> Tried)
{
    /// <summary>Looks at the machine.</summary>
    public static NcclSetup Find() => new(
        Nccl.Problem is null ? $"{Nccl.Version}, {Nccl.Library.Path}" : null, Nccl.Problem, Nccl.Remedy, Nccl.Library.Tried);
}
