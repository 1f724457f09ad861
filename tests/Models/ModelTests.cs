using Engine.Data;
using Engine.Graph;
using Engine.Inspection;
using Engine.Layers;
using Engine.Models;
using Engine.Models.Description;
using Engine.Ops;
using Engine.Training;
using Model = Engine.Models.Model;

namespace Engine.Tests.Models;

public class ModelTests
{
    private static readonly Table s_flowers = Flowers(90);

    [Test]
    public void A_saved_model_predicts_the_same_without_a_description()
    {
        using var folder = new TempFolder();
        using Model model = Model.Train(new DataSet("flowers", s_flowers, "kind"), new ModelOptions { Epochs = 30 });
        model.Test(s_flowers);
        model.Save(folder.File("flowers.model"));

        using Model loaded = Model.Load(folder.File("flowers.model"));

        Assert.That(model.Metrics["accuracy"], Is.GreaterThan(0.9));
        Assert.That(loaded.Metrics, Is.EqualTo(model.Metrics));
        Assert.That(loaded.Classes, Is.EqualTo((string[])["long", "round"]));
        Assert.That(
            loaded.Predict(s_flowers)
                .SelectMany(one => one.Classes), Is.EqualTo(model.Predict(s_flowers).SelectMany(one => one.Classes)));
        Assert.That(loaded.About["data"], Is.EqualTo("flowers"));
    }

    [Test]
    public void One_sample_is_predicted_by_names_or_as_a_record()
    {
        using Model model = Model.Train(new DataSet("flowers", s_flowers, "kind"), new ModelOptions { Epochs = 30 });

        Prediction named =
            model.PredictOne(new Dictionary<string, object?> { ["width"] = 1, ["length"] = 8.0, ["color"] = "red" });
        Prediction record = model.PredictRecord(new { width = 1, length = 8.0, color = "red" });

        Assert.That(named.Class, Is.EqualTo("long"));
        Assert.That(named.Probability, Is.GreaterThan(0.8));
        Assert.That(record.Classes, Is.EqualTo(named.Classes));
        Assert.That(() => model.PredictOne(new Dictionary<string, object?> { ["width"] = 1 }),
            Throws.InstanceOf<EngineException>().With.Message.Contains("'length', 'color'"));
        Assert.That(() =>
            model.PredictOne(new Dictionary<string, object?> { ["width"] = "wide", ["length"] = 1, ["color"] = null }),
            Throws.InstanceOf<EngineException>().With.Message.Contains("is 'wide', which is no number"));
    }

    [Test]
    public void Values_are_predicted_in_their_own_unit()
    {
        var random = new Random(2);
        double[] area = [.. Enumerable.Range(0, 120).Select(_ => 50 + (100 * random.NextDouble()))];
        var houses = new Table(
            new NumberColumn("area", area), new NumberColumn("price", [.. area.Select(a => 1000 * a + 20_000)]));

        using Model model = Model.Train(new DataSet("houses", houses, "price"), new ModelOptions { Epochs = 60 });

        Assert.That(model.Test(houses).Metrics["r2"], Is.GreaterThan(0.98));
        Assert.That(model.PredictOne(new Dictionary<string, object?> { ["area"] = 100 }).Value,
            Is.EqualTo(120_000).Within(6_000));
    }

    [Test]
    public void A_figure_that_is_no_number_is_left_out_of_what_the_model_keeps_and_JSON_writes()
    {
        using Model model = Model.Train(new DataSet("flowers", s_flowers, "kind"), new ModelOptions { Epochs = 1 });

        TestReport report = model.Test(s_flowers.Rows([0]));

        Assert.That(report.Metrics["roc_auc"], Is.NaN, "one class");
        Assert.That(model.Metrics.Keys, Is.EqualTo(
            report.Metrics.Where(pair => double.IsFinite(pair.Value)).Select(pair => pair.Key)).And.Not.Empty);
        Assert.That(System.Text.Json.JsonSerializer.Serialize(model.Metrics),
            Does.Contain("accuracy").And.Not.Contain("roc_auc"));
    }

