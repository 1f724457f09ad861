namespace Engine.Tests.Runner;

/// <summary>The search on the command line.</summary>
[NonParallelizable]
public class SearchCommandTests
{
    [Test]
    public async Task It_tries_settings_draws_them_and_goes_on_where_it_was()
    {
        using var folder = new TempFolder();
        string results = folder.File("s.jsonl"), picture = folder.File("s.png");
        string[] args =
        [
            "search", Fruit(folder), "--learning-rate", "0.001..0.1", "--hidden", "5,8+4", "--trials", "4", "--epochs",
            "4", "--results", results,
            "--output", picture, "--device", "cpu",
        ];

        (int code, string output, string errors) = await Run(args);

        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Contain("The best: --learning-rate 0.").And.Match("--hidden (5|8,4)"));
        Assert.That(File.ReadAllBytes(picture)[1..4], Is.EqualTo("PNG"u8.ToArray()));
        string[] lines = File.ReadAllLines(results);
        Assert.That(lines, Has.Length.EqualTo(1 + 4 + 1));

        File.WriteAllText(results, string.Join('\n', lines[..3]) + "\n{\"settings\":\"--lear");
        (code, string again, errors) = await Run(args);
        Assert.That(code, Is.Zero, errors);
        Assert.That(again, Does.Contain("2 trials are known").And
            .Contain(output[output.IndexOf("The best", StringComparison.Ordinal)..].Split('\n')[0].Trim()));
        Assert.That(File.ReadAllLines(results), Has.Length.EqualTo(lines.Length));

        (code, _, errors) = await Run([.. args, "--seed", "2"]);
        Assert.That((code, errors), Is.EqualTo((1, errors)));
        Assert.That(errors, Does.Contain("is of another search"));

        (_, _, errors) = await Run([.. args, "--target", "weight"]);
        Assert.That(errors, Does.Contain("is of another search"));
        File.WriteAllText(results, "\n");
        (_, _, errors) = await Run(args);
        Assert.That(errors, Does.Contain("is no file of a search"));
    }

    [Test]
    public async Task Of_values_the_least_loss_is_the_best_and_losses_are_shown_as_they_are()
    {
        using var folder = new TempFolder();

        (int code, string output, string errors) = await Run(
        [
            "search", Fruit(folder), "--target", "weight", "--values", "--hidden", "5,8", "--trials", "4", "--epochs",
            "2", "--results", folder.File("s.jsonl"), "--device", "cpu",
        ]);

        Assert.That(code, Is.Zero, errors);
        string[] table = [.. output.Split('\n').SkipWhile(line => !line.Contains("settings"))];
        Assert.That(table[0].TrimStart(), Does.StartWith("loss  epochs"));
        double[] losses =
        [
            .. table.Where(line => line.Contains("--hidden") && !line.StartsWith("The best")).Select(line =>
                double.Parse(line.Trim().Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture)),
        ];
        Assert.That(losses, Is.Not.Empty.And.All.Positive);
        Assert.That(output, Does.Not.Contain("-loss").And.Not.Contain("loss -"));
    }

    [TestCase("--trials 3", "There is nothing to search for")]
    [TestCase("--learning-rate 0.1..0.01", "--learning-rate must be a range")]
    [TestCase("--learning-rate 0..1", "a number greater than 0")]
    [TestCase("--hidden 5+x", "a size of at least 1")]
    [TestCase("--hidden 5 --validation 0", "compares by the validation samples")]
    [TestCase("--hidden 5 --images 20", "--images is about CIFAR-10")]
    public async Task What_cannot_be_searched_is_said(string options, string said)
    {
        using var folder = new TempFolder();

        (int code, _, string errors) =
            await Run(["search", Fruit(folder), "--device", "cpu", "--quiet", .. options.Split(' ')]);

        Assert.That(code, Is.Not.Zero);
        Assert.That(errors, Does.Contain(said));
    }

    private static string Fruit(TempFolder folder)
    {
        string path = folder.File("fruit.csv");
        File.WriteAllText(
            path, "weight,class\n"
                + string.Concat(Enumerable.Range(0, 60)
                    .Select(i => $"{(i % 2 == 0 ? 150 : 80) + i},{(i % 2 == 0 ? "apple" : "lemon")}\n")));
        return path;
    }

    /// <summary>Runs a command and returns its console output too.</summary>
    private static async Task<(int Code, string Output, string Errors)> Run(string[] args)
    {
        (TextWriter output, TextWriter errors) = (Console.Out, Console.Error);
        using StringWriter said = new(), complained = new();
        try
        {
            Console.SetOut(said);
            Console.SetError(complained);
            (int code, string more, string wrong) = await TestCommandLine.Run(args);
            return (code, $"{said}{more}", $"{complained}{wrong}");
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(errors);
        }
    }
}
