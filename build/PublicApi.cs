namespace Engine.Build;

/// <summary>
/// Rewrites src/Engine/PublicAPI.Unshipped.txt: the public members that are in no release yet, as the analyzers list
/// them.
/// </summary>
internal static class PublicApi
{
    private const string Header = "#nullable enable\n";

    /// <summary>
    /// Writes the file and prints the added and removed members; if that fails, returns false and leaves the file
    /// unchanged.
    /// </summary>
    public static bool Write()
    {
        string file = Path.Combine(Repository.Root, "src", "Engine", "PublicAPI.Unshipped.txt");
        string before = File.ReadAllText(file);
        File.WriteAllText(file, Header);
        string[] arguments =
            ["format", "analyzers", "src/Engine/Engine.csproj", "--diagnostics", "RS0016", "--severity", "warn"];
        if (Dotnet.RunQuietly(arguments) != 0 || File.ReadAllText(file) == Header)
        {
            File.WriteAllText(file, before);
            Console.Error.WriteLine("The list was not written; the library must build first.");
            return false;
        }

        string[] was = before.Split('\n'), isNow = File.ReadAllText(file).Split('\n');
        foreach (string line in was.Except(isNow))
        {
            Console.WriteLine($"- {line}");
        }

        foreach (string line in isNow.Except(was))
        {
            Console.WriteLine($"+ {line}");
        }

        Console.WriteLine($"{file}: {isNow.Length - 2} lines");
        return true;
    }
}
