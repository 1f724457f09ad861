using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Inspection;
using Engine.IO;
using Engine.Layers;
using Engine.Models.Description;
using Engine.Onnx;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Onnx;
using Engine.Training;
using Input = Engine.Layers.Input;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Layers;

/// <summary>Every layer passes the same tests: shapes, gradients, files, ONNX Runtime, network files, tables.</summary>
public class LayerTests
{
    private const int Samples = 3;

    /// <summary>The kinds whose gradient is a loop that ONNX does not have.</summary>
    private static readonly string[] Loops = ["Recurrent", "Lstm", "Gru", "Recurrence", "Stacked", "Bidirectional"];

    private static IReadOnlyList<LayerCase> Cases => LayerCase.All;

    /// <summary>
    /// The cases that together use most ops, because each kernel is compiled; all cases if ENGINE_ALL_LAYERS is set.
    /// </summary>
    private static IEnumerable<LayerCase> DealtCases =>
        Environment.GetEnvironmentVariable("ENGINE_ALL_LAYERS") is { Length: > 0 }
            ? Cases
            : Cases.Where(
                each => each.Name is "residual, shortcut" or "group_norm" or "pad" or "transformer, as at first"
                    or "lstm, last, masked");

    [Test]
    public void Every_layer_is_in_the_table() => Assert.That(
        Cases.Select(each => each.Make().GetType()),
        Is.SupersetOf(typeof(Layer).Assembly.GetExportedTypes()
            .Where(type => type.IsSubclassOf(typeof(Layer)) && !type.IsAbstract && type != typeof(Input))));

    [Test]
    public void Every_kind_of_network_files_is_in_the_table() => Assert.That(
        Cases.Where(each => each.File is not null).Select(each => Described(each).Layers[^1].Kind.Name),
        Is.SupersetOf(LayerKind.BuiltIn.Select(kind => kind.Name).Where(name => name != "input")));

    [TestCaseSource(nameof(Cases))]
    public void Its_output_and_its_parameters_have_their_shapes(LayerCase each)
    {
        using Network network = Make(each, DType.Float32);

        Assert.That(string.Join('x', network.Output.Shape.Skip(1)), Is.EqualTo(each.Output));
        Assert.That(
            string.Join(", ", network.Parameters.Select(parameter =>
                $"{parameter.Name["it.".Length..]} {string.Join('x', parameter.Variable.Shape)}")),
            Is.EqualTo(each.Parameters));
    }

    [TestCaseSource(nameof(Cases))]
    public void Its_gradient_is_that_of_differences(LayerCase each)
    {
        using Network network = Make(each, DType.Float64);
        SharedVariable[] parameters = [.. network.Parameters.Select(parameter => parameter.Variable)];
        Tensor[] samples = Drawn(network, DType.Float64);

        Symbolic.VerifyGrad(
            given => Traversal.Replace(
                [network.GetOutputs([.. given.Take(samples.Length)]).Output],
                parameters.Zip(given.Skip(samples.Length)).ToDictionary(
                    pair => (Variable)pair.First, pair => pair.Second))[0],
            [.. samples, .. parameters.Select(parameter => parameter.GetValue())]);
    }

    [TestCaseSource(nameof(Cases))]
    public void It_trains_and_is_the_same_from_a_file_and_in_ONNX_Runtime(LayerCase each)
    {
        using var folder = new TempFolder();
        using NeuralNet net = Net(1), other = Net(2);
        net.Initialize();
        Tensor[] xs = Drawn(net.Network, DType.Float32);
        var x = Tensors.Of([.. net.Network.Inputs.Select(input => input.Name!)], xs);
        net.PartialFit(x, new Tensor(DType.Float32, net.Network.Output.Shape.With(0, Samples)));
        Parameters.Save(folder.File("a.safetensors"), net.GetParameters());
        net.ExportOnnx(folder.File("a.onnx"));
        other.LoadParameters(folder.File("a.safetensors"));

        NdArray expected = NdArray.From(net.PredictProba(x));
        Assert.That(net.TrainHistory[0].TrainLoss, Is.Positive);
        Assert.That(NdArray.From(other.PredictProba(x)).Data, Is.EqualTo(expected.Data));
        OnnxRun.AssertSame(
            expected,
            OnnxRun.Run(folder.File("a.onnx"), net.Network.Inputs.Zip(xs, (input, one) => (input.Name!, one))));
        IReadOnlyList<LayerInfo> table = LayerTable.Of(net).Layers;
        Assert.That(table[^1].Kind, Is.EqualTo(each.Make().Kind));
        Assert.That((each.Before is null ? table.TakeLast(1) : table).Sum(info => info.Parameters),
            Is.EqualTo(net.LearnableParameters));

        NeuralNet Net(ulong seed) => new(Make(each, DType.Float32, seed)) { Regression = true, TrainSplit = new(0) };
    }

