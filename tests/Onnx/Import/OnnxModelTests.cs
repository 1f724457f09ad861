using Engine.Compile;
using Engine.Graph;
using Engine.Onnx;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Onnx;

/// <summary>The contents that are read from an ONNX model, and its uses.</summary>
public class OnnxModelTests
{
    private static ModelMaker Affine() => new ModelMaker()
        .Input("x", OnnxType.Float, "batch", 2).Output("y", OnnxType.Float, "batch", 2)
        .Floats("w", [1, 2, 3, 4], 2, 2).Floats("b", [10, 20], 2)
        .Node("MatMul", "x w", "product").Node("Add", "product b", "y");

    [Test]
    public void Names_and_dimensions_are_those_of_the_file()
    {
        using OnnxModel model = Affine().Load();

        Assert.That(model.Inputs.Select(port => port.ToString()), Is.EqualTo(new[] { "x float (batch, 2)" }));
        Assert.That(model.Outputs.Select(port => port.Name), Is.EqualTo(new[] { "y" }));
        Assert.That(model.Parameters.Select(weight => weight.Name), Is.EquivalentTo(new[] { "w", "b" }));
        Assert.That(model.Producer, Is.EqualTo("maker 7"));
        Assert.That(model.OpSet, Is.EqualTo(17));
    }

    [TestCase(1)]
    [TestCase(3)]
    public void An_open_dimension_may_be_any(int rows)
    {
        using OnnxModel model = Affine().Load();
        Tensor y = model.Run(new Tensor(DType.Float32, [rows, 2]))[0];

        Assert.That(y.Shape, Is.EqualTo(Shape.Create(rows, 2)));
        Assert.That(y.AsSpan<float>()[..2].ToArray(), Is.EqualTo(new float[] { 10, 20 }));
    }

