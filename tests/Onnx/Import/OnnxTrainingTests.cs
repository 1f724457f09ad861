using Engine.Layers;
using Engine.Models;
using Engine.Onnx;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Conv2D = Engine.Layers.Conv2D;

namespace Engine.Tests.Onnx;

/// <summary>
/// Networks from ONNX files can be used like others: trained further, frozen, extended, saved, and used for prediction.
/// </summary>
public class OnnxTrainingTests
{
    private static readonly (Tensor X, int[] Y) s_samples = Samples(120);

    private static string Written(TempFolder folder, int epochs = 1)
    {
        using var net = new NeuralNet(
            new Input(1, 6, 6) { Name = "image" }, new Conv2D(4, 3, Rectify) { Name = "conv" },
            new BatchNorm { Name = "norm" },
            new Dense(8, Tanh) { Name = "hidden" }, new Dense(2, Softmax) { Name = "kinds" })
        { MaxEpochs = epochs, Seed = 3 };
        net.Fit(s_samples.X.Rows(0, 20), s_samples.Y[..20]);
        net.ExportOnnx(folder.File("a.onnx"));
        return folder.File("a.onnx");
    }

    [Test]
    public void It_is_trained_on_to_a_better_score_and_written_out_as_it_is()
    {
        using var folder = new TempFolder();
        using NeuralNet net = NeuralNet.FromOnnx(Written(folder));
        double before = net.Score(s_samples.X, s_samples.Y);
        net.MaxEpochs = 30;
        net.Fit(s_samples.X, s_samples.Y);
        net.ExportOnnx(folder.File("b.onnx"));
        using OnnxModel again = OnnxModel.Load(folder.File("b.onnx"));

        Assert.That(net.Score(s_samples.X, s_samples.Y), Is.GreaterThan(before).And.GreaterThan(0.95));
        Assert.That(
            again.Run(s_samples.X)[0].AsSpan<float>()
                .ToArray(), Is.EqualTo(net.PredictProba(s_samples.X).AsSpan<float>().ToArray()).Within(1e-5));
    }

    [Test]
    public void It_and_a_model_hold_the_weights_of_the_file_once([Values] bool isModel)
    {
        const int Units = 2500;
        using var folder = new TempFolder();
        using (var written = new NeuralNet(
            new Input(Units) { Name = "numbers" }, new Dense(Units, Rectify), new Dense(Units), new Dense(10, Softmax)))
        {
            written.ExportOnnx(folder.File("large.onnx"));
        }

        long file = new FileInfo(folder.File("large.onnx")).Length;
        Read().Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using NeuralNet net = Read();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        OnnxTensor[] kept = [.. net.Network.Layers.Select(layer => layer.Layer).OfType<OnnxLayer>().Single()
            .Model.File.Graph.Initializers.Where(tensor => tensor.Shape.Count > OnnxValue.MaxLookedAt)];
        long held = net.Network.Parameters.Sum(parameter => parameter.Variable.Shape.Count * sizeof(float));

        Assert.That(allocated, Is.LessThan(1.1 * file));
        Assert.That(held, Is.InRange(0.99 * file, file));
        Assert.That(kept, Has.Length.EqualTo(3).And.All.Property(nameof(OnnxTensor.Values)).Null);

        // A second network of its layers begins with what the first has.
        using var again = new NeuralNet(new Input(Units), net.Network.Layers[1].Layer);
        again.Initialize();
        Tensor x = Tensor.From([.. Enumerable.Range(0, Units).Select(i => MathF.Sin(i))], 1, Units);
        Assert.That(again.PredictProba(x).Bytes.SequenceEqual(net.PredictProba(x).Bytes));

        NeuralNet Read() =>
            isModel ? Model.FromOnnx(folder.File("large.onnx")).Net : NeuralNet.FromOnnx(folder.File("large.onnx"));
    }

