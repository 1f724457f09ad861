using Engine.Runner;

namespace Engine.Tests.Runner;

/// <summary>Tests the comparison of models of own data, and of trainings by their histories.</summary>
[NonParallelizable]
public class CompareModelsTests
{
    [Test]
    public async Task Models_of_a_table_are_compared_on_rows_that_they_did_not_learn()
    {
        using var folder = new TempFolder();
        string table = folder.File("fruit.csv"), good = folder.File("good.model"), poor = folder.File("poor.model"),
            other = folder.File("other.model");
        File.WriteAllText(
            table, "weight,class\n"
                + string.Concat(Enumerable.Range(0, 120)
                    .Select(i => $"{(i % 2 == 0 ? 150 : 80) + (i * 7 % 50)},{(i % 2 == 0 ? "apple" : "lemon")}\n")));
        await Train(table, "--epochs", "30", "--save", good, "--history", folder.File("good.jsonl"));
        await Train(table, "--epochs", "1", "--hidden", "2", "--learning-rate", "1e-9", "--save", poor, "--history",
            folder.File("poor.jsonl"));
        await Train(table, "--epochs", "1", "--seed", "7", "--save", other);

        (int code, string output, string errors) = await Compare(good, poor);

        Assert.That(code, Is.Zero, errors);
        Assert.That(errors, Is.Empty);
        Assert.That(
            output, Does.StartWith("Tried on 24 rows of fruit, which ").And.Contain("good.model did not learn."));
        Assert.That(output, Does.Match(@"model +network +parameters +accuracy +macro f1").And
            .Match(@"\ngood\.model +mlp +402 +\S+\*").And.Match(@"\npoor\.model +mlp +10 +\S+ "));
        Assert.That(output, Does.Match(@"f1-score of class +samples +good\.model +poor\.model +difference").And
            .Match(@"\napple +12 ").And.Match(@"\nlemon +12 "));
        Assert.That(output, Does.Match(@"\ngood\.model, poor\.model +\d+\.\d % ").And.Contain("McNemar").And
            .Match(@"of 24 samples get different answers"));

        // If the data are named, the samples are the same. The model with another seed has learned some of them.
        (code, string named, errors) = await Compare(good, poor, table);
        Assert.That(named, Is.EqualTo(output), errors);
        (code, output, errors) = await Compare(good, poor, other, "--count", "0");
        Assert.That(code, Is.Zero, errors);
        Assert.That(errors, Does.Contain("other.model was trained with another seed than").And.Contain("too good"));
        Assert.That(output,
            Does.Contain("poor.model, other.model").And.Contain("spread").And.Not.Contain("get different answers"));

        // Of data that no model was trained on, all rows are used.
        File.WriteAllText(folder.File("new.csv"), "weight,class\n170,apple\n85,lemon\n100,lemon\n");
        (code, output, errors) = await Compare(good, good, "--data", folder.File("new.csv"));
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.StartWith("Tried on 3 rows of new, all that are there.").And
            .Contain("They take each sample for the same."));

