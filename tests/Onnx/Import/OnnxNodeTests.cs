using Engine.IO;
using Engine.Onnx;

namespace Engine.Tests.Onnx;

/// <summary>
/// Nodes of types and forms that ONNX's own tests do not have, with the results of NumPy, PyTorch and scikit-learn.
/// </summary>
public class OnnxNodeTests
{
    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("a product of int32 wraps", Model().Node("MatMul", "a b", "y"), [7, 10, -2147483646, 2],
            Tensor.From([1, 2, int.MaxValue, 1], 2, 2), Tensor.From([1, 2, 3, 4], 2, 2));
        yield return Case("a product of int64 wraps", Model().Node("MatMul", "a b", "y"), [long.MinValue + 1],
            Tensor.From([long.MaxValue, 2]), Tensor.From([1L, 1]));
        yield return Case("a vector times matrices", Model().Node("MatMul", "a b", "y"), [5, 8, 17, 20],
            Tensor.From([1, 2]), Tensor.From([1, 2, 2, 3, 5, 6, 6, 7], 2, 2, 2));
        yield return Case("Gemm of int32", Model().Node("Gemm", "a b c", "y", ("transB", 1)), [15, 31],
            Tensor.From([1, 2], 1, 2), Tensor.From([1, 2, 3, 4], 2, 2), Tensor.From([10, 20]));
        yield return Case(
            "a mean of int32 is rounded toward zero", Model().Node("ReduceMean", "a", "y"), [-2], Tensor.From([-7, 2]));
        yield return Case(
            "a norm of int64 is rounded toward zero", Model().Node("ReduceL2", "a", "y"), [4], Tensor.From([3L, -3]));
        yield return Case(
            "a logarithm of a sum of int32", Model().Node("ReduceLogSum", "a", "y"), [2], Tensor.From([10, 9]));
        yield return Case(
            "the largest of int32 scattered", Model().Node("ScatterND", "a b c", "y", ("reduction", "max")), [5, -1, 9],
            Tensor.From([5, -7, 9]), Tensor.From([0L, 1, 1], 3, 1), Tensor.From([4, -3, -1]));
        yield return Case("the smallest of int64 scattered",
            Model().Node("ScatterElements", "a b c", "y", ("reduction", "min")), [4, -7, 9],
            Tensor.From([5L, -7, 9]), Tensor.From([0L, 1, 1]), Tensor.From([4L, -3, -1]));

        // h becomes relu(x + h); the second sequence has one step.
        yield return Case("a sequence of its length, backwards", Recurrent("reverse"), [3, 3, 2, 0, 0, 0], Sequences);
        yield return Case(
            "sequences of their lengths, both ways", Recurrent("bidirectional"), [1, 3, 3, 3, 3, 0, 2, 0, 0, 0, 0, 0],
            Sequences);

        yield return Case("scales are divided by in float32", Model().Floats("s", [0.6f], 1).Node(
            "Resize", "a - s", "y", ("axes", (long[])[0]), ("mode", "nearest"), ("nearest_mode", "floor"),
            ("coordinate_transformation_mode", "asymmetric")), [0, 1, 3, 5, 6, 8],
            Tensor.From([.. Enumerable.Range(0, 10).Select(i => (float)i)]));
        yield return Case("corners are aligned as PyTorch does", Model(producer: "pytorch").Floats("s", [0.6f], 1).Node(
            "Resize", "a - s", "y", ("axes", (long[])[0]), ("mode", "linear"),
            ("coordinate_transformation_mode", "align_corners")),
            [0, 3], Tensor.From([0f, 1, 2, 3]));
        yield return Case("maxima go back to their places", Model().Longs("o", 1, 1, 3, 5).Node(
            "MaxUnpool", "a b o", "y", ("kernel_shape", (long[])[2, 2]), ("strides", (long[])[2, 2])),
            [0, 0, 0, 0, 0, 0, 5, 0, 6, 0, 0, 0, 0, 0, 0], Tensor.From([5f, 6], 1, 1, 1, 2),
            Tensor.From([5L, 7], 1, 1, 1, 2));