    [Test]
    public void Weights_that_are_frozen_stay_and_averages_too()
    {
        using var folder = new TempFolder();
        using NeuralNet net = NeuralNet.FromOnnx(Written(folder));
        net.Freeze("onnx.conv*");
        Dictionary<string, float[]> before = Values(net);
        net.Fit(s_samples.X, s_samples.Y);

        string[] changed =
            [.. Values(net).Where(pair => !pair.Value.SequenceEqual(before[pair.Key])).Select(pair => pair.Key)];
        Assert.That(changed, Is.Not.Empty.And.All.Not.Contains("conv"));
        Assert.That(changed, Has.Some.Contains("hidden.W"));
    }

    [Test]
    public void Another_last_layer_is_put_on_a_result_within()
    {
        using var folder = new TempFolder();
        using OnnxModel model = OnnxModel.Load(Written(folder));
        using var net = new NeuralNet(model.ToNode("hidden/Tanh").Then(new Dense(3, Softmax) { Name = "three" }))
        { MaxEpochs = 40, Update = new Adam(0.01f) };
        int[] three = [.. s_samples.Y.Select(kind => kind * 2)];
        net.Fit(s_samples.X, three);

        Assert.That(net.Network.Output.Shape[1], Is.EqualTo(3));
        Assert.That(net.Score(s_samples.X, three), Is.GreaterThan(0.9));
    }

    [Test]
    public void A_result_that_is_not_there_is_refused()
    {
        using var folder = new TempFolder();
        using OnnxModel model = OnnxModel.Load(Written(folder));

        Assert.That(
            () => model.ToNode("nothing"), Throws.InstanceOf<EngineException>().With.Message.Contains("'nothing'"));
    }

    [Test]
    public void As_a_model_it_prepares_pictures_and_names_classes()
    {
        using var folder = new TempFolder();
        using Model model = Model.FromOnnx(
            Written(folder, epochs: 20), new OnnxSamples { Mean = [0.5], Std = [0.25], Classes = ["low", "high"] });
        var pixels = new Engine.Data.TensorColumn("picture", Tensor.From(new byte[72], 2, 1, 6, 6));
        IReadOnlyList<Prediction> predictions = model.Predict(new Engine.Data.Table(pixels));

        // Black is (0 - 0.5) / 0.25.
        Tensor black = Tensor.From([.. Enumerable.Repeat(-2f, 36)], 1, 1, 6, 6);
        using OnnxModel same = OnnxModel.Load(folder.File("a.onnx"));
        float[] expected = [.. same.Run(black)[0].AsSpan<float>()];
        Assert.That(predictions, Has.Count.EqualTo(2));
        Assert.That(predictions[0].Classes.Single(one => one.Class == "high").Probability,
            Is.EqualTo(expected[1]).Within(1e-5));
    }

    /// <summary>As skl2onnx writes pipelines of a table with named columns.</summary>
    [Test]
    public void Inputs_of_one_column_each_are_columns_with_their_names()
    {
        using var folder = new TempFolder();
        byte[] file = new ModelMaker().Input("length (cm)", OnnxType.Float, "n", 1)
            .Input("petals", OnnxType.Int64, "n", 1).Floats("w", [2, -1, 1, 3], 2, 2)
            .Node("Cast", "petals", "counts", ("to", 1L))
            .Node(new ProtoWriter().Text(1, "length (cm)").Text(1, "counts").Text(2, "both").Text(4, "Concat")
                .Message(5, new ProtoWriter().Text(1, "axis").Number(3, 1).Number(20, 2)))
            .Node("MatMul", "both w", "scores").Node("Softmax", "scores", "p").Output("p", OnnxType.Float, "n", 2)
            .Bytes();
        File.WriteAllBytes(folder.File("columns.onnx"), file);
        using Model model = Model.FromOnnx(folder.File("columns.onnx"));
        IReadOnlyList<Prediction> predictions = model.Predict(new Engine.Data.Table(
            new Engine.Data.NumberColumn("petals", [1, 4]), new Engine.Data.NumberColumn("length (cm)", [0.5, -1])));

        // Scores of 2·0.5 + 1 and -0.5 + 3, then of -2 + 4 and 1 + 12.
        double[] expected = [1 / (1 + Math.Exp(0.5)), 1 / (1 + Math.Exp(11))];
        Assert.That(
            predictions.Select(one => (double)one.Classes.Single(found => found.Class == "class 0").Probability),
            Is.EqualTo(expected).Within(1e-6));
    }

