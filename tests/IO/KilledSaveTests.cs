using System.Diagnostics;
using Engine.IO;

namespace Engine.Tests.IO;

/// <summary>A process that saves repeatedly (tests/Saver) is killed many times, each time at a random moment.</summary>
public class KilledSaveTests
{
    private const int Kills = 200;
    private const int AtOnce = 4;

    [Test]
    public void A_file_is_whole_whenever_the_process_that_saves_it_is_killed()
    {
        using var folder = new TempFolder();
        int[] kept = new int[AtOnce], abandoned = new int[AtOnce];
        Parallel.For(0, AtOnce, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, worker =>
        {
            string own = Directory.CreateDirectory(folder.File($"{worker}")).FullName;
            string path = Path.Combine(own, "model.safetensors");
            var random = new Random(worker);
            for (int kill = 0; kill < Kills / AtOnce; kill++)
            {
                KillWhileSaving(path, random);
                AssertWhole(path);
                kept[worker]++;
                abandoned[worker] += Directory.GetFiles(own, ".*.part").Length;
            }

            Parameters.Save(path, [new("a.W", Tensor.Scalar(1f))]);
            Assert.That(Directory.GetFiles(own), Is.EqualTo(new[] { path }), "what was abandoned is tidied away");
        });

        Assert.That(kept.Sum(), Is.EqualTo(Kills));
        Assert.That(abandoned.Sum(), Is.AtLeast(Kills / 10), "kills that hit a file being written");
    }

    private static void KillWhileSaving(string path, Random random)
    {
        string program = Path.Combine(
            AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "Engine.Saver.exe" : "Engine.Saver");
        using Process saver = Process.Start(new ProcessStartInfo(program, [path]) { RedirectStandardOutput = true })!;
        for (int saved = random.Next(1, 4); saved > 0; saved--)
        {
            Assert.That(saver.StandardOutput.ReadLine(), Is.Not.Null);
        }

        // Waits for a time within the next saves, which take some milliseconds each.
        long until = Stopwatch.GetTimestamp() + random.Next((int)(Stopwatch.Frequency / 100));
        SpinWait.SpinUntil(() => Stopwatch.GetTimestamp() >= until);
        saver.Kill();
        saver.WaitForExit();
    }

    private static void AssertWhole(string path)
    {
        IReadOnlyDictionary<string, Tensor> tensors = Parameters.Load(path);

        Assert.That(tensors.Keys, Is.EqualTo(new[] { "a.W", "b.W" }));
        float expected = tensors["a.W"].AsSpan<float>()[0];
        Assert.That(expected, Is.AtLeast(1));
        foreach (Tensor tensor in tensors.Values)
        {
            Assert.That(tensor.AsSpan<float>().ContainsAnyExcept(expected), Is.False);
        }
    }
}