    [TestCaseSource(nameof(Cases))]
    public void It_is_read_from_ONNX_and_written_again_as_it_was(LayerCase each)
    {
        using var folder = new TempFolder();
        using var net = new NeuralNet(Make(each, DType.Float32)) { Regression = true };
        net.Initialize();
        Tensor[] xs = Drawn(net.Network, DType.Float32);
        float[] expected =
            [.. net.PredictProba(Tensors.Of([.. net.Network.Inputs.Select(input => input.Name!)], xs)).AsSpan<float>()];
        net.ExportOnnx(folder.File("first.onnx"));
        using OnnxModel first = OnnxModel.Load(folder.File("first.onnx"));
        using OnnxModel second = Again(first, "second.onnx"), third = Again(second, "third.onnx");

        float[] read = [.. first.Run(xs)[0].AsSpan<float>()];
        Assert.That(read, Is.EqualTo(expected).Within(1e-5));
        Assert.That(second.Run(xs)[0].AsSpan<float>().ToArray(), Is.EqualTo(read).Within(1e-6));
        Assert.That(third.Run(xs)[0].AsSpan<float>().ToArray(), Is.EqualTo(read).Within(1e-6));
        Assert.That(Ops(second.File.Graph), Is.EqualTo(Ops(first.File.Graph)));
        Assert.That(
            File.ReadAllBytes(folder.File("third.onnx")), Is.EqualTo(File.ReadAllBytes(folder.File("second.onnx"))));

        OnnxModel Again(OnnxModel model, string name)
        {
            Engine.Graph.Input[] inputs =
                [.. model.Inputs.Select(
                    port => new Engine.Graph.Input(new TensorType(port.DType, port.Shape), port.Name))];
            OnnxExport.Save(
                folder.File(name), inputs,
                KeyValuePair.Create(
                    "y", model.Build(inputs.ToDictionary(input => input.Name!, input => (Variable)input))[0]));
            return OnnxModel.Load(folder.File(name));
        }

        static string Ops(OnnxGraphFile graph) => string.Join(' ', graph.Nodes.Select(node => node.Op).Order()
            .Concat(graph.Nodes.SelectMany(node => node.Settings.Values).Select(setting => setting.Graph)
                .OfType<OnnxGraphFile>().Select(Ops)));
    }

    [TestCaseSource(nameof(Cases))]
    public void Its_inverse_is_the_same_in_ONNX_Runtime_or_is_refused_by_name(LayerCase each)
    {
        if (each.On is not null || each.Inputs.StartsWith('i'))
        {
            Assert.Ignore("It has no gradient with respect to its first input.");
        }

        using var folder = new TempFolder();
        Node[] inputs = [.. each.Inputs.Split(' ')
            .Select((dimensions, i) => (Node)new Input(Dimensions(dimensions)) { Name = $"x{i + 1}" })];
        var given = new Input(Dimensions(each.Output)) { Name = "given" };

        // Layers of noise, which do nothing in use, need another layer before them.
        Node layer = each.Make().On([new Activation(Symbolic.Negate).On(inputs[0]), .. inputs[1..]]).Named("it");
        using var network = new Network(new Inverse { Name = "back" }.On(given, layer, inputs[0]));
        Tensor[] xs = Drawn(network, DType.Float32);
        using var inverted = Function.Compile(network.Inputs, [network.Output]);
        NdArray expected = NdArray.From(inverted.Call(xs)[0]);
        void Export() =>
            OnnxExport.Save(folder.File("a.onnx"), network.Inputs, KeyValuePair.Create("y", network.Output));
        if (Loops.Contains(each.Make().Kind))
        {
            Assert.That(Export, Throws.TypeOf<EngineException>().With.Message
                .Contains("ONNX has no such loop as gradients are").And.Message.Contains("Layer 'it'"));
            return;
        }

        Export();
        using OnnxModel read = OnnxModel.Load(folder.File("a.onnx"));
        OnnxRun.AssertSame(
            expected, OnnxRun.Run(folder.File("a.onnx"), network.Inputs.Zip(xs, (input, one) => (input.Name!, one))));
        OnnxRun.AssertSame(expected, NdArray.From(read.Run(xs)[0]));
        Assert.That(expected.Data.Distinct().Count(), Is.GreaterThan(1));
    }

