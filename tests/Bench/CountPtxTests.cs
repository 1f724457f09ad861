using Engine.Bench.Counting;
using Engine.Build;
using Engine.Interop;
using Engine.Runner;
using Engine.Tests.Simt;

namespace Engine.Tests.Bench;

/// <summary>
/// A training step does not need more work than docs/gpu-performance.md says. The counts are exact, those of the
/// compiler that build/get-nvrtc.sh brings.
/// </summary>
[TestFixture]
[NonParallelizable]
public sealed class CountPtxTests
{
    private const int Architecture = 90;

    private static readonly Version s_counted = new(12, 4);

    [OneTimeSetUp]
    public void Open()
    {
        SimtDouble.RequirePtx();
        if (Nvrtc.Version != s_counted)
        {
            Assert.Ignore($"Left out: the figures are those of NVRTC {s_counted}, not {Nvrtc.Version}.");
        }
    }

    [OneTimeTearDown]
    public void Close() => SimtDouble.Set("SIMT_ARCH", null);

    // The sectors are those of the worst launch. What reads pixels for tensor cores asks for more than 1.3 of those it
    // needs, and so does the product with the 10 classes' gradient in 16 bits, whose rows have 20 bytes.
    [TestCase("mlp", "float32", 4, 1_398_865, 1.3)]
    [TestCase("cnn", "float32", 9, 19_837_425, 1.3)]
    [TestCase("mlp", "tf32", 4, 703_715, 1.3)]
    [TestCase("cnn", "tf32", 10, 14_334_489, 1.96)]
    [TestCase("mlp", "bf16", 6, 847_988, 1.41)]
    [TestCase("cnn", "bf16", 13, 15_187_992, 2.4)]
    public void A_training_step_needs_no_more_work(
        string network, string precision, int launches, long instructions, double sectors)
    {
        TrainingPrecision? asked = Enum.Parse<TrainingPrecision>(precision);
        using var cuda = CudaDouble.Open(SimtDouble.Folder, Architecture, asked == TrainingPrecision.tf32);

        (_, LaunchCount[] counts) = CountCommand.Step(cuda, network, batch: null, asked.ForNet());

        Assert.That(counts, Has.Length.LessThanOrEqualTo(launches));
        Assert.That(counts.Sum(count => count.WarpInstructions), Is.LessThanOrEqualTo(instructions));
        foreach (LaunchCount count in counts.Where(count => count.WarpInstructions * 100 > instructions))
        {
            Assert.That(count.BankConflicts, Is.LessThanOrEqualTo(count.SharedPasses / 10), count.Ops);
            Assert.That(count.SectorsAsked, Is.LessThanOrEqualTo(count.SectorsNeeded * sectors), count.Ops);
        }
    }
}