    /// <summary>Probabilities under other nodes, as skl2onnx without ZipMap and PyTorch write them.</summary>
    [TestCase("Softmax", "Identity")]
    [TestCase("Softmax", "Flatten")]
    [TestCase("Sigmoid", "Flatten")]
    [TestCase("Softmax", "ZipMap")]
    public void No_softmax_is_taken_of_probabilities(string op, string last)
    {
        using var folder = new TempFolder();
        var maker = new ModelMaker().Input("x", OnnxType.Float, "n", 2).Node(op, "x", "p");
        ProtoWriter node = ModelMaker.NodeOf(last, "p", "y");
        if (last == "ZipMap")
        {
            node = ModelMaker.NodeOf(last, "p", "y", ("classlabels_int64s", (long[])[3, 7])).Text(7, "ai.onnx.ml");
        }

        File.WriteAllBytes(folder.File("p.onnx"), maker.Node(node).Output("y", OnnxType.Float, "n", 2).Bytes());
        using Model model = Model.FromOnnx(folder.File("p.onnx"));
        IReadOnlyList<Prediction> predictions = model.Predict(new Engine.Data.Table(
            new Engine.Data.NumberColumn("x0", [2]), new Engine.Data.NumberColumn("x1", [-1])));

        double expected = op == "Softmax" ? 1 / (1 + Math.Exp(-3)) : 1 / (1 + Math.Exp(-2));
        string first = last == "ZipMap" ? "class 3" : "class 0";
        Assert.That(
            predictions[0].Classes.Single(one => one.Class == first).Probability, Is.EqualTo(expected).Within(1e-6));
    }

