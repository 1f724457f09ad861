using System.Diagnostics;

namespace Engine.Tests.Runner;

public class DynamicCodeTests
{
    [Test]
    public void A_program_that_may_not_make_code_is_told_what_to_set()
    {
        using var folder = new TempFolder();
        string config = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "runner.runtimeconfig.json"));
        File.WriteAllText(folder.File("c.json"), config.Replace(
            "\"configProperties\": {",
            "\"configProperties\": { \"System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported\": false,",
            StringComparison.Ordinal));
        string runner = Path.Combine(AppContext.BaseDirectory, "runner.dll");
        var start = new ProcessStartInfo(
            "dotnet", ["exec", "--runtimeconfig", folder.File("c.json"), runner, "explain", "mlp", "--device", "cpu"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.EqualTo(1), output.Result);
        Assert.That(errors, Does.Contain("#:property PublishAot=false"));
    }
}
