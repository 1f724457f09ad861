using Engine.Data;
using Engine.Training;

namespace Engine.Tests.Runner;

/// <summary><c>train</c> checks own data before it trains: what is odd is said, what cannot be is refused.</summary>
public class OwnDataCheckTests
{
    [Test]
    public async Task What_should_be_looked_at_before_training_is_warned_of()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("skewed.csv"), "x,y\n"
            + string.Concat(Enumerable.Range(0, 200).Select(i => $"{i % 9},{(i % 40 == 0 ? "rare" : "usual")}\n")));

        (int code, _, string errors) =
            await Run("train", folder.File("skewed.csv"), "--epochs", "1", "--save", folder.File("m.model"));

        Assert.That(code, Is.Zero, errors);
        Assert.That(errors, Does.Contain("% of the rows to train on are of the class 'usual'"));
        Assert.That(errors, Does.Contain("have the class rare 4: it is hardly learned"));
        Assert.That(errors, Does.Contain("Among those to train on too"));
    }

    [TestCase("cut.csv.gz", 60, "cut.csv.gz is damaged: it is packed by gzip and cannot be unpacked.")]
    [TestCase("cut.csv.gz", 12, "cut.csv.gz is damaged: it is packed by gzip and cannot be unpacked.")]
    [TestCase("open.csv", 0, "open.csv: a value of row 2 has")]
    public async Task A_damaged_table_is_refused_by_its_name(string name, int length, string said)
    {
        using var folder = new TempFolder();
        string rows = string.Concat(Enumerable.Range(0, 60).Select(i => $"{i % 7},{i % 2}\n"));
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(
            packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(System.Text.Encoding.ASCII.GetBytes("x,y\n" + rows));
        }

        File.WriteAllBytes(folder.File("cut.csv.gz"), packed.ToArray()[..Math.Min(length, (int)packed.Length - 1)]);
        File.WriteAllText(folder.File("open.csv"), "x,y\n\"" + rows);

        (int code, _, string errors) = await Run("train", folder.File(name), "--save", folder.File("m.model"));

        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.Contain(said).And.Not.Contain("Unexpected"));
    }

    [TestCase(null, "kind")]
    [TestCase(0.4, "kind")]
    [TestCase(0.4, "weight")]
    public async Task What_prepares_the_samples_is_fitted_to_those_that_train(double? validation, string column)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("fruit.csv"), OwnDataTests.Fruit(90));

        (int code, _, string errors) = await Run(
            ["train", folder.File("fruit.csv"), "--target", column, "--epochs", "1", "--save", folder.File("m.model"),
                "--seed", "11",
                .. validation is { } share ? ["--validation", FormattableString.Invariant($"{share}")] : (string[])[]]);

        Assert.That(code, Is.Zero, errors);
        using Engine.Models.Model model = Engine.Models.Model.Load(folder.File("m.model"));
        Table train = new Csv(folder.File("fruit.csv")) { Target = column }.Load().WithTest(0.2, seed: 11).Train;
        var target = Target.Fit(train[column]);
        int[] rows = new TrainSplit(model.Network.Data.Validation).Split(
            train.Count, target is ClassTarget ? target.Apply(train[column]).ToArray<int>() : null).Train;
        Assert.That(rows, Has.Length.LessThan(0.85 * train.Count));
        Assert.That(model.Inputs,
            Is.EqualTo(Preparation.Fit(train.Rows(rows), column)).And.Not.EqualTo(Preparation.Fit(train, column)));
        Assert.That(model.Target,
            Is.EqualTo(target is ClassTarget ? target : Target.Fit(train[column].Rows(rows), areValues: true)));
    }

    /// <summary>A new file's texts may all be numbers, and its numbers all be missing.</summary>
    [Test]
    public async Task The_types_of_columns_are_the_models_whatever_a_new_file_has()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), "version,size,y\n" + string.Concat(Enumerable.Range(0, 60).Select(i =>
            $"{(i % 3 == 0 ? "1.0" : i % 3 == 1 ? "beta" : "2.0")},{i % 4},{(i % 3 == 0 ? "old" : "new")}\n")));
        File.WriteAllText(folder.File("all.csv"), "version,size\n1.0,1\nbeta,2\n2.0,-\n");
        File.WriteAllText(folder.File("numbers.csv"), "size,version\n1,1.0\n");
        File.WriteAllText(folder.File("wrong.csv"), "size,version\n1,1.0\nlarge,1.0\n");
        string model = folder.File("m.model");
        (int code, _, string errors) =
            await Run("train", folder.File("t.csv"), "--target", "y", "--epochs", "20", "--save", model);
        Assert.That(code, Is.Zero, errors);

        string[] all = (await Predict("all.csv")).Split('\n'), numbers = (await Predict("numbers.csv")).Split('\n');

        Assert.That(numbers[..2], Is.EqualTo(all[..2]), "the same row");
        Assert.That(all[1], Does.StartWith("row 1,old,"));
        (code, _, errors) =
            await TestCommandLine.Run("predict", "--load", model, folder.File("wrong.csv"), "--device", "cpu");
        Assert.That(
            (code, errors),
            Is.EqualTo(
                (1, $"{folder.File("wrong.csv")}: 'size' of row 2 is 'large', which is no number, "
                    + "as all values were that were trained with.")));

        async Task<string> Predict(string file)
        {
            (int code, string output, string errors) = await TestCommandLine.Run(
                "predict", "--load", model, folder.File(file), "--format", "csv", "--device", "cpu");
            Assert.That(code, Is.Zero, errors);
            return output;
        }
    }

    [TestCase("a,b,id,y\n1.0,u,901,p\n7.5,w,902,q\n", 1)]
    [TestCase("y,b,a,id\np,u,1,901\nq,v,2.50,902\n", 2)]
    [TestCase("id,y,b,a\n901,q,u,1\n902,q,w,2.5\n", 0)]
    public async Task Doubles_are_found_in_any_order_of_columns_and_spelling_of_numbers(string test, int doubles)
    {
        using var folder = new TempFolder();
        File.WriteAllText(
            folder.File("t.csv"),
            "id,a,b,y\n"
                + string.Concat(Enumerable.Range(1, 80)
                    .Select(i => $"{i},{(i % 2 == 0 ? "2.5" : "1")},{"vu"[i % 2]},{"qp"[i % 2]}\n")));
        File.WriteAllText(folder.File("test.csv"), test);

        (int code, _, string errors) = await Run(
            "train", folder.File("t.csv"), "--test", folder.File("test.csv"), "--epochs", "1", "--save",
            folder.File("m.model"));

        Assert.That(code, Is.Zero, errors);
        Assert.That(errors, doubles > 0
            ? Does.Contain($"each value the same: {doubles} of the 2 rows")
            : Does.Not.Contain("each value the same"));
    }

    [TestCase("train {}/t.csv", "which column is to be predicted")]
    [TestCase("train {}/t.csv --target nope", "There is no column 'nope'")]
    [TestCase("train {}/t.csv --target b --size 8", "--size is of no use for")]
    [TestCase("train {}/t.csv --target b --data x", "--data is about CIFAR-10")]
    [TestCase("train {}/t.csv --target b --network resnext", "there is no network 'resnext'")]
    [TestCase("train {}/t.csv --target b --values --classes", "--values and --classes are both given")]
    [TestCase("train {}/t.csv --target a --class-weights balanced", "'a' has values")]
    [TestCase("train mlp --target b", "--target is about data of your own")]
    [TestCase("train {}", "has no folders with pictures in them")]
    [TestCase("serve --load {}/t.csv", "is a table of values (CSV)")]
    [TestCase("serve --load {}/t.csv --host here", "--host is an address")]
    public async Task What_is_asked_wrongly_is_answered_in_a_sentence(string words, string said)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), "a,b\n1.5,x\n2.5,y\n3.25,x\n4,y\n5,x\n6,y\n");

        (int code, _, string errors) = await TestCommandLine.Run(
            [.. words.Split(' ').Select(word => word.Replace("{}", folder.Path, StringComparison.Ordinal))]);

        Assert.That(code, Is.EqualTo(1), errors);
        Assert.That(errors, Does.Contain(said));
        Assert.That(errors.Split('\n'), Has.Length.LessThanOrEqualTo(1), errors);
    }

    /// <summary>Errors that the test would meet are reported before training.</summary>
    [TestCase("x,y\n1,a\n2,b\n3,c\n", "1 sample to test with, of 3, is of classes that no sample to train on has: 'c'")]
    [TestCase("z,y\n1,a\n2,b\n", "The column 'x' that the model was trained with is missing: there are 'z', 'y'")]
    [TestCase("x,y\n1,a\ntwo,b\n", "'x' of row 2 is 'two', which is no number")]
    [TestCase("x,z\n1,a\n", "has no column 'y'")]
    public async Task Rows_to_test_with_that_do_not_fit_are_refused_before_the_training(string test, string said)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"),
            "x,y\n" + string.Concat(Enumerable.Range(0, 40).Select(i => $"{i * 7 % 13},{"ab"[i % 2]}\n")));
        File.WriteAllText(folder.File("test.csv"), test);

        (int code, string output, string errors) = await Run(
            "train", folder.File("t.csv"), "--test", folder.File("test.csv"), "--save", folder.File("m.model"));

        Assert.That(code, Is.EqualTo(1), output);
        Assert.That(errors, Does.Contain(said));
        Assert.That(output, Does.Not.Contain("epoch"));
    }

    /// <summary>A row of three numbers trains, the last of which is the target unless another one is named.</summary>
    [TestCase("", "4,2,1\n5,3,0\n", null)]
    [TestCase("", "4,2\n5,3\n", null)]
    [TestCase("", "4\n5\n", "has 1 column without names, and the model learned from 3, of which it predicts 'column3'")]
    [TestCase("", "4,2,7,1\n5,3,8,0\n", "so give the same ones, with or without 'column3'.")]
    [TestCase("column1", "1,4,2\n0,5,3\n", null)]
    [TestCase("column1", "4,2\n5,3\n", "so give the same ones, with an empty 'column1' if it is unknown.")]
    public async Task A_table_without_names_is_predicted_if_it_has_the_columns_that_trained(
        string target, string rows, string? said)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("t.csv"), string.Concat(Enumerable.Range(0, 60).Select(i => target.Length > 0
            ? $"{i % 2},{i % 7}.5,{i % 5}\n" : $"{i % 7}.5,{i % 5},{i % 2}\n")));
        File.WriteAllText(folder.File("new.csv"), rows);
        (int code, _, string errors) = await Run(
            ["train", folder.File("t.csv"), "--epochs", "1", "--save", folder.File("m.model"),
                .. target.Length > 0 ? ["--target", target] : (string[])[]]);
        Assert.That(code, Is.Zero, errors);

        (code, string output, errors) = await Run("predict", "--load", folder.File("m.model"), folder.File("new.csv"));

        Assert.That(code, Is.EqualTo(said is null ? 0 : 1), errors);
        Assert.That(said is null ? output : errors, Does.Contain(said ?? "row 2"));
    }

    [Test]
    public async Task What_cannot_be_exported_is_said_before_the_training()
    {
        using var folder = new TempFolder();
        Tensor x = Tensor.From([.. Enumerable.Range(0, 40 * 64).Select(i => (byte)(i % 251))], 40, 8, 8);
        Engine.IO.Npz.Save(folder.File("digits.npz"), new Dictionary<string, Tensor>
        {
            ["x"] = x,
            ["y"] = Tensor.From([.. Enumerable.Range(0, 40).Select(i => i % 2)]),
        });
        File.WriteAllText(folder.File("unroll.json"), """
            { "layers": [
              { "name": "input", "kind": "input", "shape": [1, 8, 8] },
              { "name": "rows", "kind": "reshape", "shape": [8, 8] },
              { "name": "rnn", "kind": "gru", "units": 3 },
              { "name": "unroll", "kind": "inverse", "inputs": ["rnn", "rnn", "rows"] },
              { "name": "output", "kind": "dense", "units": 2, "nonlinearity": "softmax" } ] }
            """);

        (int code, string output, string errors) = await Run(
            "train", folder.File("digits.npz"), "--network", folder.File("unroll.json"), "--epochs", "1", "--save",
            folder.File("m.onnx"));

        Assert.That(code, Is.EqualTo(1), output);
        Assert.That(errors, Does.Contain("cannot be exported: ONNX has no such loop as gradients are"));
        Assert.That(output, Does.Not.Contain("trn loss"));
        Assert.That(File.Exists(folder.File("m.onnx")), Is.False);
    }

    private static Task<(int Code, string Output, string Errors)> Run(params string[] args) =>
        TestCommandLine.RunOnConsole(args);
}