    /// <summary>As skl2onnx writes a perceptron of two classes.</summary>
    [Test]
    public void No_softmax_is_taken_of_a_probability_and_its_rest()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("two.onnx"), new ModelMaker().Input("x", OnnxType.Float, "n", 2)
            .Floats("w", [1, -1], 2, 1).Floats("one", [1], 1).Node("MatMul", "x w", "z").Node("Sigmoid", "z", "p")
            .Node("Sub", "one p", "q").Node("Concat", "q p", "both", ("axis", 1L))
            .Output("both", OnnxType.Float, "n", 2).Bytes());
        using Model model = Model.FromOnnx(folder.File("two.onnx"));
        IReadOnlyList<Prediction> predictions = model.Predict(new Engine.Data.Table(
            new Engine.Data.NumberColumn("x0", [2]), new Engine.Data.NumberColumn("x1", [0.5])));

        Assert.That(predictions[0].Classes.Single(one => one.Class == "class 1").Probability,
            Is.EqualTo(1 / (1 + Math.Exp(-1.5))).Within(1e-6));
    }

    [Test]
    public void A_layout_that_the_pictures_do_not_have_is_refused()
    {
        using var folder = new TempFolder();
        string path = Written(folder);

        Assert.That(
            () => Model.FromOnnx(path, new OnnxSamples { AreChannelsLast = true }),
            Throws.TypeOf<EngineException>().With.Message.Contains("with their channels last, as is said"));
    }

    [TestCase(0.0, "must be greater than 0, not 0.")]
    [TestCase(-0.25, "must be greater than 0, not -0.25.")]
    [TestCase(1e-40, "must be greater than 0, not 1E-40.")]
    [TestCase(double.NaN, "must be greater than 0, not NaN.")]
    [TestCase(double.PositiveInfinity, "must be greater than 0, not Infinity.")]
    public void Deviations_that_nothing_can_be_divided_by_are_refused(double std, string why)
    {
        using var folder = new TempFolder();
        string path = Written(folder);

        Assert.That(
            () => Model.FromOnnx(path, new OnnxSamples { Std = [std] }),
            Throws.TypeOf<EngineException>().With.Message.Contains("The deviations").And.Message.Contains(why));
    }

    [TestCase(double.NaN, "must be finite, not NaN.")]
    [TestCase(double.NegativeInfinity, "must be finite, not -Infinity.")]
    [TestCase(1e38, "must be finite, not 1E+38.")]
    public void Means_that_are_not_finite_are_refused(double mean, string why)
    {
        using var folder = new TempFolder();
        string path = Written(folder);

        Assert.That(
            () => Model.FromOnnx(path, new OnnxSamples { Mean = [mean] }),
            Throws.TypeOf<EngineException>().With.Message.Contains("The means").And.Message.Contains(why));
        Assert.That(
            () => Model.FromOnnx(path, new OnnxSamples { Mean = [0, 1] }),
            Throws.TypeOf<EngineException>().With.Message.Contains("of 1 channel, and 2 means are given."));
    }

    [Test]
    public void A_model_that_was_written_for_one_sample_takes_many()
    {
        string path = Path.Combine(Engine.Build.Repository.Root, "tests", "Onnx", "Backend", "Data", "mnist.onnx");
        using OnnxModel model = OnnxModel.Load(path);
        using var net = new NeuralNet(model.ToNetwork()) { Regression = true };
        net.Initialize();
        var random = new Random(2);
        Tensor x = Tensor.From([.. Enumerable.Range(0, 3 * 784).Select(_ => random.NextSingle())], 3, 1, 28, 28);
        float[] all = [.. net.PredictProba(x).AsSpan<float>()];

        Assert.That(model.Inputs[0].Shape[0], Is.EqualTo(1));
        for (int i = 0; i < 3; i++)
        {
            Assert.That(model.Run(x.Rows(i, 1))[0].AsSpan<float>().ToArray(),
                Is.EqualTo(all[(10 * i)..(10 * (i + 1))]).Within(1e-3));
        }
    }

    [Test]
    public void Weights_of_one_name_in_two_branches_are_two()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("if.onnx"), new ModelMaker().Input("x", OnnxType.Float, "n", 2)
            .Floats("zero", [0]).Node("ReduceSum", "x", "sum", ("keepdims", 0L)).Node("Greater", "sum zero", "c")
            .Node(ModelMaker.NodeOf("If", "c", "y").Message(5, ModelMaker.GraphSetting("then_branch", Branch("t", 2)))
                .Message(5, ModelMaker.GraphSetting("else_branch", Branch("e", 3))))
            .Output("y", OnnxType.Float, "n", 2).Bytes());
        using NeuralNet net = NeuralNet.FromOnnx(folder.File("if.onnx"));

        Assert.That(net.PredictProba(Tensor.From([1f, 2], 1, 2)).AsSpan<float>().ToArray(),
            Is.EqualTo(new float[] { 2, 4 }));
        Assert.That(net.PredictProba(Tensor.From([-1f, -2], 1, 2)).AsSpan<float>().ToArray(),
            Is.EqualTo(new float[] { -3, -6 }));
        Assert.That(net.GetParameters().Select(one => one.Key), Does.Contain("onnx.w").And.Contain("onnx.w_2"));

        static ProtoWriter Branch(string output, float factor) => new ModelMaker()
            .Floats("w", [factor, 0, 0, factor], 2, 2).Node("MatMul", "x w", output)
            .Output(output, OnnxType.Float, "n", 2).Graph();
    }

    private static Dictionary<string, float[]> Values(NeuralNet net) =>
        net.GetParameters().ToDictionary(pair => pair.Key, pair => pair.Value.AsSpan<float>().ToArray());

    /// <summary>Draws images whose upper or lower half is brighter.</summary>
    private static (Tensor X, int[] Y) Samples(int count)
    {
        var random = new Random(11);
        int[] kinds = [.. Enumerable.Range(0, count).Select(i => i % 2)];
        float[] pixels = [.. kinds.SelectMany(kind => Enumerable.Range(0, 36).Select(at =>
            (float)random.NextDouble() + (at / 18 == kind ? 0.4f : 0)))];
        return (Tensor.From(pixels, count, 1, 6, 6), kinds);
    }
}
