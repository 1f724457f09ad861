using Engine.Interop;

namespace Engine.Distributed;

/// <summary>Describes the MPI installation of this machine.</summary>
/// <param name="Found">The library and its path; null if there is none.</param>
/// <param name="Problem">What is missing; null if nothing is.</param>
/// <param name="Remedy">What to do about it.</param>
/// <param name="Tried">All names and paths tried, in order.</param>
public sealed record MpiSetup(string? Found, string? Problem, string Remedy, IReadOnlyList<string> Tried)
{
    /// <summary>Examines the machine.</summary>
    public static MpiSetup Find() => new(
        Mpi.Problem is null ? $"{Mpi.Version}, {Mpi.Library.Path}" : null, Mpi.Problem, MpiLibrary.Remedy,
        Mpi.Library.Tried);
}
