using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Engine.Build;

/// <summary>
/// Makes artifacts/bundle.tar.xz: the runner, the tests and the benchmarks with one .NET runtime for the three, for a
/// Linux machine with a GPU that has neither .NET nor a network.
/// </summary>
internal static class Bundle
{
    private const string Target = "linux-x64";
    private const long MaxBytes = 45 << 20;

    private static readonly string[] s_programs = ["src/Runner", "tests", "bench"];

    /// <summary>
    /// Files that no check of a GPU needs. ONNX Runtime's native code is as large as all other files together; the rest
    /// are documentation, the compiler of its snippets, and .NET's parts for debuggers, memory dumps and LTTng.
    /// </summary>
    private static readonly string[] s_leftOut =
    [
        "*.xml", "Microsoft.CodeAnalysis*", "libonnxruntime*", "onnxruntime*", "libmscordaccore*", "libmscordbi*",
        "createdump",
        "libcoreclrtraceptprovider*",
    ];

    /// <summary>Makes the bundle and prints its size; returns false if that fails.</summary>
    public static bool Make()
    {
        const string Name = "engine";
        string archive = Path.Combine(Repository.Artifacts, "bundle.tar.xz");
        string folder = Path.Combine(Repository.Artifacts, "bundle", Name);
        File.Delete(archive);
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        string programs = Path.Combine(folder, "bin");
        foreach (string program in s_programs)
        {
            if (Dotnet.RunQuietly(
                "publish", program, "-c", "Release", "-r", Target, "--self-contained", "-o", programs, "-v", "q",
                "--nologo") != 0)
            {
                return false;
            }
        }

        foreach (string file in s_leftOut.SelectMany(pattern => Directory.GetFiles(programs, pattern)))
        {
            File.Delete(file);
        }

        string bench = Path.Combine(Repository.Root, "bench"), peers = Path.Combine(folder, "peers");
        Directory.CreateDirectory(peers);
        foreach (string peer in Directory.GetFiles(Path.Combine(bench, "peers"), "*.py"))
        {
            File.Copy(peer, Path.Combine(peers, Path.GetFileName(peer)));
        }

        File.Copy(Path.Combine(bench, "gpu-check.sh"), Path.Combine(folder, "gpu-check.sh"));
        if (!WriteCounts(programs, Path.Combine(folder, "counts.jsonl")))
        {
            return false;
        }

        return Pack(Path.GetDirectoryName(folder)!, Name, archive);
    }

    /// <summary>
    /// Counts the work of a training step's kernels, to compare it with their times, if this machine has the tools for
    /// it.
    /// </summary>
    private static bool WriteCounts(string programs, string file)
    {
        if (Gates.WhyNoPtx is { } reason)
        {
            Console.WriteLine($"It has no counts: {reason}.");
            return true;
        }

        if (!Gates.BuildDouble())
        {
            return false;
        }

        foreach (string network in (string[])["mlp", "cnn"])
        {
            var start = new ProcessStartInfo(
                Path.Combine(programs, "Engine.Bench"), ["count", network, "--json", "--double", Repository.Double])
            {
                RedirectStandardOutput = true,
            };
            using Process count = Process.Start(start)!;
            string json = count.StandardOutput.ReadToEnd();
            count.WaitForExit();
            if (count.ExitCode != 0)
            {
                return false;
            }

            JsonNode counted = JsonNode.Parse(json)!;
            counted.AsObject().Remove("launches");
            File.AppendAllText(file, counted.ToJsonString() + "\n");
        }

        return true;
    }

    private static bool Pack(string folder, string name, string archive)
    {
        var start = new ProcessStartInfo("tar", ["--create", "--xz", "--file", archive, "--directory", folder, name])
        {
            Environment = { ["XZ_OPT"] = "-9 -T0" },
        };
        int code;
        try
        {
            using Process tar = Process.Start(start)!;
            tar.WaitForExit();
            code = tar.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            code = -1;
        }

        if (code != 0)
        {
            Console.Error.WriteLine(
                "The bundle is packed by tar with xz: install both. Windows' own tar has no xz: take Git's, "
                    + "MSYS2's or WSL's.");
            return false;
        }

        long bytes = new FileInfo(archive).Length;
        Console.WriteLine(FormattableString.Invariant($"{archive}: {bytes / 1048576.0:F1} MiB"));
        if (bytes > MaxBytes)
        {
            Console.Error.WriteLine($"That is more than {MaxBytes >> 20} MiB.");
        }

        return bytes <= MaxBytes;
    }
}
