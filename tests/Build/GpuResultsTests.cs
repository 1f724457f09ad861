using Engine.Build;

namespace Engine.Tests.Build;

public class GpuResultsTests
{
    private const string Results = """
        {
          "verdict": "passed",
          "seconds": 301,
          "found": {
            "date": "2027-01-02T03:04:05Z", "gpu": "Some GPU, 1.0", "cpu": "Some CPU, 16 threads",
            "data": "/data/cifar-10-batches-bin", "images": "all"
          },
          "parts": {
            "gate4": {"outcome": "passed", "seconds": 61},
            "jax": {"outcome": "left out", "reason": "python3 has no jax"}
          },
          "comparisons": [
            {"network": "mlp", "comparison": {"cpu": {"test_accuracy": 0.41, "seconds_an_epoch": 0.25},
              "gpu": {"test_accuracy": 0.412, "seconds_an_epoch": 0.125}, "cpu_accuracies": [0.41, 0.42, 0.405],
              "loss_difference": 0.000012}}
          ],
          "counts": [
            {"what": "mlp", "arch": "sm_90", "launchesPerTrainingStep": 4, "warpInstructionsPerTrainingStep": 1234567,
             "fma": 1, "fmaPercent": 58.7}
          ],
          "measurements": [
            {"bench": "gemm", "item": "1x2x3", "who": "cublas", "version": "12.4", "device": "cuda:0 Some GPU", "math": "tf32",
             "seconds": {"min": 0.001, "median": 0.002, "max": 0.003, "runs": 4}, "gflops": 5, "ratio": 0.5}
          ]
        }
        """;

    [Test]
    public void The_page_gets_what_was_found_in_the_place_of_what_was_found_before()
    {
        using var folder = new TempFolder();
        string file = folder.File("results.json"), page = folder.File("results.md");
        File.WriteAllText(file, Results);
        File.WriteAllText(page, $"before\n{GpuResults.Begin}\nof another day\n{GpuResults.End}\nafter\n");
        using var errors = new StringWriter();

        for (int time = 0; time < 2; time++)
        {
            Assert.That(GpuResults.Write(file, page, errors), errors.ToString());
        }

        string[] lines = File.ReadAllLines(page);
        Assert.That(lines[0], Is.EqualTo("before"));
        Assert.That(lines[^1], Is.EqualTo("after"));
        Assert.That(lines, Has.None.EqualTo("of another day"));
        Assert.That(lines.Where(line => line.Length > 0), Is.SupersetOf((string[])
        [
            "On 2027-01-02: Some GPU, 1.0; Some CPU, 16 threads; data: CIFAR-10, all images. "
            + "`gpu-check.sh` passed in 301 s.",
            "| gate4 | passed | 61 |",
            "| jax | left out: python3 has no jax |  |",
            "| mlp | 0.4100, 0.4200, 0.4050 | 0.4120 | 1.2e-5 | 0.2500 | 0.1250 |",
            "| mlp, sm_90 | 4 | 1,234,567 | 58.7 % |",
            "| gemm 1x2x3, cuda:0 Some GPU | cublas 12.4 | tf32 | 1.000 – 2.000 – 3.000 | 5.0 | 0.50 |",
        ]));
    }

    [TestCase("""{"verdict": "no GPU"}""", "has no figures of a GPU")]
    [TestCase(Results, "has no lines")]
    public void What_cannot_be_done_is_said_and_the_page_left_alone(string results, string error)
    {
        using var folder = new TempFolder();
        string file = folder.File("results.json"), page = folder.File("results.md");
        File.WriteAllText(file, results);
        File.WriteAllText(page, "nothing");
        using var errors = new StringWriter();

        Assert.That(GpuResults.Write(file, page, errors), Is.False);
        Assert.That(errors.ToString(), Does.Contain(error));
        Assert.That(File.ReadAllText(page), Is.EqualTo("nothing"));
    }
}
