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

    private static string Which(string command) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(':')
            .Select(folder => Path.Combine(folder, command))
            .First(File.Exists);
}
