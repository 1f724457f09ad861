namespace Engine.Build;

/// <summary>What <c>./build.sh VERB</c> can do; a new verb is one row of the table and one method.</summary>
internal static class Verbs
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int WrongUsage = 2;

    private sealed record Verb(string Name, string Arguments, string Help, Func<string[], int> Run);

    private static readonly Verb[] s_all =
    [
        new("build", "", "build everything, Release; the same as no verb", Build),
        new("test", "[FILTER…]", "build, then run the tests whose full names hold one of these words; none: all", Test),
        new("run", "COMMAND…", "build the runner if need be and run it: ./build.sh run --help", RunRunner),
        new("format", "[OPTION…]", "bring the sources into the house style, as dotnet format does", Format),
        new("clean", "", "delete everything that was built", Clean),
        new("help", "", "show this", Help),
    ];

    /// <summary>Runs the verb that <paramref name="args"/> begin with and returns the exit code.</summary>
    public static int Run(string[] args, TextWriter errors)
    {
        string name = args.Length == 0 ? "build" : args[0];
        name = name is "-h" or "--help" ? "help" : name;
        if (Array.Find(s_all, verb => verb.Name == name) is not { } chosen)
        {
            string known = string.Join(", ", s_all.Select(verb => verb.Name));
            errors.WriteLine($"'{name}' is not a verb; there are {known}.");
            return WrongUsage;
        }

        string[] rest = args.Length == 0 ? [] : args[1..];
        if (chosen.Arguments.Length == 0 && rest.Length > 0)
        {
            errors.WriteLine($"'{name}' takes no arguments, but was given '{string.Join(' ', rest)}'.");
            return WrongUsage;
        }

        return chosen.Run(rest);
    }

    private static int Build(string[] _) =>
        Dotnet.Run("build", "Engine.sln", "-c", "Release", "-v", "q", "--nologo") == 0 ? Done : Failed;

    private static int Test(string[] words)
    {
        if (Build([]) != Done)
        {
            return Failed;
        }

        string results = Directory.CreateDirectory(Path.Combine(Repository.Artifacts, "test-results")).FullName;
        string report = Path.Combine(results, "tests.trx");
        File.Delete(report);
        List<string> call =
        [
            Repository.Built("Tests", "Engine.Tests"),
            "--results-directory", results, "--report-trx", "--report-trx-filename", Path.GetFileName(report),
        ];
        if (words.Length > 0)
        {
            call.AddRange("--filter", TestFilter.Of(words));
        }

        int exitCode = Dotnet.Run([.. call]);
        TestCounts counts = (File.Exists(report) ? TestCounts.Read(report) : TestCounts.None).After(exitCode);
        Console.WriteLine(counts);
        return counts.Good ? Done : Failed;
    }

    private static int RunRunner(string[] args)
    {
        string runner = Repository.Built("Runner", "runner");
        var stamp = new Stamp(
            Path.Combine(Repository.Artifacts, "runner.stamp"),
            Repository.Root,
            ["src", "Directory.Build.props", "Directory.Packages.props", "global.json"]);
        string now = stamp.Take();
        if (!File.Exists(runner) || !stamp.Holds(now))
        {
            Console.Error.WriteLine("Building the runner …");
            if (Dotnet.RunQuietly("build", "src/Runner", "-c", "Release", "-v", "q", "--nologo") != 0)
            {
                return Failed;
            }

            stamp.Write(now);
        }

        return Dotnet.Become(runner, args);
    }

    private static int Format(string[] options) =>
        Dotnet.Run(["format", "Engine.sln", .. options]) == 0 ? Done : Failed;

    private static int Clean(string[] _)
    {
        // Windows does not let a running program be deleted, and this one lies among what is built.
        string running = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        DeleteAllBut(running, Repository.Artifacts);
        return Done;
    }

    private static void DeleteAllBut(string kept, string folder)
    {
        foreach (string entry in Directory.Exists(folder) ? Directory.GetFileSystemEntries(folder) : [])
        {
            if (kept.StartsWith(entry + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                DeleteAllBut(kept, entry);
            }
            else if (File.Exists(entry))
            {
                File.Delete(entry);
            }
            else if (entry != kept)
            {
                Directory.Delete(entry, recursive: true);
            }
        }
    }

    private static int Help(string[] _)
    {
        Console.WriteLine("./build.sh [VERB]        (Windows: ./build.ps1 [VERB])");
        Console.WriteLine();
        foreach (Verb verb in s_all)
        {
            Console.WriteLine($"  {verb.Name + " " + verb.Arguments,-18} {verb.Help}");
        }

        return Done;
    }
}
