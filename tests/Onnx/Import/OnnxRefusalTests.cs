using Engine.IO;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>Unsupported models are refused with one type of exception, which says what is wrong.</summary>
public class OnnxRefusalTests
{
    private static IEnumerable<TestCaseData> Bad()
    {
        yield return Case("an op that is not there", Model().Node("Sparkle", "x", "y"), "Sparkle of opset 17",
            "'the Sparkle'", "maker 7");
        yield return Case("an op of another domain",
            Model().Node(ModelMaker.NodeOf("Fused", "x", "y").Text(7, "com.microsoft")), "com.microsoft:Fused");
        yield return Case(
            "an op that only came later", Model().OpSet(9).Node("CumSum", "x x", "y"), "from opset 11 on");
        yield return Case("an op of a list that is refused", Model().Node("NonZero", "x", "y"), "depends on values");
        yield return Case("ops of a future version", Model().OpSet(99).Node("Relu", "x", "y"), "opsets from 1 to");
        yield return Case("ops of a former version", Model().OpSet(3).Node("Relu", "x", "y"), "from opset 6 on");
        yield return Case(
            "a setting that is not known", Model().Node("Relu", "x", "y", ("steepness", 3)), "'steepness'");
        yield return Case("an input too many", Model().Node("Relu", "x x", "y"), "2 inputs");
        yield return Case("an input too few", Model().Node("Add", "x", "y"), "input 1 is missing");
        yield return Case("a cycle", Model().Node("Add", "x z", "y").Node("Relu", "y", "z"), "'z'");
        yield return Case("nothing that gives an output", Model(), "'y'");
        yield return Case("two that give the same", Model().Node("Relu", "x", "y").Node("Abs", "x", "y"), "'y'");
        yield return Case(
            "shapes that do not fit", Model().Longs("to", 7).Node("Reshape", "x to", "y"), "'the Reshape'");
        yield return Case("a type that is not the declared one", Model().Node("Cast", "x", "y", ("to", 6)), "int32");
        yield return Case("a type that is not there", Model().Node("Cast", "x", "y", ("to", 10)), "float16");
        yield return Case(
            "a tensor of 2^63 elements",
            Model().Tensor(new ProtoWriter().Numbers(1, [long.MaxValue]).Number(2, 1).Text(8, "w").Bytes(9, [0]))
                .Node("Relu", "x", "y"), "'w'");
        yield return Case(
            "a tensor whose dimensions make up 2^63",
            Model().Tensor(new ProtoWriter().Numbers(1, [1 << 21, 1 << 21, 1 << 21]).Number(2, 1).Text(8, "w")
                .Bytes(9, [0])).Node("Relu", "x", "y"), "'w'");
        yield return Case(
            "a tensor of a negative dimension",
            Model().Tensor(new ProtoWriter().Numbers(1, [-1]).Number(2, 1).Text(8, "w")).Node("Relu", "x", "y"), "'w'");
        yield return Case(
            "a tensor that is not filled",
            Model().Tensor(new ProtoWriter().Numbers(1, [1000]).Number(2, 1).Text(8, "w").Bytes(9, new byte[12]))
                .Node("Relu", "x", "y"), "3 elements");
        yield return Case("a padding that fills the memory",
            Model().Longs("pads", 0, int.MaxValue).Node("Pad", "x pads", "y"), "'the Pad'");
        yield return Case("a repetition that fills the memory",
            Model().Longs("times", long.MaxValue).Node("Tile", "x times", "y"), "'the Tile'");
        yield return Case(
            "a function that calls itself",
            Model().Function("Own", "a", "b", ModelMaker.NodeOf("Own", "a", "b").Text(7, "own"))
                .Node(ModelMaker.NodeOf("Own", "x", "y").Text(7, "own")),
            "deeper");
        yield return Case(
            "functions that make many nodes of few",
            Enumerable.Range(0, 20).Aggregate(
                Model().Function("F20", "a", "b", ModelMaker.NodeOf("Relu", "a", "b")),
                (model, i) => model.Function(
                    $"F{i}", "a", "c", ModelMaker.NodeOf($"F{i + 1}", "a", "b")
                        .Text(7, "own"), ModelMaker.NodeOf($"F{i + 1}", "b", "c").Text(7, "own")))
                .Node(ModelMaker.NodeOf("F0", "x", "y").Text(7, "own")),
            "nodes");
        yield return Case("a window that fills the memory",
            Model().Longs("size", int.MaxValue).Node("HannWindow", "size", "y"), "'the HannWindow'");
        yield return Case(
            "a loop without end",
            Model().Node(
                ModelMaker.NodeOf("Loop", "- - x", "y").Message(5, ModelMaker.GraphSetting("body", new ModelMaker()
                    .Input("i", OnnxType.Int64).Input("c", OnnxType.Bool).Input("a", OnnxType.Float, 2)
                    .Node("Identity", "c", "d").Node("Relu", "a", "b").Output("d", OnnxType.Bool)
                    .Output("b", OnnxType.Float, 2).Graph()))),
            "'the Loop'");

        yield return Case("coefficients that do not fill a row for each label", Classifier(11, 3),
            "11 coefficients for 3 labels of 4 columns each, which need 12");
        yield return Case("coefficients for fewer columns", Classifier(9, 3), "9 coefficients for 3 labels of 4");
        yield return Case("no coefficients", Classifier(0, 3), "0 coefficients for 3 labels of 4 columns");
        yield return Case("intercepts for fewer labels", Classifier(12, 2), "2 intercepts for 3 labels");
        yield return Case("decision trees",
            Model().Node(ModelMaker.NodeOf("TreeEnsembleClassifier", "x", "y").Text(7, "ai.onnx.ml")),
            "ai.onnx.ml:TreeEnsembleClassifier", "decision trees and support vectors are no networks");

        static ModelMaker Classifier(int coefficients, int intercepts) => new ModelMaker()
            .Input("x", OnnxType.Float, "n", 4).Output("y", OnnxType.Float, "n", 3)
            .Node(ModelMaker.NodeOf("LinearClassifier", "x", "label y", ("classlabels_ints", (long[])[0, 1, 2]))
                .Message(5, ModelMaker.FloatsSetting("coefficients", new float[coefficients]))
                .Message(5, ModelMaker.FloatsSetting("intercepts", new float[intercepts])).Text(7, "ai.onnx.ml"));

        static ModelMaker Model() => new ModelMaker().Input("x", OnnxType.Float, 2).Output("y", OnnxType.Float, 2);

        static TestCaseData Case(string name, ModelMaker model, params string[] says) =>
            new TestCaseData(model.Bytes(), says).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Bad))]
    public void It_is_refused(byte[] model, string[] says)
    {
        using ModelBytes bytes = ModelBytes.Of(model, "bad.onnx");
        ModelFileException error = Assert.Throws<ModelFileException>(() => OnnxModel.Of(bytes, null).Dispose())!;
        foreach (string text in says.Append("bad.onnx"))
        {
            Assert.That(error.Message, Does.Contain(text));
        }
    }

    [Test]
    public void Graphs_nested_10000_deep_are_refused()
    {
        byte[] inner = [];
        for (int depth = 0; depth < 10_000; depth++)
        {
            // A graph in an attribute of a node of a graph.
            inner = [.. new ProtoWriter().Bytes(
                1, new ProtoWriter().Bytes(5, new ProtoWriter().Bytes(6, inner).Written).Written).Written];
            if (inner.Length > 1 << 20)
            {
                break;
            }
        }

        using ModelBytes bytes = ModelBytes.Of([.. new ProtoWriter().Bytes(7, inner).Written], "deep.onnx");
        Assert.That(
            () => OnnxModel.Of(bytes, null), Throws.TypeOf<ModelFileException>().With.Message.Contains("nested"));
    }

    [TestCase("../weights.bin")]
    [TestCase("below/../../weights.bin")]
    [TestCase("/etc/hostname")]
    [TestCase("C:\\weights.bin")]
    [TestCase("..\\weights.bin")]
    [TestCase("")]
    [TestCase("link.bin")]
    [TestCase("linked/weights.bin")]
    [TestCase("missing.bin")]
    public void Weights_in_a_file_that_is_not_the_models_are_not_read(string location)
    {
        using var folder = new TempFolder();
        string own = Directory.CreateDirectory(folder.File("own")).FullName, outside = folder.File("weights.bin");
        File.WriteAllBytes(outside, new byte[8]);
        File.CreateSymbolicLink(Path.Combine(own, "link.bin"), outside);
        Directory.CreateSymbolicLink(Path.Combine(own, "linked"), folder.Path);

        Assert.That(
            () => External(location).Load(own), Throws.TypeOf<ModelFileException>().With.Message.Contains("'w'"));
    }

    [TestCase("weights.bin")]
    [TestCase("below/weights.bin")]
    public void Weights_in_a_file_of_the_models_folder_are_read(string location)
    {
        using var folder = new TempFolder();
        string path = folder.File(location);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(
            path, [.. BitConverter.GetBytes(9f), .. BitConverter.GetBytes(3f), .. BitConverter.GetBytes(4f)]);
        using OnnxModel model = External(location, ("offset", "4"), ("length", "8")).Load(folder.Path);

        Assert.That(model.Run(Tensor.From([1f, 1]))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 4, 5 }));
    }

    private static ModelMaker External(string location, params (string Key, string Value)[] more)
    {
        ProtoWriter tensor = new ProtoWriter().Numbers(1, [2]).Number(2, 1).Text(8, "w").Number(14, 1);
        foreach ((string key, string value) in more.Prepend(("location", location)))
        {
            tensor.Message(13, new ProtoWriter().Text(1, key).Text(2, value));
        }

        return new ModelMaker().Input("x", OnnxType.Float, 2).Output("y", OnnxType.Float, 2).Tensor(tensor)
            .Node("Add", "x w", "y");
    }
}
