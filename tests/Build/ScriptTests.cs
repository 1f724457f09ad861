using System.Diagnostics;
using Engine.Build;

namespace Engine.Tests.Build;

[Platform("Linux,MacOsX")]
public class ScriptTests
{
    [Test]
    public void Without_an_SDK_and_without_a_way_to_fetch_one_the_script_says_how_to_get_it()
    {
        using var folder = new TempFolder();
        File.Copy(Path.Combine(Repository.Root, "build.sh"), folder.File("build.sh"));
        string commands = Directory.CreateDirectory(folder.File("commands")).FullName;
        foreach (string command in (string[])["dirname", "grep", "mkdir"])
        {
            File.CreateSymbolicLink(Path.Combine(commands, command), Which(command));
        }

        var start = new ProcessStartInfo("/bin/sh", [folder.File("build.sh"), "test"]) { RedirectStandardError = true };
        start.Environment["PATH"] = commands;
        using Process process = Process.Start(start)!;
        string[] errors = process.StandardError.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.EqualTo(1));
        Assert.That(errors[^1], Does.StartWith("No .NET 10 SDK could be installed: get it as https://"));
        Assert.That(errors, Has.Length.EqualTo(2));
    }

    [Test]
    public void Both_scripts_say_the_same()
    {
        string Text(string script) => File.ReadAllText(Path.Combine(Repository.Root, script));

        foreach (string said in (string[])
            [
                "No .NET 10 SDK here: installing one into .dotnet/ by Microsoft's script.",
                "https://dotnet.microsoft.com/download/dotnet/10.0",
                "No .NET 10 SDK could be installed: get it as $page says, then run this again.",
                "build build -c Tool -v q --nologo",
                "artifacts/bin/Build/tool/Build.dll",
            ])
        {
            Assert.That(Text("build.sh"), Does.Contain(said));
            Assert.That(Text("build.ps1"), Does.Contain(said));
        }
    }

    /// <summary>The typed command, in the syntax of sh and of PowerShell.</summary>
    [TestCase("help", "help")]
    [TestCase("frobnicate", "frobnicate")]
    [TestCase("build run explain mlp --hidden 100,100", "build run explain mlp --hidden 100,100")]
    [TestCase("build -- -odd.png -o:x", "build -- -odd.png -o:x")]
    [TestCase("build -- a -- b", "build -- a -- b")]
    [TestCase("build '' 'a  b' 'c\"d' '$e' \\", "build '' 'a  b' 'c\"d' '$e' \\")]
    [TestCase("build --learning-rate 0.010 1e-3 007 1kb", "build --learning-rate 0.010 1e-3 007 1kb")]
    [TestCase("build -a.png -o:x 1,2 -- -b", "function go { ./build.ps1 build @args }; go -a.png -o:x 1,2 -- -b")]
    [TestCase("build 'two words' three", "$list = 'two words', 'three'; ./build.ps1 build @list")]
    public void Both_scripts_understand_the_same(string posix, string powerShell)
    {
        if (!HasPowerShell)
        {
            Assert.Ignore("Left out: there is no PowerShell; 'dotnet tool restore' gets one.");
        }

        (int Code, string Said) expected = Run("/bin/sh", "-c", $"./build.sh {posix}");
        string line = powerShell.Contains("./build.ps1", StringComparison.Ordinal)
            ? powerShell
            : $"./build.ps1 {powerShell}";

        Assert.That(PowerShell("-Command", $"{line}; exit $LASTEXITCODE"), Is.EqualTo(expected));
    }

    [Test]
    public void A_file_of_PowerShell_takes_words_as_they_are()
    {
        if (!HasPowerShell)
        {
            Assert.Ignore("Left out: there is no PowerShell; 'dotnet tool restore' gets one.");
        }

        string[] words = ["build", "--hidden", "100,100", "--", "-odd.png", "", "a  b", "c\"d", "\\"];

        Assert.That(
            PowerShell(["-File", "build.ps1", .. words]),
            Is.EqualTo((2, $"'build' takes no arguments, but was given '{string.Join(' ', words[1..])}'.\n")));
    }

    private static bool HasPowerShell { get; } = PowerShell("-Version").Code == 0;

    private static (int Code, string Said) PowerShell(params string[] arguments) =>
        Run("dotnet", ["tool", "run", "pwsh", "--", "-NoLogo", "-NoProfile", .. arguments]);

    private static (int Code, string Said) Run(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.Result);
    }

    private static string Which(string command) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':')
            .Select(folder => Path.Combine(folder, command))
            .First(File.Exists);
}
