namespace Engine.Build;

/// <summary>The paths of this repository.</summary>
internal static class Repository
{
    /// <summary>The folder that holds Engine.sln.</summary>
    public static string Root { get; } = FindRoot();

    public static string Artifacts { get; } = Path.Combine(Root, "artifacts");

    /// <summary>The folder in which tests/Simt/build.sh puts the double of CUDA.</summary>
    public static string Double { get; } = Path.Combine(Artifacts, "simt");

    /// <summary>
    /// The folder in the user's cache in which <c>./build.sh nvrtc</c> puts NVIDIA's run-time compiler.
    /// </summary>
    public static string Nvrtc { get; } = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } caches
            ? caches
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "engine", "nvrtc");

    /// <summary>Returns the Release build of one of our programs.</summary>
    public static string Built(string project, string assembly) =>
        Path.Combine(Artifacts, "bin", project, "release", assembly + ".dll");

    private static string FindRoot()
    {
        for (string? folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Engine.sln")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"No folder above {AppContext.BaseDirectory} holds Engine.sln.");
    }
}