    [TestCaseSource(nameof(DealtCases))]
    public void A_gpu_trains_it_as_the_cpu_does(LayerCase each)
    {
        Device gpu = CudaTestDevice.Open();
        using var cpu = new CpuDevice(2);

        Assert.That(Trained(gpu), Is.EqualTo(Trained(cpu)).Within(1e-5));

        float[] Trained(Device device)
        {
            using var net =
                new NeuralNet(Make(each, DType.Float32)) { Regression = true, TrainSplit = new(0), Device = device };
            net.Initialize();
            var x = Tensors.Of([.. net.Network.Inputs.Select(input => input.Name!)], Drawn(net.Network, DType.Float32));
            net.PartialFit(x, new Tensor(DType.Float32, net.Network.Output.Shape.With(0, Samples)));
            return [.. net.PredictProba(x).AsSpan<float>(),
                .. net.GetParameters().SelectMany(pair => pair.Value.AsSpan<float>().ToArray())];
        }
    }

    [TestCaseSource(nameof(Cases))]
    public void A_network_file_describes_it(LayerCase each)
    {
        if (each.File is null)
        {
            Assert.Ignore("A network file cannot say it.");
        }

        NetworkDescription described = Described(each);
        using var fromFile =
            new NeuralNet(DescriptionReader.Parse(described.ToJson(), "again.json").MakeOutput()) { Regression = true };
        using var network = new Network(Like(each, described)) { Seed = fromFile.Seed };
        using var byHand = new NeuralNet(network) { Regression = true };
        fromFile.Initialize();
        byHand.Initialize();
        Tensor x = Drawn(network, DType.Float32)[0];

        LayerDescription written = LayerWriter.Describe("it", each.Make()), read = described.Layers[^1];
        Assert.That(written.Kind.Name, Is.EqualTo(read.Kind.Name));
        Assert.That(
            Plains(written), Is.EqualTo(Plains(read)), "made in C#, it is described alike");
        Assert.That(
            fromFile.GetParameters()
                .Select(pair => pair.Key), Is.EqualTo(byHand.GetParameters().Select(pair => pair.Key)));
        Assert.That(NdArray.From(fromFile.Predict(x)).Data, Is.EqualTo(NdArray.From(byHand.Predict(x)).Data));

        // One number stands for both dimensions of a square.
        static object? Plain(object? value) => value switch
        {
            int[] dimensions => string.Join('x', dimensions.Distinct().Count() == 1 ? dimensions[..1] : dimensions),
            LayerDescription[] layers => layers.SelectMany(Plains).ToArray(),
            _ => value,
        };

        static object?[] Plains(LayerDescription layer) =>
            [layer.Kind.Name, .. layer.Kind.Settings.Select(setting => Plain(layer.Settings.Value(setting.Name)))];
    }

    private static Network Make(LayerCase each, DType floatX, ulong seed = 1) => new(Placed(
        each,
        [.. each.Inputs.Split(' ').Select((dimensions, i) => (Node)new Input(Dimensions(dimensions.TrimStart('i')))
        {
            Name = $"x{i + 1}",
            DType = dimensions.StartsWith('i') ? DType.Int32 : null,
        })]))
    {
        FloatX = floatX,
        Seed = seed,
    };

