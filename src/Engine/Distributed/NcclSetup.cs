using Engine.Interop;

namespace Engine.Distributed;

/// <summary>Describes the NCCL installation of this machine.</summary>
/// <param name="Found">The library and its path; null if there is no usable one.</param>
/// <param name="Problem">What is missing; null if nothing is.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Tried">All names and paths tried, in order.</param>
public sealed record NcclSetup(string? Found, string? Problem, string Remedy, IReadOnlyList<string> Tried)
{
    /// <summary>Examines the machine.</summary>
    public static NcclSetup Find() => new(
        Nccl.Problem is null ? $"{Nccl.Version}, {Nccl.Library.Path}" : null, Nccl.Problem, Nccl.Remedy,
        Nccl.Library.Tried);
}
