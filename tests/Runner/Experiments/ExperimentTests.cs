using System.Globalization;
using System.Text.RegularExpressions;
using Engine.Data;
using Engine.Devices.Cpu;
using Engine.Layers;
using Engine.Runner.Experiments;
using Engine.Tests.Data;

namespace Engine.Tests.Runner;

/// <summary>The experiments at a small scale, and their parts that can fail on their own.</summary>
public class ExperimentTests
{
    private const string Text = "the cat sat on the mat. the dog sat on the log. ";

    [TestCase("lstm", "0.02")]
    [TestCase("gru", "0.02")]
    [TestCase("transformer", "0.004")]
    public async Task Char_learns_a_text_and_writes_more_of_it(string model, string rate)
    {
        using var folder = new TempFolder();
        string file = folder.File("book.txt"), saved = folder.File("book.model");
        File.WriteAllText(file, string.Concat(Enumerable.Repeat(Text, 40)));
        string[] common = ["--device", "cpu", "--threads", "2"];

        (int code, string output, string errors) = await TestCommandLine.Run(
        [
            "char", file, "--model", model, "--units", "32", "--steps", "16", "--batch", "16", "--epochs", "20", "--lr",
            rate, "--dropout", "0",
            "--sample", "0", "--save", saved, .. common,
        ]);
        (int again, string sample, string more) = await TestCommandLine.Run(
            ["char", saved, "--sample", "60", "--temperature", "0", "--prompt", "the cat ", .. common]);

        Assert.That((code, errors), Is.EqualTo((0, "")), output);
        Assert.That((again, more), Is.EqualTo((0, "")));
        Assert.That(Number(output, @"Validation: (\S+) nats"), Is.LessThan(0.8));
        Assert.That(sample, Has.Length.EqualTo(68).And.StartsWith("the cat sat on the "));
        (int shown, string table, _) = await TestCommandLine.Run(["show", saved]);
        Assert.That(shown, Is.Zero);
        Assert.That(table,
            Does.Contain("letters").And.Contain($"{(model == "transformer" ? "block" : model)}1").And.Contain("next"));
        Assert.That((await TestCommandLine.Run(["predict", file, "--load", saved])).Errors,
            Does.Contain("is a model of characters").And.Contain("show"));
    }

    [Test]
    public async Task Char_says_what_does_not_fit()
    {
        using var folder = new TempFolder();
        string file = folder.File("a.txt");
        File.WriteAllText(file, "too short");

        Assert.That((await TestCommandLine.Run("char", file, "--device", "cpu")).Errors,
            Does.Contain("has 9 characters, too few to learn from 64"));
        Assert.That((await TestCommandLine.Run("char", file, "--model", "lstn")).Errors,
            Does.Contain("--model must be lstm, gru, transformer"));
        Assert.That((await TestCommandLine.Run("char", folder.File("none.txt"), "--device", "cpu")).Errors,
            Does.Contain("none.txt"));
    }

    [Test]
    public void Each_character_of_a_text_is_guessed_once()
    {
        using var cpu = new CpuDevice(1);
        using var model = new CharModel(new CharSettings("lstm", "ab", 4, 1, 6, 0), cpu, 1);
        int[] text = [.. Enumerable.Range(0, 400).Select(i => i % 2)];

        Assert.That(model.Loss(text), Is.EqualTo(Math.Log(2)).Within(0.2), "weights that know nothing yet");
        Assert.That(() => model.Loss([0, 1, 0]), Throws.TypeOf<EngineException>().With.Message.Contains("too short"));
        Assert.That(() => CharModel.Numbers("abc", "ab"),
            Throws.TypeOf<EngineException>().With.Message.Contains("'c' (U+0063)"));
    }

    [Test]
    public void A_temperature_makes_the_probable_surer()
    {
        var random = new Random(1);
        float[] p = [0.2f, 0.5f, 0.3f];
        int[] Drawn(double temperature) =>
            [.. Enumerable.Range(0, 3000).Select(_ => CharModel.Drawn(p, temperature, random))];

        Assert.That(Drawn(0), Is.All.EqualTo(1));
        Assert.That(Drawn(1).Count(each => each == 1) / 3000.0, Is.EqualTo(0.5).Within(0.04));
        Assert.That(Drawn(0.5).Count(each => each == 1) / 3000.0, Is.EqualTo(0.25 / 0.38).Within(0.04));
    }

    [Test]
    public async Task Dbn_trains_with_and_without_machines_and_draws_them()
    {
        using var folder = new TempFolder();
        string data = Batches.WriteFolder(folder.Path, train: 200, test: 40), pictures = folder.File("pictures");

        (int code, string output, string errors) = await TestCommandLine.Run(
            "dbn", "--data", data, "--device", "cpu", "--threads", "2", "--hidden", "20,10", "--pretrain-epochs", "2",
            "--epochs", "2",
            "--pictures", pictures);

        Assert.That((code, errors), Is.EqualTo((0, "")), output);
        Assert.That(output, Does.Match("with machines first +[0-9.]+ +[0-9.]+ ?%").And
            .Match("from random weights +[0-9.]+ +[0-9.]+ ?%"));
        Assert.That(Directory.GetFiles(pictures).Select(Path.GetFileName),
            Is.EquivalentTo(new[] { "filters.png", "reconstructions.png" }));
    }

