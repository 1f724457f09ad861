namespace Engine.Build;

/// <summary>Where things lie in this repository.</summary>
internal static class Repository
{
    /// <summary>The folder that holds Engine.sln.</summary>
    public static string Root { get; } = FindRoot();

    public static string Artifacts { get; } = Path.Combine(Root, "artifacts");

    /// <summary>The Release build of one of our programs.</summary>
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
