using Engine.Interop;

namespace Engine.Distributed;

/// <summary>Describes what this machine has of MPI.</summary>
/// <param name="Found">What was found, and where; null if nothing was.</param>
/// <param name="Problem">What is missing; null where nothing is.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Tried">Every name and path tried, in order.</param>
public sealed record MpiSetup(string? Found, string? Problem, string Remedy, IReadOnlyList<string> Tried)
{
    /// <summary>Looks at the machine.</summary>
    public static MpiSetup Find() => new(
        Mpi.Problem is null ? $"{Mpi.Version}, {Mpi.Library.Path}" : null, Mpi.Problem, MpiLibrary.Remedy, Mpi.Library.Tried);
}
