using System.IO.Compression;
using Engine.Build;
using Engine.Devices;
using Engine.IO;
using Engine.Onnx;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.IO;

namespace Engine.Tests.Onnx;

/// <summary>
/// ONNX's own, independent tests of its ops. Some of them are here (Data, with its license); ENGINE_ONNX_TESTS names a
/// folder with more, and ENGINE_ONNX_DEVICE=cuda runs them on the GPU or its double.
/// </summary>
public class OnnxBackendTests
{
    private static string Data => Path.Combine(Repository.Root, "tests", "Onnx", "Backend", "Data");

    /// <summary>Gets the files of the models whose tests are here.</summary>
    internal static IReadOnlyList<byte[]> Models
    {
        get
        {
            using ZipArchive tests = ZipFile.OpenRead(Path.Combine(Data, "node-tests.zip"));
            return [.. tests.Entries.Where(entry => entry.Name == "model.onnx").Select(Bytes)];

            static byte[] Bytes(ZipArchiveEntry entry)
            {
                using Stream stream = entry.Open();
                var bytes = new MemoryStream();
                stream.CopyTo(bytes);
                return bytes.ToArray();
            }
        }
    }

    [Test]
    public void The_tests_that_are_here_pass()
    {
        using var folder = new TempFolder();
        ZipFile.ExtractToDirectory(Path.Combine(Data, "node-tests.zip"), folder.Path);
        (int passed, List<string> refused, List<string> wrong) = Run(BackendCase.In(folder.Path), Device.Default);

        Assert.That(wrong, Is.Empty, string.Join("\n", wrong));
        Assert.That(
            refused.Where(line => !line.StartsWith("node/test_training_dropout", StringComparison.Ordinal)), Is.Empty,
            "Only random numbers are others here.");
        Assert.That(passed, Is.EqualTo(656));
    }

    /// <summary>A network that another program trained, with a hundred inputs.</summary>
    [TestCase("mnist.onnx", 100)]
    public void A_trained_model_gives_what_ONNX_Runtime_gives(string name, int count)
    {
        string path = Path.Combine(Data, name);
        using OnnxModel model = OnnxModel.Load(path);
        OnnxPort input = model.Inputs[0];
        var random = new Random(3);
        for (int i = 0; i < count; i++)
        {
            float[] values =
                [.. Enumerable.Range(0, (int)input.Shape.Count).Select(_ => (random.NextSingle() * 3) - 1)];
            Tensor x = Tensor.From(values, [.. input.Shape]);
            Tensor[] outputs = model.Run(x);
            NdArray actual = NdArray.From(outputs[0]);
            OnnxRun.AssertSame(
                OnnxRun.Run(path, (input.Name, x)), actual, 1e-5 * Math.Max(1, actual.Data.Max(Math.Abs)));
        }
    }

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

        // Bypasses the capture of test output, which is shown only for failed tests.
        using var log = new StreamWriter(Console.OpenStandardOutput());
        refused.ForEach(line => log.WriteLine($"refused {line}"));
        wrong.ForEach(line => log.WriteLine($"wrong {line}"));
        log.WriteLine($"{passed} passed, {refused.Count} refused, {wrong.Count} wrong");
        Assert.That(wrong, Is.Empty, string.Join("\n", wrong));
        Assert.That(passed, Is.Positive);
    }

    internal static (int Passed, List<string> Refused, List<string> Wrong) Run(
        IEnumerable<BackendCase> cases, Device device)
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
