using System.Diagnostics;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>The programs in samples/ compile, run and print what they should show.</summary>
[NonParallelizable]
public class SampleTests
{
    private static string Folder => Path.Combine(Repository.Root, "samples");

    private static IEnumerable<string> Files =>
        Directory.GetFiles(Folder, "*.cs").Select(file => Path.GetFileName(file)).Order();

    /// <summary>The programs that run within the tests; the server has tests of its own.</summary>
    private static IEnumerable<string> Programs =>
        Files.Where(
            file => !File.ReadAllText(Path.Combine(Folder, file)).StartsWith("#:sdk", StringComparison.Ordinal));

    [TestCaseSource(nameof(Programs))]
    public void A_sample_compiles_and_runs(string file)
    {
        var program = CompiledProgram.Of(
            new ProgramPart($"samples/{file}", 1, File.ReadAllText(Path.Combine(Folder, file))));

        Assert.That(program.Complaints, Is.Empty);
        Assert.That(program.Run().Split('\n'), Has.Length.AtLeast(4));
    }

    [TestCase("xor.fsx", "1 xor 0 = 1", "1 xor 1 = 0", "swish 1 + 1 = 1.7311")]
    [TestCase("operators.fsx", "1 xor 0 = 1", "1 xor 1 = 0", "at (0, 2): [401.0f; -2.0f; 400.0f]",
        "at (1, 1): [0.0f; 0.0f; 0.0f]")]
    public void A_sample_in_FSharp_runs(string file, params string[] said)
    {
        using var folder = new TempFolder();
        string script = folder.File(file), library = typeof(Tensor).Assembly.Location;
        string configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        File.WriteAllText(script, File.ReadAllText(Path.Combine(Folder, file))
            .Replace("../artifacts/bin/Engine/release/Engine.dll", library, StringComparison.Ordinal)
            .Replace("../artifacts/bin/FSharp/release",
                Path.Combine(Repository.Artifacts, "bin", "FSharp", configuration), StringComparison.Ordinal));
        using Process process = Process.Start(
            new ProcessStartInfo("dotnet", ["fsi", "--quiet", script]) { RedirectStandardOutput = true })!;

        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.Zero, output);
        Assert.That(said.Where(text => !output.Contains(text, StringComparison.Ordinal)), Is.Empty, output);
    }

    [Test]
    public void A_sample_in_FSharp_is_listed() => Assert.That(
        Directory.GetFiles(Folder, "*.fsx").Select(path => Path.GetFileName(path))
            .Where(file => !File.ReadAllText(Path.Combine(Folder, "README.md"))
            .Contains($"[{file}]({file})", StringComparison.Ordinal)),
        Is.Empty);

    [TestCaseSource(nameof(Files))]
    public void A_sample_is_listed(string file) =>
        Assert.That(File.ReadAllText(Path.Combine(Folder, "README.md")), Does.Contain($"[{file}]({file})"));

    // Several, because the output of one must not be taken for that of another, and one with a type of its own, to
    // which the style rules apply.
    [TestCase("xor.cs", @"0 xor 1 = (0\.99|1\.00)")]
    [TestCase("kernel.cs", "The gradient of swish is that of its reference")]
    [TestCase("layers.cs", @"bend1 gives \(1, \d+\) for a point")]
    public void A_sample_runs_by_dotnet_run(string file, string shown)
    {
        var start = new ProcessStartInfo("dotnet", ["run", $"samples/{file}"])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.Zero, output);
        Assert.That(output, Does.Match(shown));
    }
}