    [Test]
    public async Task Speedrun_runs_its_whole_recipe_in_small()
    {
        using var folder = new TempFolder();
        string data = Batches.WriteFolder(folder.Path, train: 240, test: 40);

        (int code, string output, string errors) = await TestCommandLine.Run(
            "speedrun", "--data", data, "--device", "cpu", "--threads", "2", "--widths", "8,16,16", "--batch", "40",
            "--epochs", "4.5");

        Assert.That((code, errors), Is.EqualTo((0, "")), output);
        Assert.That(Regex.Matches(output, "^epoch [1-5]: loss", RegexOptions.Multiline), Has.Count.EqualTo(5));
        Assert.That(output, Does.Match("Test accuracy: [0-9.]+ ?% with each image seen six ways"));
    }

    [Test]
    public void Speedrun_learns()
    {
        using var cpu = new CpuDevice(2);
        Cifar10Set set = SyntheticImages.Draw(train: 400, test: 100);
        using var run = new Speedrun([8, 16, 16], set.Train.Images, 40, 1, cpu, learningRate: 115);
        var seen = new SpeedrunImages(set.Train.Images, 1);
        const int Epochs = 8, Batches = 10;
        double[] losses = [.. Enumerable.Range(0, Epochs * Batches).Select(step =>
        {
            int[] rows = [.. Enumerable.Range(step % Batches * 40, 40)];
            return run.Step(
                seen.Batch(step / Batches, rows), set.Train.Labels.Rows(rows), step, Epochs * Batches, step / Batches);
        })];
        run.End();

        double right = run.Predict(set.Test.Images)
            .Zip(set.Test.Labels.AsSpan<int>().ToArray(), (a, b) => a == b ? 1.0 : 0).Average();
        Assert.That(losses[^10..].Average(), Is.LessThan(losses[..10].Average() - 0.2));
        Assert.That(right, Is.GreaterThan(0.3), "three times as good as chance");
        Assert.That(run.Predict(set.Test.Images.Rows(0, 3), isAugmented: false), Has.Length.EqualTo(3));
        Parameter whiten = run.Network.Parameters.Single(parameter => parameter.Name == "whiten.W");
        Assert.That(
            whiten.Variable.GetValue().AsSpan<float>().ToArray(),
            Is.EqualTo(Whitening.Filters(SpeedrunImages.Normalized(set.Train.Images), 2).AsSpan<float>().ToArray()),
            "it is frozen");
    }

    [Test]
    public void Whitened_patches_are_uncorrelated_and_of_variance_1()
    {
        Tensor images = SpeedrunImages.Normalized(SyntheticImages.Draw(train: 60, test: 1).Train.Images);
        NdArray filters = NdArray.From(Whitening.Filters(images, 2)), x = NdArray.From(images);
        int n = 12;
        Assert.That(filters.Shape, Is.EqualTo(Engine.Shape.Create([24, 3, 2, 2])));
        double[,] products = new double[n, n];
        int count = 0;
        foreach (int[] at in NdArray.Indices([60, 31, 31]))
        {
            double[] seen = [.. Enumerable.Range(0, n).Select(k => NdArray.Indices([3, 2, 2]).Sum(tap =>
                filters[[k, .. tap]] * x[[at[0], tap[0], at[1] + tap[1], at[2] + tap[2]]]))];
            count++;
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    products[i, j] += seen[i] * seen[j];
                }
            }
        }

        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++)
            {
                // Less than 1 if the number added to an eigenvalue is not small in comparison.
                Assert.That(products[i, j] / count, i == j ? Is.InRange(0.0, 1.0001) : Is.EqualTo(0).Within(1e-3));
            }
        }

        Assert.That(products[0, 0] / count, Is.EqualTo(1).Within(1e-3));
        Assert.That(filters.Data[..(n * n)].Zip(filters.Data[(n * n)..], (a, b) => a + b), Is.All.EqualTo(0));
    }

    [Test]
    public void An_image_is_mirrored_in_every_other_epoch_and_moved_with_reflected_edges()
    {
        Tensor images = Tensor.From([.. Enumerable.Range(0, 3 * 4 * 4).Select(i => (byte)(i % 16))], 1, 3, 4, 4);
        var seen = new SpeedrunImages(images, 1);
        Assert.That(seen.IsMirrored(0, 0), Is.Not.EqualTo(seen.IsMirrored(1, 0)));
        Assert.That(seen.IsMirrored(0, 0), Is.EqualTo(seen.IsMirrored(2, 0)));

        Assert.That(Red(SpeedrunImages.Cut(images, [0], _ => (0, 0, true)))[..4], Is.EqualTo(new[] { 3, 2, 1, 0 }));
        Assert.That(Red(SpeedrunImages.Cut(images, [0], _ => (1, -1, false))),
            Is.EqualTo(new[] { 5, 4, 5, 6, 9, 8, 9, 10, 13, 12, 13, 14, 9, 8, 9, 10 }));

        static int[] Red(Tensor cut) =>
            [.. cut.AsSpan<float>()[..16].ToArray()
                .Select(value => (int)Math.Round(((value * 0.2470f) + 0.4914f) * 255))];
    }

    [Test]
    public void The_learning_rate_rises_and_falls()
    {
        double[] rates = [.. Enumerable.Range(0, 100).Select(step => Speedrun.RateAt(step, 100))];

        Assert.That(rates[0], Is.EqualTo(0.2).Within(1e-12));
        Assert.That(rates[23], Is.EqualTo(1).Within(1e-12));
        Assert.That(rates[99], Is.EqualTo(0.07).Within(0.02));
        Assert.That(rates[..24], Is.Ordered.Ascending);
        Assert.That(rates[23..], Is.Ordered.Descending);
    }

    private static double Number(string text, string pattern) =>
        double.Parse(Regex.Match(text, pattern, RegexOptions.Multiline).Groups[1].Value, CultureInfo.InvariantCulture);
}