    /// <summary>What the validation samples say must not reach the model, or their figures are too good.</summary>
    [TestCase("a named network", true)]
    [TestCase("a named network", false)]
    [TestCase("a network made in C#", true)]
    [TestCase("a network made in C#", false)]
    public void What_prepares_samples_knows_of_no_sample_that_validates(string way, bool areClasses)
    {
        const int Count = 60;
        bool isOwn = way != "a named network";
        int[] order = isOwn ? [.. Enumerable.Range(0, Count)] : DataSplit.Order(Count, seed: 7);
        int[] validation = [.. new TrainSplit(0.2).Split(Count,
            areClasses ? [.. order.Select(row => row % 3 == 0 ? 1 : 0)] : null).Validation.Select(i => order[i])];
        Assert.That(validation, Has.Length.EqualTo(12));

        using Model plain = Train(Data(_ => false)), changed = Train(Data(validation.Contains)),
            other = Train(Data(row => row == order[Count - 1]));

        Assert.That((changed.Inputs, changed.Target), Is.EqualTo((plain.Inputs, plain.Target)));
        Assert.That(other.Inputs, Is.Not.EqualTo(plain.Inputs));
        Assert.That(other.Target == plain.Target, Is.EqualTo(areClasses));

        DataSet Data(Func<int, bool> isChanged) => new("d", new Table(
            new NumberColumn("x", [.. Enumerable.Range(0, Count).Select(row => isChanged(row) ? 1e6 : row % 7)]),
            new TextColumn("color",
                Enumerable.Range(0, Count).Select(row => isChanged(row) ? "violet" : row % 2 == 0 ? "red" : "blue")),
            new TensorColumn("v",
                Tensor.From([.. Enumerable.Range(0, Count).Select(row => isChanged(row) ? 1e6f : row % 5)], Count, 1)),
            areClasses ? new TextColumn("y", Enumerable.Range(0, Count).Select(row => row % 3 == 0 ? "b" : "a"))
                : new NumberColumn(
                    "y", [.. Enumerable.Range(0, Count).Select(row => isChanged(row) ? 1e6 : row * 0.5)])), "y");

        Model Train(DataSet data)
        {
            if (!isOwn)
            {
                return Model.Train(
                    data, new ModelOptions { Epochs = 1, Validation = 0.2, Seed = 7, BalanceClasses = areClasses });
            }

            // A category that only the changed sample has makes another input.
            int width = data.Train["color"].Text(Count - 1) == "violet" ? 5 : 4;
            return new NeuralNet(
                new Engine.Layers.Input(width),
                areClasses ? new Dense(2, Symbolic.Softmax) : new Dense(1, Symbolic.Linear))
            { MaxEpochs = 1, Regression = !areClasses, TrainSplit = new TrainSplit(0.2) }.FitModel(data);
        }
    }

    [Test]
    public void Balanced_weights_of_classes_count_the_samples_that_train()
    {
        var table = new Table(
            new NumberColumn("x", [.. Enumerable.Range(0, 31).Select(row => row % 7 * 1.0)]),
            new TextColumn("y", Enumerable.Range(0, 31).Select(row => row < 6 ? "few" : "many")));

        using Model model = Model.Train(
            new DataSet("d", table, "y"), new ModelOptions { Epochs = 1, Validation = 0.5, BalanceClasses = true });

        // Of 6 validate 3, and of 25 validate 13: 3 and 12 train.
        Assert.That(model.Net.ClassWeights, Is.EqualTo((double[])[15.0 / 2 / 3, 15.0 / 2 / 12]).Within(1e-12));
    }

    [Test]
    public void The_same_seed_trains_the_same_model()
    {
        var data = new DataSet("flowers", s_flowers, "kind");
        using Model one = Model.Train(data, new ModelOptions { Epochs = 3 }),
            other = Model.Train(data, new ModelOptions { Epochs = 3 });

        Assert.That(
            one.Net.GetParameters().Select(pair => pair.Value.Bytes.ToArray()),
            Is.EqualTo(other.Net.GetParameters().Select(pair => pair.Value.Bytes.ToArray())));
    }

    [TestCase(null, false)]
    [TestCase(null, true)]
    [TestCase(0.0, false)]
    public void The_samples_that_the_data_validate_with_do_so_and_none_of_the_others(double? share, bool isStreamed)
    {
        // Each validation sample has the wrong class, and none of the training samples has.
        var wrong = new Table(s_flowers.Columns.Select(column => column.Name != "kind" ? column
            : new TextColumn("kind",
                Enumerable.Range(0, column.Count).Select(row => column.Text(row) == "long" ? "round" : "long"))));
        var data = new DataSet("flowers", s_flowers, "kind") { Validation = wrong.Rows([.. Enumerable.Range(0, 20)]) };
        using Model model =
            Model.Train(data, new ModelOptions { Epochs = 30, Validation = share, IsStreamed = isStreamed });

        Assert.That(model.Net.TrainHistory.Min(epoch => epoch.ValidAccuracy), share == 0 ? Is.NaN : Is.LessThan(0.3));
        Assert.That(model.Net.TrainSplit.Split(10, null).Validation, Has.Length.EqualTo(share == 0 ? 0 : 2),
            "the next training splits as before");
    }

