using System.Diagnostics;

namespace Engine.Build;

/// <summary>The verbs of <c>./build.sh VERB</c>; a new verb is one row of the table and one method.</summary>
internal static class Verbs
{
    private const int Done = 0;
    private const int Failed = 1;
    private const int WrongUsage = 2;

    /// <summary>The option of <c>test</c> that makes a missing gate a failure.</summary>
    private const string AllGates = "--all-gates";

    private sealed record Verb(string Name, string Arguments, string Help, Func<string[], int> Run);

    private static readonly Verb[] s_all =
    [
        new("build", "", "build everything, Release; the same as no verb", Build),
        new("test", "[FILTER…]", "build, then run the tests whose full names hold one of these words; none: all", Test),
        new("nvrtc", "", "get NVIDIA's run-time compiler for the tests, where the machine has none", FetchNvrtc),
        new("run", "COMMAND…", "build the runner if need be and run it: ./build.sh run --help", RunRunner),
        new("bench", "[NAME…]", "build the benchmarks if need be and run them: ./build.sh bench --help", Bench),
        new("count", "WHAT…", "count what kernels do, with no GPU: mlp, cnn, "
            + "gemm M,N,K [--arch sm_90] [--precision bf16] [--json]", Count),
        new("results", "FILE", "put what gpu-check.sh found, a results.json, into docs/results.md", WriteResults),
        new("bundle", "", "pack what checks a GPU machine of Linux (x64) that has no .NET into artifacts/bundle.tar.xz",
            MakeBundle),
        new("pack", "", "make the packages of the library and of the runner in artifacts/packages", MakePackages),
        new("docs", "", "make a site of the pages and of the API's reference in artifacts/docs", MakeSite),
        new("api", "", "write the list of the library's public members anew", WriteApi),
        new("format", "[OPTION…]", "bring the sources into the house style, as dotnet format does", Format),
        new("clean", "", "delete everything that was built", Clean),
        new("help", "", "show this", Help),
    ];

    /// <summary>The names of the verbs.</summary>
    public static IEnumerable<string> Names => s_all.Select(verb => verb.Name);

    /// <summary>Runs the first word of <paramref name="args"/> as the verb, and returns the exit code.</summary>
    public static int Run(string[] args, TextWriter errors)
    {
        string name = args.Length == 0 ? "build" : args[0];
        name = name is "-h" or "--help" ? "help" : name;
        if (Array.Find(s_all, verb => verb.Name == name) is not { } chosen)
        {
            string known = string.Join(", ", Names);
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

        bool mustBeAll = words.Contains(AllGates);
        (TestCounts counts, bool isAll) = Gates.Run(TestFilter.Of([.. words.Where(word => word != AllGates)]));
        Console.WriteLine(counts);
        return counts.Good && (isAll || !mustBeAll) ? Done : Failed;
    }

    private static int FetchNvrtc(string[] _)
    {
        if (OperatingSystem.IsWindows())
        {
            Console.Error.WriteLine("On Windows, NVRTC comes with NVIDIA's CUDA toolkit: install that.");
            return Failed;
        }

        if (OperatingSystem.IsMacOS())
        {
            Console.Error.WriteLine("There is no NVRTC for macOS: its kernels can be read, not compiled.");
            return Failed;
        }

        string fetch = Path.Combine(Repository.Root, "build", "get-nvrtc.sh");
        using Process script = Process.Start("bash", [fetch, Repository.Nvrtc]);
        script.WaitForExit();
        return script.ExitCode == 0 ? Done : Failed;
    }

    private static int RunRunner(string[] args) => RunProgram("src/Runner", "Runner", "runner", args);

    private static int Bench(string[] args)
    {
        string[] table = ["--table", Path.Combine(Repository.Artifacts, "bench.md")];
        return RunProgram(
            "bench/Suite", "Suite", "Engine.Bench.Suite", args.Contains(table[0]) ? args : [.. args, .. table]);
    }

    private static int Count(string[] args)
    {
        if (Gates.WhyNoPtx is { } reason)
        {
            Console.Error.WriteLine($"Nothing can be counted: {reason}.");
            return Failed;
        }

        using Process build = Process.Start("bash", [Path.Combine(Repository.Root, "tests", "Simt", "build.sh")]);
        build.WaitForExit();
        return build.ExitCode == 0
            ? RunProgram("bench", "Bench", "Engine.Bench", ["count", "--double", Repository.Double, .. args])
            : Failed;
    }

    private static int MakeBundle(string[] _) => Bundle.Make() ? Done : Failed;

    private static int WriteResults(string[] files)
    {
        if (files is not [string file])
        {
            Console.Error.WriteLine("'results' takes one file: the results.json that gpu-check.sh left.");
            return WrongUsage;
        }

        string page = Path.Combine(Repository.Root, "docs", "results.md");
        return GpuResults.Write(file, page, Console.Error) ? Done : Failed;
    }

    private static int MakePackages(string[] _) => Packages.Make() ? Done : Failed;

    private static int WriteApi(string[] _) => PublicApi.Write() ? Done : Failed;

    private static int MakeSite(string[] _) => Site.Make() ? Done : Failed;

    /// <summary>Builds a program if needed, and becomes it.</summary>
    private static int RunProgram(string folder, string project, string assembly, string[] args)
    {
        string program = Repository.Built(project, assembly);
        var stamp = new Stamp(
            Path.Combine(Repository.Artifacts, project.ToLowerInvariant() + ".stamp"),
            Repository.Root,
            [.. new HashSet<string> { "src", folder.Split('/')[0] },
                "Directory.Build.props", "Directory.Packages.props", "global.json"]);
        string now = stamp.Take();
        using FileStream? turn = File.Exists(program) && stamp.Holds(now) ? null : TakeTurn(project);
        if (!File.Exists(program) || !stamp.Holds(now))
        {
            Console.Error.WriteLine($"Building the {project.ToLowerInvariant()} …");
            if (Dotnet.RunQuietly("build", folder, "-c", "Release", "-v", "q", "--nologo") != 0)
            {
                return Failed;
            }

            stamp.Write(now);
        }

        turn?.Dispose();
        return Dotnet.Become(program, args);
    }

    /// <summary>Waits until no other process builds this, because mpirun starts several at once.</summary>
    private static FileStream TakeTurn(string project)
    {
        Directory.CreateDirectory(Repository.Artifacts);
        string path = Path.Combine(Repository.Artifacts, project.ToLowerInvariant() + ".lock");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                Thread.Sleep(200);
            }
        }
    }

    private static int Format(string[] options) =>
        Dotnet.Run(["format", "Engine.sln", .. options]) == 0 ? Done : Failed;

    private static int Clean(string[] _)
    {
        // Windows does not allow deleting a running program, and this one is in the output folder.
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
