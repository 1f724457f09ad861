using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Engine.Build;

namespace Engine.Tests.Docs;

/// <summary>The templates of <c>dotnet new</c>: created, built and run, each in its own folder.</summary>
[NonParallelizable]
public sealed partial class TemplateTests
{
    private static readonly string[] s_all = [.. Directory.GetDirectories(Path.Combine(Repository.Root, "templates"))
        .Where(folder => Directory.Exists(Path.Combine(folder, ".template.config")))
        .Select(folder => Path.GetFileName(folder)!).Order()];

    private TempFolder _home = null!;

    [OneTimeSetUp]
    public void Install()
    {
        _home = new TempFolder();
        foreach (string arguments in (string[])
        [
            $"pack {Path.Combine(Repository.Root, "templates", "Templates.csproj")} -c Release -v q --nologo "
            + $"-o {_home.File("packages")} --artifacts-path {_home.File("artifacts")}",
            $"new install {_home.File("packages/Engine.Templates.0.1.0.nupkg")} "
            + $"--debug:custom-hive {_home.File("hive")}",
        ])
        {
            (int code, string output) = Dotnet(arguments, _home.Path);
            Assert.That(code, Is.Zero, output);
        }
    }

    [OneTimeTearDown]
    public void Remove() => _home.Dispose();

    [TestCase("console", "171.5 g and red: apple")]
    [TestCase("layer", @"9\d\.\d ?% of the points are told right")]
    [TestCase("kernel", @"The gradient of swish is that of its reference\.\s+\d\d\.\d ?% of the points")]
    public void A_program_made_of_a_template_runs(string template, string shown)
    {
        string folder = Made(template);

        (int code, string output) = Dotnet("run", folder);

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Match(shown));
    }

    [Test]
    public async Task A_web_api_made_of_a_template_answers()
    {
        string folder = Made("web");
        using Process server =
            Process.Start(new ProcessStartInfo("dotnet", ["run", "--", "--urls", "http://127.0.0.1:0"])
            {
                WorkingDirectory = folder,
                RedirectStandardOutput = true,
            })!;
        try
        {
            Match? address = null;
            while (address is not { Success: true } && await server.StandardOutput.ReadLineAsync() is { } line)
            {
                address = Listening().Match(line);
            }

            using var client = new HttpClient { BaseAddress = new Uri(address!.Groups[1].Value) };
            using HttpResponseMessage right =
                await client.PostAsJsonAsync("predict", new { Weight = 170, Color = "red" });
            using HttpResponseMessage wrong = await client.PostAsJsonAsync("predict", new { Weight = 170 });

            Assert.That(await right.Content.ReadAsStringAsync(), Does.Contain("\"class\":\"apple\""));
            Assert.That(await wrong.Content.ReadAsStringAsync(),
                Does.Contain("The column 'Color' that the model was trained with is missing"));
        }
        finally
        {
            server.Kill(entireProcessTree: true);
            await server.WaitForExitAsync();
        }
    }

    [Test]
    public void All_are_tried() => Assert.That(s_all, Is.EqualTo((string[])["console", "kernel", "layer", "web"]));

    /// <summary>Creates a project from a template, with the assemblies of these tests instead of packages.</summary>
    private string Made(string template)
    {
        string folder = _home.File($"My{template}");
        (int code, string output) =
            Dotnet($"new engine-{template} -o {folder} --debug:custom-hive {_home.File("hive")}", _home.Path);
        Assert.That(code, Is.Zero, output);
        string project = Path.Combine(folder, $"My{template}.csproj"), here = AppContext.BaseDirectory;
        string[] assemblies = ["Engine", "Engine.Sources", "Engine.Server", "StbImageSharp", "Sylvan.Data.Csv"];
        File.WriteAllText(project, Packages().Replace(File.ReadAllText(project), "").Replace(
            "</ItemGroup>",
            string.Concat(assemblies.Select(name => $"<Reference Include=\"{Path.Combine(here, $"{name}.dll")}\" />"))
                + "</ItemGroup>",
            StringComparison.Ordinal));
        return folder;
    }

    private static (int Code, string Output) Dotnet(string arguments, string folder)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            Environment = { ["ENGINE_FLAGS"] = "device=cpu" },
        })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    [GeneratedRegex("Now listening on: (http://[^\\s]+)")]
    private static partial Regex Listening();

    [GeneratedRegex("<PackageReference Include=\"Engine[^>]*/>")]
    private static partial Regex Packages();
}