        // The histories of both trainings.
        (code, output, errors) = await Compare(folder.File("good.jsonl"), folder.File("poor.jsonl"));
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.Match(@"run +epochs +train loss +valid loss +valid accuracy").And
            .Match(@"\ngood +30 +0\.\d+ +0\.\d+\*").And.Match(@"\npoor +1 "));

        foreach ((string[] files, string said) in (ReadOnlySpan<(string[], string)>)
        [
            ([good], "is one model: name another"),
            ([good, folder.File("nope.model")], "There is no file"),
            ([good, poor, folder.File("good.jsonl")], "is a training's history, and others are not"),
            ([folder.File("good.jsonl")], "is one training: name another"),
            ([table], "No model is named."),
            ([table, table], "No model is named."),
        ])
        {
            (code, _, errors) = TestCommandLine.Run(["compare", .. files]).GetAwaiter().GetResult();
            Assert.That(code, Is.EqualTo(1));
            Assert.That(errors, Does.Contain(said).And.Not.Contain("\n"));
        }
    }

    [Test]
    public async Task Models_of_values_are_compared_in_their_own_unit_and_not_with_models_of_classes()
    {
        using var folder = new TempFolder();
        string values = folder.File("values.model"), other = folder.File("other.model"),
            classes = folder.File("classes.model");
        File.WriteAllText(
            folder.File("houses.csv"), "area,kind,price\n" + string.Concat(Enumerable.Range(0, 80).Select(i =>
                $"{50 + (i * 37 % 100)},{(i % 3 == 0 ? "flat" : "house")},{1000 * (50 + (i * 37 % 100))}.5\n")));
        await Train(folder.File("houses.csv"), "--target", "price", "--epochs", "60", "--save", values);
        await Train(folder.File("houses.csv"), "--target", "price", "--epochs", "1", "--save", other);
        await Train(folder.File("houses.csv"), "--target", "kind", "--epochs", "1", "--save", classes);

        (int code, string output, string errors) = await Compare(values, other);

        Assert.That(code, Is.Zero, errors);
        Assert.That(output,
            Does.Match(@"model +network +parameters +R² +mae +rmse").And.Match(@"\nvalues\.model +mlp .*\*.*\*.*\*"));
        Assert.That(output, Does.Match(@"models +mean distance +first nearer +second nearer +p").And
            .Contain("on which they differ most"));

        (code, _, errors) = await Compare(values, classes);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Contain("predicts 'price', a value, and").And
            .Contain("'kind' ('flat', 'house'): models of the same target can be compared."));
    }

    [Test]
    public async Task Models_of_pictures_may_take_other_sizes()
    {
        using var folder = new TempFolder();
        foreach (int i in Enumerable.Range(0, 60))
        {
            string path = folder.File($"{(i < 40 ? "photos" : "new")}/{(i % 2 == 0 ? "day" : "night")}/{i}.png");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(
                path, PngWriter.Write(
                    [.. Enumerable.Range(0, 30 * 20).Select(j => (byte)((i % 2 == 0 ? 200 : 20) + ((i + j) % 30)))],
                    width: 10));
        }

        string small = folder.File("small.model"), mlp = folder.File("mlp.model");
        await Train(folder.File("photos"), "--size", "8", "--network", "small", "--epochs", "2", "--save", small);
        await Train(folder.File("photos"), "--size", "12", "--network", "mlp", "--epochs", "2", "--save", mlp);

        (int code, string output, string errors) = await Compare(small, mlp);
        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.StartWith("Tried on 8 pictures of photos, which").And.Match(@"\nnight +4 "));

        (code, output, errors) = await Compare(small, mlp, folder.File("new/"));
        Assert.That(code, Is.Zero, errors);
        Assert.That(
            output, Does.StartWith("Tried on 20 pictures of new, all that are there.").And.Match(@"\nday +10 "));
    }

    [Test]
    public async Task Networks_of_CIFAR_10_are_compared_on_its_test_images()
    {
        using var small = new SmallModel();
        string first = small.Save(name: "first.safetensors"), second = small.Save(name: "second.safetensors");

        (int code, string output, string errors) =
            await TestCommandLine.Run(["compare", first, second, .. small.Options]);

        Assert.That(code, Is.Zero, errors);
        Assert.That(output, Does.StartWith("Tried on 40 test images.").And.Match(@"\ncrescent +4").And
            .Match(@"\nfirst\.safetensors +small "));
    }

    [TestCase(0, 0, 1)]
    [TestCase(5, 5, 1)]
    [TestCase(1, 15, 34 / 65536.0)]
    [TestCase(15, 1, 34 / 65536.0)]
    [TestCase(40_000, 40_000, 1)]
    [TestCase(3_000, 0, 0)]
    public void The_sign_test_is_twice_the_tail_of_the_binomial_distribution(int first, int second, double expected) =>
        Assert.That(SignTest.Of(first, second), Is.EqualTo(expected).Within(1e-12));

    private static Task<(int Code, string Output, string Errors)> Compare(params string[] args) =>
        TestCommandLine.Run(["compare", .. args, "--device", "cpu"]);

    private static async Task Train(params string[] args)
    {
        (int code, _, string errors) = await TestCommandLine.RunOnConsole(["train", .. args, "--quiet"]);
        Assert.That(code, Is.Zero, errors);
    }
}