    [Test]
    public void A_network_made_in_CSharp_is_saved_with_every_kind_of_layer()
    {
        using var folder = new TempFolder();
        var pictures = new Table(
            new TensorColumn(
                "p", Tensor.From<byte>([.. Enumerable.Range(0, 4 * 192).Select(i => (byte)(i * 37))], 4, 3, 8, 8)),
            new TextColumn("kind", ["a", "b", "a", "b"]));
        Preparation inputs = Preparation.Fit(pictures, "kind");
        Target target = Target.Fit(pictures["kind"]);
        using var net = new NeuralNet(
            new Engine.Layers.Input(3, 8, 8),
            new Engine.Layers.Conv2D(4, (3, 2), x => Symbolic.LeakyRectify(x))
            {
                Pad = "valid",
                Stride = (1, 2),
                FlipFilters = false,
                B = null,
            },
            new BatchNorm { Epsilon = 1e-3, Alpha = 0.2 },
            new Engine.Layers.MaxPool2D(2) { IgnoreBorder = false, Pad = 1 },
            new Engine.Layers.Activation(Symbolic.Tanh), new Engine.Layers.AveragePool2D((2, 1)),
            new Engine.Layers.Flatten(), new Dropout(0.25), new Engine.Layers.Reshape(-1, 2),
            new Dense(5, Symbolic.Sigmoid) { W = new HeNormal(2), L2 = 0.5 }, new Dense(2, Symbolic.Softmax))
        {
            Update = new Adam(learningRate: 0.02f),
            MaxEpochs = 1,
            TrainSplit = new TrainSplit(0),
        };
        net.Fit(inputs.Apply(pictures), target.Apply(pictures["kind"]));
        net.SaveModel(folder.File("net.model"), inputs, target);

        using Model loaded = Model.Load(folder.File("net.model"));

        Assert.That(loaded.Net.PredictProba(inputs.Apply(pictures)).Bytes.ToArray(),
            Is.EqualTo(net.PredictProba(inputs.Apply(pictures)).Bytes.ToArray()));
        Assert.That(loaded.Net.Layers.Select(layer => layer.OutputShape),
            Is.EqualTo(net.Layers.Select(layer => layer.OutputShape)));
        Assert.That(loaded.Network.Update.Name, Is.EqualTo("adam"));
        Assert.That(loaded.Network.UpdateSettings.Real("learning_rate"), Is.EqualTo(0.02).Within(1e-7));
        Assert.That(loaded.Network.Layers[9].Settings.Value("l2"), Is.EqualTo(0.5));
    }

    [Test, NonParallelizable]
    public void A_layer_of_ones_own_is_saved_once_it_has_a_name()
    {
        using var folder = new TempFolder();
        Preparation inputs = Preparation.Fit(s_flowers, "kind");
        Target target = Target.Fit(s_flowers["kind"]);
        NeuralNet Make() => new(new Engine.Layers.Input((int)inputs.Dimensions.Count), new Times(3),
            new Dense(2, Symbolic.Softmax))
        {
            MaxEpochs = 1,
        };
        using NeuralNet net = Make();
        net.Initialize();

        Assert.That(() => net.SaveModel(folder.File("own.model"), inputs, target), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("CustomLayers.Register<Times>"));

        CustomLayers.Register<Times>("test_times", text => new Times(int.Parse(text)), layer => $"{layer.Factor}");
        try
        {
            net.SaveModel(folder.File("own.model"), inputs, target);
            using Model loaded = Model.Load(folder.File("own.model"));
            Assert.That(loaded.Net.PredictProba(inputs.Apply(s_flowers)).Bytes.ToArray(),
                Is.EqualTo(net.PredictProba(inputs.Apply(s_flowers)).Bytes.ToArray()));
            Assert.That(
                () => CustomLayers.Register<Times>("dense", _ => new Times(1)), Throws.InstanceOf<EngineException>());
        }
        finally
        {
            CustomLayers.Forget("test_times");
        }
    }