    /// <summary>Adds the layer, with the name <c>it</c>, to its inputs.</summary>
    private static Node Placed(LayerCase each, Node[] inputs)
    {
        Dictionary<string, Node> nodes = inputs.Select((input, i) => (Name: $"x{i + 1}", input))
            .ToDictionary(pair => pair.Name, pair => pair.input);
        if (each.Before is { } before)
        {
            nodes.Add("in", before.Make().On(nodes[before.On]).Named("in"));
        }

        return each.Make().On(each.On is { } on ? [.. on.Split(' ').Select(name => nodes[name])] : inputs).Named("it");
    }

    /// <summary>Returns a description in which one input is split into those of the layer.</summary>
    [Test]
    public void Keys_of_older_files_are_still_read()
    {
        NetworkDescription described = DescriptionReader.Parse(
            """{ "layers": [ { "kind": "input", "sides": [2, 3] }, { "kind": "gaussian_noise", "deviation": 0.25 } ] }""", "old.json");

        Assert.That(described.InputDimensions, Is.EqualTo(new[] { 2, 3 }));
        Assert.That(described.Layers[^1].Settings.Real("std"), Is.EqualTo(0.25));
        Assert.That(described.ToJson(), Does.Contain("\"shape\"").And.Contain("\"std\"").And.Not.Contain("sides"));
    }

    private static NetworkDescription Described(LayerCase each)
    {
        string[] inputs = each.Inputs.Split(' ');
        int[][] dimensions = [.. inputs.Select(one => Dimensions(one.TrimStart('i')))];
        int[] all = [dimensions.Sum(one => one[0]), .. dimensions[0][1..]];
        int start = 0;
        IEnumerable<string> parts = dimensions.Select((one, i) =>
        {
            start += one[0];
            return $$"""
                { "name": "x{{i + 1}}", "kind": "slice", "start": {{start - one[0]}}, "length": {{one[0]}}, "inputs": ["all"] },
                """;
        });
        string before = each.Before is { } layer
            ? $$"""{ "name": "in", {{layer.File}}, "inputs": ["{{layer.On}}"] },"""
            : "";
        string names = string.Join(
            ", ", (each.On?.Split(' ') ?? inputs.Select((_, i) => $"x{i + 1}")).Select(name => $"\"{name}\""));
        string integers = inputs[0].StartsWith('i') ? ", \"integers\": true" : "";
        return DescriptionReader.Parse(
            $$"""
            { "layers": [ { "name": "all", "kind": "input", "shape": [{{string.Join(", ", all)}}]{{integers}} }, {{string.Concat(parts)}}{{before}}
              { "name": "it", {{each.File}}, "inputs": [{{names}}] } ] }
            """,
            "a.json");
    }

    private static Node Like(LayerCase each, NetworkDescription described)
    {
        Input all = new(described.InputDimensions.ToArray())
        {
            Name = "all",
            DType = each.Inputs.StartsWith('i') ? DType.Int32 : null,
        };
        return Placed(
            each, [.. described.Layers.Where(layer => layer.Name!.StartsWith('x'))
                .Select(layer => (Node)new Engine.Layers.Slice(
                layer.Settings.Whole("start"), layer.Settings.Whole("length")) { Name = layer.Name }.On(all))]);
    }

    private static int[] Dimensions(string text) =>
        [.. text.Split('x').Select(dimension => int.Parse(dimension, CultureInfo.InvariantCulture))];

    /// <summary>Returns numbers for each input, far enough apart that no finite difference crosses a kink.</summary>
    private static Tensor[] Drawn(Network network, DType floatX)
    {
        var random = new Random(5);
        return [.. network.Inputs.Select(input =>
        {
            Shape shape = input.Shape.With(0, Samples);
            int[] order = [.. Enumerable.Range(0, (int)shape.Count)];
            random.Shuffle(order);
            return input.DType == DType.Int32
                ? Tensor.From([.. order.Select(number => number % 5)]).Reshape(shape.Dimensions)
                : Tensor.From([.. order.Select(number => ((number + 0.5) / order.Length * 3) - 1.4)])
                    .Reshape(shape.Dimensions)
                    .Cast(floatX);
        })];
    }
}
