namespace Engine.Interop;

/// <summary>
/// Finds MPI's library. A machine may have several kinds, and only that of the launcher can reach the other ranks. The
/// environment variables of launchers determine which kind is tried first.
/// </summary>
internal static class MpiLibrary
{
    /// <summary>The variable with folders that are searched before all others.</summary>
    public const string Variable = "ENGINE_MPI_PATH";

    /// <summary>Advice for a machine without it.</summary>
    public const string Remedy =
        "install it (Debian: openmpi-bin, or mpich), or name its folder in " + Variable;

    private static readonly string[] s_openMpi = OperatingSystem.IsMacOS() ? ["libmpi.40.dylib"] : ["libmpi.so.40"];

    private static readonly string[] s_mpich = OperatingSystem.IsMacOS()
        ? ["libmpi.12.dylib"]
        : ["libmpich.so.12", "libmpi.so.12", "libmpi_cray.so.12"];

    private static readonly string[] s_standard =
        OperatingSystem.IsMacOS() ? ["libmpi_abi.0.dylib"] : ["libmpi_abi.so.0"];

    /// <summary>Searches for it with the given environment variables.</summary>
    public static NativeLibrarySearch Find(Func<string, string?> variable) => OperatingSystem.IsWindows()
        ? new NativeLibrarySearch(0, null, [])
        : NativeLibrarySearch.Run(Names(variable), Folders(variable(Variable)), FurtherFolders(variable));

    /// <summary>Returns the names, those of the launcher's kind first.</summary>
    internal static string[] Names(Func<string, string?> variable) =>
        variable("OMPI_COMM_WORLD_SIZE") is not null || variable("PMIX_RANK") is not null
            ? [.. s_openMpi, .. s_standard, .. s_mpich]
        : variable("PMI_SIZE") is not null || variable("PMI_FD") is not null || variable("PMI_RANK") is not null
            ? [.. s_mpich, .. s_standard, .. s_openMpi]
        : [.. s_openMpi, .. s_mpich, .. s_standard];

    private static string[] Folders(string? paths) =>
        (paths ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);

    private static IEnumerable<string> FurtherFolders(Func<string, string?> variable)
    {
        string?[] roots =
            [variable("MPI_HOME"), variable("I_MPI_ROOT"), "/usr/lib64/openmpi", "/usr/lib64/mpich", "/usr/local"];
        return roots.Where(root => root is not null)
            .SelectMany(root => (string[])[Path.Combine(root!, "lib"), Path.Combine(root!, "lib", "release")]);
    }
}