    [Test]
    public void A_function_without_a_name_is_refused_and_one_that_does_the_same_as_a_known_one_is_not()
    {
        Assert.That(() => LayerWriter.Describe("d", new Dense(2, x => x * x + 1)), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("The nonlinearity of the layer 'd'"));
        Assert.That(LayerWriter.Describe("d", new Dense(2, x => Symbolic.Elu(x))).Settings.Word("nonlinearity"),
            Is.EqualTo("elu"));
    }

    [TestCase("inputs", "\"deviation\":", "\"deviation\":-")]
    [TestCase("inputs", "\"mean\":", "\"mean\":1e400,\"x\":")]
    [TestCase("inputs", "\"median\":", "\"median\":-1e400,\"x\":")]
    [TestCase("metrics", "{", "{\"accuracy\":\"nan\"")]
    [TestCase("about", "{", "[{")]
    [TestCase("inputs", "\"mode\":", "\"mode\":7")]
    [TestCase("inputs", "\"blue\"", "\"red\"")]
    [TestCase("inputs", "\"kind\":\"one_hot\"", "\"kind\":\"planes\"")]
    [TestCase("inputs", "\"kind\":\"one_hot\"", "\"kind\":\"code\"")]
    [TestCase("inputs", "{", "[")]
    [TestCase("inputs", "\"transforms\"", "\"others\"")]
    [TestCase("target", "\"long\"", "\"round\"")]
    [TestCase("target", "\"classes\":[", "\"classes\":null,\"x\":[")]
    [TestCase("network", "layers", "layrs")]
    [TestCase("network", "\"units\":2", "\"units\":3")]
    public void A_file_that_says_wrong_things_of_its_samples_is_refused(string key, string right, string wrong)
    {
        using var folder = new TempFolder();
        using Model model = Model.Train(new DataSet("flowers", s_flowers, "kind"), new ModelOptions { Epochs = 0 });
        var metadata = new Dictionary<string, string>(model.Metadata);
        Assert.That(metadata[key], Does.Contain(right));
        metadata[key] = metadata[key].Replace(right, wrong, StringComparison.Ordinal);
        Engine.IO.Parameters.Save(folder.File("wrong.model"), model.Net.GetParameters(), metadata);

        Assert.That(() => Model.Load(folder.File("wrong.model")), Throws.InstanceOf<EngineException>()
            .With.Message.StartsWith(folder.File("wrong.model")).And.Message.Not
            .Contains($": {folder.File("wrong.model")}"));
    }

    [Test]
    public void What_does_not_fit_is_refused_in_a_sentence()
    {
        using var folder = new TempFolder();
        Preparation inputs = Preparation.Fit(s_flowers, "kind");
        Target target = Target.Fit(s_flowers["kind"]);
        using var wide = new NeuralNet(new Engine.Layers.Input(7), new Dense(2, Symbolic.Softmax));
        using var many =
            new NeuralNet(new Engine.Layers.Input((int)inputs.Dimensions.Count), new Dense(3, Symbolic.Softmax));
        using var plain = new NeuralNet(new Engine.Layers.Input(2), new Dense(2, Symbolic.Softmax));
        plain.Initialize();
        Engine.IO.Parameters.Save(folder.File("plain.safetensors"), plain.GetParameters());

        Assert.That(() => new Model(wide, inputs, target),
            Throws.InstanceOf<EngineException>().With.Message.Contains("takes 7 numbers"));
        Assert.That(() => new Model(many, inputs, target),
            Throws.InstanceOf<EngineException>().With.Message.Contains("gives 3 classes"));
        Assert.That(() => Model.Load(folder.File("plain.safetensors")), Throws.InstanceOf<EngineException>()
            .With.Message.Contains("holds parameters, and not what prepares"));
    }

    private static Table Flowers(int count)
    {
        var random = new Random(1);
        double[] width = [.. Enumerable.Range(0, count).Select(_ => 1 + (5 * random.NextDouble()))];
        double[] length = [.. width.Select((w, i) => i % 2 == 0 ? w + 3 : w - 0.5)];
        return new Table(
            new NumberColumn("width", width), new NumberColumn("length", length),
            new TextColumn("color", Enumerable.Range(0, count).Select(_ => random.Next(2) == 0 ? "red" : "blue")),
            new TextColumn("kind", Enumerable.Range(0, count).Select(i => i % 2 == 0 ? "long" : "round")));
    }

    private sealed class Times(int factor) : Layer
    {
        public int Factor => factor;

        public override Variable Build(Variable input, LayerScope scope) => input * factor;
    }
}
