namespace Engine.Interop;

/// <summary>The folders in which CUDA's libraries are usually installed.</summary>
internal static class CudaFolders
{
    private static readonly string[] s_toolkitVariables = ["CUDA_PATH", "CUDA_HOME"];
    private static readonly string[] s_pythonVariables = ["VIRTUAL_ENV", "CONDA_PREFIX"];

    /// <summary>Gets the folders that the user names in <c>ENGINE_CUDA_PATH</c>.</summary>
    public static IEnumerable<string> Explicit => Split(Environment.GetEnvironmentVariable("ENGINE_CUDA_PATH"));

    /// <summary>Gets the folder of the driver in Linux on Windows (WSL).</summary>
    public static IEnumerable<string> WslDriver => ["/usr/lib/wsl/lib"];

    /// <summary>Returns toolkits, then Python's wheels; the newest of each kind first.</summary>
    /// <param name="wheel">The folder of the library's own wheel: <c>cuda_nvrtc</c>, <c>cublas</c>.</param>
    public static IEnumerable<string> Toolkits(string wheel) =>
    [
        .. s_toolkitVariables
            .SelectMany(name => Split(Environment.GetEnvironmentVariable(name)))
            .SelectMany(LibrariesOf),
        .. OperatingSystem.IsWindows()
            ? Children(Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles),
                "NVIDIA GPU Computing Toolkit", "CUDA"), "v*").SelectMany(LibrariesOf)
            : Children("/usr/local", "cuda*").SelectMany(LibrariesOf),
        .. Wheels(wheel),
    ];

    private static IEnumerable<string> Wheels(string wheel) => PythonRoots
        .SelectMany(root => OperatingSystem.IsWindows()
            ? [Path.Combine(root, "Lib", "site-packages")]
            : Children(Path.Combine(root, "lib"), "python3*")
                .SelectMany(python => (string[])[
                    Path.Combine(python, "site-packages"), Path.Combine(python, "dist-packages")]))
        .SelectMany(packages => (string[])[
            Path.Combine(packages, "nvidia", "cu13"), Path.Combine(packages, "nvidia", wheel)])
        .SelectMany(LibrariesOf)
        .Where(Directory.Exists);

    private static IEnumerable<string> PythonRoots =>
    [
        .. s_pythonVariables.SelectMany(name => Split(Environment.GetEnvironmentVariable(name))),
        Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local"),
        .. OperatingSystem.IsWindows() ? Array.Empty<string>() : ["/usr/local", "/usr"],
    ];

    private static string[] LibrariesOf(string root) => OperatingSystem.IsWindows()
        ? [Path.Combine(root, "bin", "x64"), Path.Combine(root, "bin")]
        : [Path.Combine(root, "lib64"), Path.Combine(root, "lib")];

    private static IEnumerable<string> Children(string folder, string pattern) => Directory.Exists(folder)
        ? Directory.EnumerateDirectories(folder, pattern).OrderByDescending(path => path, StringComparer.Ordinal)
        : [];

    private static string[] Split(string? paths) => (paths ?? "").Split(
        Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