        yield return Case("chosen features", Model().Node(Learned("ArrayFeatureExtractor", "a b")), [3, 1, 6, 4],
            Tensor.From([1f, 2, 3, 4, 5, 6], 2, 3), Tensor.From([2L, 0]));
        yield return Case("numbers for labels", Model().Node(Learned(
            "LabelEncoder", "a", ("keys_int64s", (long[])[3, 1]), ("values_int64s", (long[])[30, 10]))), [10, -1, 30],
            Tensor.From([1L, 2, 3]));
        yield return Case(
            "a one for each category", Model().Node(Learned("OneHotEncoder", "a", ("cats_int64s", (long[])[3, 1]))),
            [0, 1, 0, 0, 1, 0], Tensor.From([1L, 2, 3]));
        yield return Case("numbers above a threshold", Model().Node(Learned("Binarizer", "a")), [0, 1, 0],
            Tensor.From([0f, 0.5f, -1]));
        yield return Case("missing numbers",
            Model().Node(Learned("Imputer", "a").Message(5, ModelMaker.FloatsSetting("imputed_value_floats", 7, 8))),
            [7, 2, 3, 8], Tensor.From([0f, 2, 3, 0], 2, 2));
        yield return Case("features of two", Model().Node(Learned("FeatureVectorizer", "a b")), [1, 2, 5, 3, 4, 6],
            Tensor.From([1f, 2, 3, 4], 2, 2), Tensor.From([5f, 6], 2, 1));
        yield return Case("scaled features", Model().Node(Learned("Scaler", "a")
            .Message(5, ModelMaker.FloatsSetting("offset", 1, 2))
            .Message(5, ModelMaker.FloatsSetting("scale", 0.5f, 2))), [0, 0, 1, 4],
            Tensor.From([1f, 2, 3, 4], 2, 2));
    }

    private static Tensor Sequences => Tensor.From([1f, 3, 2, 9, 9, 9], 3, 2, 1);

    [TestCaseSource(nameof(Cases))]
    public void A_node_gives(byte[] node, double[] expected, Tensor[] given)
    {
        using var bytes = ModelBytes.Of(node, "node.onnx");
        using OnnxModel model = OnnxModel.Of(bytes, null);
        Assert.That(NdArray.From(model.Run(given)[0]).Data, Is.EqualTo(expected).Within(1e-6));
    }

    /// <summary>
    /// scikit-learn's MLPClassifier of iris as skl2onnx writes it, with predict_proba's and predict's results.
    /// </summary>
    [Test]
    public void A_classifier_of_scikit_learn_predicts_as_there()
    {
        float[] x = [5.1f, 3.5f, 1.4f, 0.2f, 5f, 2f, 3.5f, 1f, 6.9f, 3.2f, 5.7f, 2.3f, 6.3f, 2.8f, 5.1f, 1.5f];
        using OnnxModel model = new ModelMaker().OpSet(15).Input("x", OnnxType.Float, "rows", 4)
            .Output("label", OnnxType.Int64, "rows").Untyped("probabilities")
            .Floats(
                "w0", [0.08665f, -0.6959f, 0.1604f, -0.71f, -0.7925f, -0.4902f, 1.753f, 0.9418f, 1.181f, 1.7f, 2.455f,
                    0.8881f], 4, 3)
            .Floats("b0", [0.2798f, -0.3473f, -0.7336f], 1, 3)
            .Floats("w1", [-1.752f, -0.05078f, 1.819f, -0.04345f, -1.945f, 1.949f, -1.133f, 0.1303f, 1.054f], 3, 3)
            .Floats("b1", [17.79f, 7.392f, -24.47f], 1, 3).Longs("classes", 0, 1, 2).Longs("flat", -1)
            .Node("Cast", "x", "cast", ("to", 1)).Node("MatMul", "cast w0", "product0")
            .Node("Add", "product0 b0", "sum0")
            .Node("Relu", "sum0", "hidden").Node("MatMul", "hidden w1", "product1").Node("Add", "product1 b1", "sum1")
            .Node("Softmax", "sum1", "shares", ("axis", -1)).Node("ArgMax", "shares", "index", ("axis", 1))
            .Node(ModelMaker.NodeOf("ArrayFeatureExtractor", "classes index", "chosen").Text(7, "ai.onnx.ml"))
            .Node("Cast", "chosen", "number", ("to", 1)).Node("Reshape", "number flat", "numbers")
            .Node("Cast", "numbers", "label", ("to", 7))
            .Node(ModelMaker.NodeOf("ZipMap", "shares", "probabilities", ("classlabels_int64s", (long[])[0, 1, 2]))
            .Text(7, "ai.onnx.ml")).Load();
        Tensor[] outputs = model.Run(Tensor.From(x, 4, 4));

        Assert.That(outputs[0].AsSpan<long>().ToArray(), Is.EqualTo(new long[] { 0, 1, 2, 1 }));
        Assert.That(NdArray.From(outputs[1]).Data, Is.EqualTo(
            new[] { 0.999773, 0.000227, 0, 0.001879, 0.99812, 1e-6, 0, 1e-5, 0.99999, 4e-6, 0.688003, 0.311993 })
                .Within(2e-6));
    }

    private static ModelMaker Model(string producer = "maker") => new ModelMaker { Producer = producer }.OpSet(18);

    private static ProtoWriter Learned(string op, string inputs, params OnnxAttribute[] settings) =>
        ModelMaker.NodeOf(op, inputs, "y", settings).Text(7, "ai.onnx.ml");

    private static ModelMaker Recurrent(string direction)
    {
        int directions = direction == "bidirectional" ? 2 : 1;
        float[] ones = [.. Enumerable.Repeat(1f, directions)];
        return Model().Floats("w", ones, directions, 1, 1).Floats("r", ones, directions, 1, 1)
            .Tensor(new ProtoWriter().Numbers(1, [2]).Number(2, (int)OnnxType.Int32).Text(8, "lengths")
            .Bytes(9, [2, 0, 0, 0, 1, 0, 0, 0]))
            .Node(
                "RNN", "a w r - lengths", "y", ("hidden_size", 1), ("direction", direction),
                ("activations", [.. Enumerable.Repeat("Relu", directions)]));
    }

    /// <summary>A model from inputs a, b, … to y.</summary>
    private static TestCaseData Case(string name, ModelMaker maker, double[] expected, params Tensor[] given)
    {
        foreach ((Tensor value, int i) in given.Select((value, i) => (value, i)))
        {
            maker.Input($"{(char)('a' + i)}", OnnxTypes.Of(value.DType), [.. value.Shape.Cast<object>()]);
        }

        return new TestCaseData(maker.Untyped("y").Bytes(), expected, given).SetArgDisplayNames(name);
    }
}
