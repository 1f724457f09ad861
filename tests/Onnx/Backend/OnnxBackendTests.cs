using Engine.Devices;
using Engine.Tests.Devices.Cuda;

namespace Engine.Tests.Onnx;

/// <summary>
/// ONNX's own tests of its ops, which nobody here wrote. A part of them is here (Data; its licence beside it);
/// ENGINE_ONNX_TESTS names a folder of more, and ENGINE_ONNX_DEVICE=cuda has them run on what stands for a GPU.
/// </summary>
public class OnnxBackendTests
{
    /// <summary>Where the committed tests lie.</summary>
    private static readonly string s_own = Path.Combine(AppContext.BaseDirectory, "Onnx", "Backend", "Data");

    [Test]
    public void None_of_a_folder_of_tests_is_wrong()
    {
        string? folder = Environment.GetEnvironmentVariable("ENGINE_ONNX_TESTS");
        if (folder is null)
        {
            Assert.Ignore("ENGINE_ONNX_TESTS names no folder of ONNX's tests.");
        }

        bool onCuda = Environment.GetEnvironmentVariable("ENGINE_ONNX_DEVICE") == "cuda";
        Device device = onCuda ? CudaTestDevice.Open() : Device.Default;
        (int passed, List<string> refused, List<string> wrong) = Run(BackendCase.In(folder), device);
        TextWriter log = TestContext.Progress;
        refused.ForEach(line => log.WriteLine($"refused {line}"));
        wrong.ForEach(line => log.WriteLine($"wrong {line}"));
        log.WriteLine($"{passed} passed, {refused.Count} refused, {wrong.Count} wrong");
        Assert.That(wrong, Is.Empty, string.Join("\n", wrong));
        Assert.That(passed, Is.Positive);
    }

    internal static (int Passed, List<string> Refused, List<string> Wrong) Run(IEnumerable<BackendCase> cases, Device device)
    {
        int passed = 0;
        List<string> refused = [], wrong = [];
        foreach (BackendCase test in cases)
        {
            (BackendOutcome outcome, string why) = test.Run(device);
            passed += outcome == BackendOutcome.Passed ? 1 : 0;
            if (outcome != BackendOutcome.Passed)
            {
                (outcome == BackendOutcome.Refused ? refused : wrong).Add($"{test.Name}: {why}");
            }
        }

        return (passed, refused, wrong);
    }
}