    [Test]
    public void Weights_are_shared_variables_that_can_be_trained()
    {
        using OnnxModel model = Affine().Load();
        Input x = Matrix("x");
        Variable y = model.Build(new Dictionary<string, Variable> { ["x"] = x })[0];
        SharedVariable b = model.Parameters.Single(weight => weight.Name == "b");
        using var step = Function.Compile([x], [y], updates: [new Update(b, b - Grad(Sum(y), b))]);
        step.Call(Tensor.From([1f, 1, 1, 1], 2, 2));

        Assert.That(
            b.GetValue().AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 8, 18 }), "less 1 for each of two rows");
        Assert.That(
            model.Run(Tensor.From(new float[2], 1, 2))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 8, 18 }));
    }

    /// <summary>The number became a broadcast with a scattered part, and each index two more conversions.</summary>
    [Test]
    public void Padding_with_a_number_and_indices_are_exported_as_the_same_nodes_again()
    {
        using var folder = new TempFolder();
        using OnnxModel model = new ModelMaker().Input("x", OnnxType.Float, "batch", 3).Longs("pads", 0, 1, 0, 1)
            .Floats("seven", [7]).Node("Pad", "x pads seven", "wide").Node("ArgMax", "wide", "best", ("axis", 1L))
            .Output("best", OnnxType.Int64, "batch", 1).Load();
        using OnnxModel first = Again(model), second = Again(first);

        string[] ops = [.. first.File.Graph.Nodes.Select(node => node.Op)];
        long[] best = [.. second.Run(Tensor.From([1f, 9, 3, 8, 2, 1], 2, 3))[0].AsSpan<long>()];
        Assert.That(ops, Does.Contain("Pad").And.Not.Contain("Expand"));
        Assert.That(second.File.Graph.Nodes.Select(node => node.Op), Is.EqualTo(ops));
        Assert.That(best, Is.EqualTo(new[] { 2L, 1 }));

        OnnxModel Again(OnnxModel read)
        {
            var x = new Input(new TensorType(DType.Float32, read.Inputs[0].Shape), "x");
            OnnxExport.Save(
                folder.File("again.onnx"), [x],
                KeyValuePair.Create("best", read.Build(new Dictionary<string, Variable> { ["x"] = x })[0]));
            return OnnxModel.Load(folder.File("again.onnx"));
        }
    }

    [Test]
    public void A_shape_put_together_of_dimensions_leaves_the_batch_open()
    {
        // PyTorch's export of x.view(x.size(0), -1).
        using OnnxModel model = new ModelMaker()
            .Input("x", OnnxType.Float, "batch", 2, 3).Output("y", OnnxType.Float, "batch", 6)
            .Longs("zero", 0).Longs("open", -1)
            .Node("Shape", "x", "shape").Node("Gather", "shape zero", "rows", ("axis", 0))
            .Node("Concat", "rows open", "to", ("axis", 0)).Node("Reshape", "x to", "y").Load();

        Assert.That(model.Run(new Tensor(DType.Float32, [5, 2, 3]))[0].Shape, Is.EqualTo(Shape.Create(5, 6)));
        Assert.That(model.Run(new Tensor(DType.Float32, [1, 2, 3]))[0].Shape, Is.EqualTo(Shape.Create(1, 6)));
    }

    [Test]
    public void An_input_that_is_a_shape_has_a_graph_made_for_each_of_its_values()
    {
        using OnnxModel model = new ModelMaker()
            .Input("x", OnnxType.Float, 6).Input("to", OnnxType.Int64, 2).Output("y", OnnxType.Float, "a", "b")
            .Node("Reshape", "x to", "y").Load();

        Assert.That(model.Inputs[1].DecidesShapes, Is.True);
        Assert.That(Shaped(2, 3), Is.EqualTo(Shape.Create(2, 3)));
        Assert.That(Shaped(-1, 1), Is.EqualTo(Shape.Create(6, 1)));

        Shape Shaped(long rows, long columns) => model.Run(
            new Tensor(DType.Float32, [6]),
            new OnnxTensor("to", OnnxType.Int64, [2]) { Whole = [rows, columns] }.ToTensor())[0].Shape;
    }

    [Test]
    public void A_condition_that_a_call_decides_chooses_between_graphs()
    {
        ProtoWriter Branch(string op) => new ModelMaker()
            .Node(op, "x x", "result").Output("result", OnnxType.Float, 2).Graph();
        ProtoWriter node = ModelMaker.NodeOf("If", "which", "y")
            .Message(5, ModelMaker.GraphSetting("then_branch", Branch("Add")))
            .Message(5, ModelMaker.GraphSetting("else_branch", Branch("Mul")));
        using OnnxModel model = new ModelMaker()
            .Input("x", OnnxType.Float, 2).Input("which", OnnxType.Bool).Output("y", OnnxType.Float, 2).Node(node)
            .Load();
        Tensor x = Tensor.From([3f, 4]);
        DType truth = model.Inputs[1].DType;

        Assert.That(
            model.Run(x, Tensor.Scalar(1).Cast(truth))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 6, 8 }));
        Assert.That(
            model.Run(x, Tensor.Scalar(0).Cast(truth))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 9, 16 }));
    }

    [Test]
    public void A_loop_of_many_steps_is_a_loop()
    {
        ProtoWriter body = new ModelMaker()
            .Input("step", OnnxType.Int64).Input("goes", OnnxType.Bool).Input("before", OnnxType.Float, 2)
            .Node("Identity", "goes", "on").Node("Add", "before x", "after")
            .Output("on", OnnxType.Bool).Output("after", OnnxType.Float, 2).Graph();
        using OnnxModel model = new ModelMaker()
            .Input("x", OnnxType.Float, 2).Output("y", OnnxType.Float, 2).Longs("steps", 1000)
            .Floats("begin", [0, 1], 2)
            .Node(ModelMaker.NodeOf("Loop", "steps - begin", "y").Message(5, ModelMaker.GraphSetting("body", body)))
            .Load();

        Assert.That(
            model.Run(Tensor.From([1f, 2]))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1000, 2001 }));
    }

    [Test]
    public void A_function_of_the_models_own_is_what_its_nodes_are()
    {
        using OnnxModel model = new ModelMaker()
            .Input("x", OnnxType.Float, 2).Output("y", OnnxType.Float, 2)
            .Function("Cubed", "a", "c", ModelMaker.NodeOf("Mul", "a a", "b"), ModelMaker.NodeOf("Mul", "a b", "c"))
            .Node(ModelMaker.NodeOf("Cubed", "x", "y").Text(7, "own")).Load();

        Assert.That(model.Run(Tensor.From([2f, -3]))[0].AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 8, -27 }));
    }

    private static IEnumerable<TestCaseData> Rare()
    {
        yield return Case(
            "a function's optional input that a call leaves out",
            Model(3).Floats("most", [0.5f])
                .Function("Bounded", "a low high", "b", ModelMaker.NodeOf("Clip", "a low high", "b"))
                .Node(ModelMaker.NodeOf("Bounded", "x - most", "y").Text(7, "own")),
            [-9, 0.25f, 9], [-9, 0.25f, 0.5f]);
        yield return Case(
            "an input that a function's call ends before",
            Model(3).Floats("least", [0.5f])
                .Function("Bounded", "a low high", "b", ModelMaker.NodeOf("Clip", "a low high", "b"))
                .Node(ModelMaker.NodeOf("Bounded", "x least", "y").Text(7, "own")),
            [-9, 0.25f, 9], [0.5f, 0.5f, 9]);
        yield return Case(
            "a remainder with the dividend's sign as a shape: -7 fmod 3 is -1",
            Model(4).Longs("a", -7).Longs("b", 3).Longs("c", 5).Node("Mod", "a b", "rest", ("fmod", 1))
                .Node("Add", "rest c", "to")
                .Node("Reshape", "x to", "y"),
            [1, 2, 3, 4], [1, 2, 3, 4]);
        yield return Case(
            "a loop of no steps that stacks rows",
            Model(2).Longs("none", 0).Node(ModelMaker.NodeOf("Loop", "none - x", "last rows")
                .Message(5, ModelMaker.GraphSetting("body", new ModelMaker()
                .Input("step", OnnxType.Int64).Input("goes", OnnxType.Bool).Input("before", OnnxType.Float, 2)
                .Node("Identity", "goes", "on").Node("Add", "before before", "after").Node("Mul", "after after", "row")
                .Output("on", OnnxType.Bool).Output("after", OnnxType.Float, 2).Output("row", OnnxType.Float, 2)
                .Graph())))
                .Node("Concat", "rows whole", "all", ("axis", 0)).Floats("whole", [7, 8], 1, 2).Longs("flat", -1)
                .Node("Reshape", "all flat", "y"),
            [1, 2], [7, 8]);
        yield return Case(
            "a zero point for each column of an integer product",
            Model(2).Tensor(Levels("w", OnnxType.UInt8, [1, 2, 3, 4, 5, 6], 2, 3))
                .Tensor(Levels("zeros", OnnxType.UInt8, [0, 1, 2], 3))
                .Longs("row", 1, 2).Node("Cast", "x", "levels", ("to", (int)OnnxType.UInt8))
                .Node("Reshape", "levels row", "a")
                .Node("MatMulInteger", "a w - zeros", "sums").Node("Cast", "sums", "y", ("to", 1)),
            [1, 10], [1 + 40, 1 + 40, 1 + 40]);
        yield return Case(
            "a scale and a zero point for each column of a quantized product",
            Model(2).Tensor(Levels("w", OnnxType.UInt8, [1, 2, 3, 4], 2, 2))
                .Tensor(Levels("zeros", OnnxType.UInt8, [0, 1], 2))
                .Tensor(Levels("zero", OnnxType.UInt8, [0])).Floats("scales", [1, 0.5f], 2).Floats("one", [1])
                .Longs("row", 1, 2).Node("Cast", "x", "levels", ("to", (int)OnnxType.UInt8))
                .Node("Reshape", "levels row", "a")
                .Node("QLinearMatMul", "a one zero w scales zeros one zero", "sums")
                .Node("Cast", "sums", "y", ("to", 1)),
            [2, 10], [2 + 30, (2 + 30) / 2]);
        yield return Case(
            "weights of float16",
            Model(2).Tensor(Levels("w", OnnxType.Float16, [0x00, 0x3C, 0x00, 0xC1], 2))
                .Node("Cast", "w", "v", ("to", 1)).Node("Mul", "x v", "y"),
            [3, 4], [3, -10]);
        yield return Case(
            "weights of bfloat16",
            Model(2).Tensor(Levels("w", OnnxType.BFloat16, [0x80, 0x3F, 0x20, 0xC0], 2)).Node("CastLike", "w x", "v")
                .Node("Mul", "x v", "y"),
            [3, 4], [3, -10]);
        yield return Case(
            "the scale of zeros, which is 1 in ONNX Runtime", Model(2)
                .Node("DynamicQuantizeLinear", "x", "levels y zero"), [0, 0], [1]);

        static ModelMaker Model(int count) => new ModelMaker().OpSet(17).Input("x", OnnxType.Float, count).Untyped("y");

        static ProtoWriter Levels(string name, OnnxType type, byte[] bytes, params long[] dimensions) =>
            new ProtoWriter().Numbers(1, dimensions).Number(2, (int)type).Text(8, name).Bytes(9, bytes);

        static TestCaseData Case(string name, ModelMaker model, float[] x, float[] y) =>
            new(model, x, y) { TestName = $"What_is_rare_counts({name})" };
    }

    [TestCaseSource(nameof(Rare))]
    public void What_is_rare_counts(object maker, float[] x, float[] y)
    {
        using OnnxModel model = ((ModelMaker)maker).Load();

        Assert.That(model.Run(Tensor.From(x))[0].Cast(DType.Float32).AsSpan<float>().ToArray(), Is.EqualTo(y));
    }

    [Test]
    public void Levels_of_eight_bits_are_what_they_stand_for()
    {
        using OnnxModel model = new ModelMaker()
            .Input("x", OnnxType.Float, 4).Output("y", OnnxType.Float, 4).Floats("scale", [0.5f])
            .Tensor(new ProtoWriter().Number(2, (int)OnnxType.Int8).Text(8, "zero").Bytes(9, [0xFE]))
            .Node("QuantizeLinear", "x scale zero", "levels").Node("DequantizeLinear", "levels scale zero", "y").Load();

        // -2 is level 0: 0.3 is nearest to level -1; 1000 is above the largest, 127.
        Assert.That(
            model.Run(Tensor.From([0f, 0.3f, 1000, -1000]))[0].AsSpan<float>().ToArray(),
            Is.EqualTo(new float[] { 0, 0.5f, 64.5f, -63 }));
    }

    [Test]
    public void A_result_within_can_be_asked_for()
    {
        using OnnxModel model = Affine().Load();
        Input x = Matrix("x");
        Variable product = model.Build(new Dictionary<string, Variable> { ["x"] = x }, "product")[0];

        Assert.That(
            product.Eval((x, Tensor.From([1f, 0], 1, 2))).AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 2 }));
    }

    [Test]
    public void Weights_are_in_memory_once()
    {
        const int Dimension = 1024;
        using var folder = new TempFolder();
        var maker = new ModelMaker().Input("h0", OnnxType.Float, 1, Dimension)
            .Output("h4", OnnxType.Float, 1, Dimension);
        for (int i = 0; i < 4; i++)
        {
            maker.Floats($"w{i}", new float[Dimension * Dimension], Dimension, Dimension)
                .Node("MatMul", $"h{i} w{i}", $"h{i + 1}");
        }

        byte[] file = maker.Bytes();
        File.WriteAllBytes(folder.File("large.onnx"), file);
        OnnxModel.Load(folder.File("large.onnx")).Dispose();
        long before = GC.GetAllocatedBytesForCurrentThread();
        using OnnxModel model = OnnxModel.Load(folder.File("large.onnx"));

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1.1 * file.Length));
        Assert.That(model.Parameters, Has.Count.EqualTo(4));
    }
}
