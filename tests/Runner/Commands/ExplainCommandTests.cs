using System.CommandLine;
using Engine.Compile;
using Engine.Runner;

namespace Engine.Tests.Runner;

[NonParallelizable]
public class ExplainCommandTests
{
    [TestCase("mlp", 4)]
    [TestCase("cnn", 9)]
    public async Task The_kernels_of_a_training_step_are_so_few_on_a_gpu_that_is_not_there(string network, int kernels)
    {
        (int code, string output, _) = await Run("explain", network, "--device", "cuda", "--arch", "sm_90");

        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Match($"(?m)^kernels per training step: {kernels}$"));
        Assert.That(output, Does.Contain("assumed, the H100 SXM's datasheet"));
    }

    [Test]
    public async Task Every_stage_is_shown_and_rewrites_can_be_left_out([Values] Stage stage)
    {
        (int code, string output, _) = await Run(
            "explain", "mlp", "--stage", stage.ToString().ToLowerInvariant(), "--device", "cuda", "--arch", "sm_80",
            "--optimizer", "none");

        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain(stage == Stage.Memory ? "bytes without reuse" : "dot"));
    }

    [Test]
    public async Task What_a_rank_of_several_does_is_shown_with_its_memory_and_what_it_sends()
    {
        (int code, string output, _) = await Run("explain", "mlp", "--device", "cpu", "--threads", "1", "--ranks", "4");

        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain(
            "A shard: 16 of 128 samples; a batch has 8 shards, rank 0 of 4 computes 2 of them."));
        Assert.That(output, Does.Contain("allReduceStart{4, 8}"));
        Assert.That(output, Does.Contain("621,072 bytes; 2(n - 1)/n of the gradients are 621,060"));
        Assert.That(output, Does.Match("InfiniBand, 200 Gbit +36.8 µs"));
    }

    [Test]
    public async Task What_a_gpu_of_several_does_is_shown_without_one()
    {
        (int code, string output, _) =
            await Run("explain", "mlp", "--device", "cuda", "--arch", "sm_90", "--ranks", "2");

        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("rank 0 of 2 computes 4 of them.").And.Contain("allReduceStart{2, 8}"));
    }

    [Test]
    public async Task A_trace_is_written_of_steps_that_ran()
    {
        using var folder = new TempFolder();
        string file = Path.Combine(folder.Path, "trace.json");

        (int code, string output, _) = await Run(
            "explain", "mlp", "--device", "cpu", "--threads", "2", "--trace", file, "--steps", "3");

        Assert.That(code, Is.Zero);
        Assert.That(output, Does.Contain("3 runs with size = 128"));
        Assert.That(await File.ReadAllTextAsync(file), Does.Contain("\"traceEvents\""));
    }

    [Test]
    public async Task The_path_of_each_convolution_is_named_with_its_reason()
    {
        using var folder = new TempFolder();
        string file = Path.Combine(folder.Path, "net.ini");
        (string Kind, string Keys)[] layers =
        [
            ("input", "shape = 3x32x32"), ("conv2d", "filters = 32\nsize = 3"), ("conv2d", "filters = 32\nsize = 3"),
            ("conv2d", "filters = 32\nsize = 3\nstride = 2"), ("conv2d", "filters = 64\nsize = 5"),
            ("max_pool2d", "size = 2"), ("dense", "units = 10\nnonlinearity = softmax"),
        ];
        await File.WriteAllLinesAsync(
            file, layers.Select((layer, i) => $"[layer l{i}]\nkind = {layer.Kind}\n{layer.Keys}\n")
                .Prepend("name = n"));

        (int code, string output, string errors) = await Run("explain", file, "--device", "cpu", "--threads", "2");

        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(
            "(?m)^conv2D .*taps read the padded images, .*: 3 channels and 32 filters, less than 16, are too few"));
        Assert.That(
            output, Does.Match(@"(?m)^conv2D\{winograd2\} .*Winograd F\(2×2, 3×3\), .*2.25 times fewer products"));
        Assert.That(output, Does.Match(@"(?m)^conv2DInputGradient\{winograd2\} .*Winograd"));
        Assert.That(output, Does.Match("(?m)^conv2DWeightsGradient .*im2col, .*: the stride is 2 × 2"));
        Assert.That(output, Does.Match("(?m)^conv2DMaxPool .*only the maxima are stored: the filters are 5 × 5"));
    }

    [TestCase("--arch must be a compute capability as sm_90, not '90'.", "explain", "mlp", "--arch", "90")]
    [TestCase(
        "--stage must be graph, rewritten, schedule, memory or kernels, not 'x'.", "explain", "mlp", "--stage", "x")]
    public async Task Wrong_usage_is_told(string message, params string[] args)
    {
        (int code, _, string errors) = await Run(args);

        Assert.That(code, Is.EqualTo(CommandLine.WrongUsage));
        Assert.That(errors, Does.StartWith(message));
    }

    [Test]
    public async Task An_architecture_is_a_gpus()
    {
        (int code, _, string errors) = await Run("explain", "mlp", "--device", "cpu", "--arch", "sm_90");

        Assert.That(code, Is.EqualTo(CommandLine.Failed));
        Assert.That(errors, Does.StartWith("--arch sm_90 is a GPU's: give --device cuda with it."));
    }

    private static async Task<(int Code, string Output, string Errors)> Run(params string[] args)
    {
        CompileOptions before = CompileOptions.Default;
        using StringWriter output = new(), errors = new();
        try
        {
            RootCommand root = CommandLine.Root([ExplainCommand.Create()]);
            int code = await CommandLine.Run(root, args, output, errors, CancellationToken.None);
            return (code, output.ToString(), errors.ToString());
        }
        finally
        {
            CompileOptions.Default = before;
        }
    }
}
