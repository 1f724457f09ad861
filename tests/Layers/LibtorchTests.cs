using System.Globalization;
using Engine.Build;
using Engine.Compile;
using Engine.Graph;
using Engine.IO;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Add = Engine.Layers.Add;
using Average = Engine.Layers.Average;
using BatchNorm = Engine.Layers.BatchNorm;
using Concat = Engine.Layers.Concat;
using Conv2D = Engine.Layers.Conv2D;
using Dropout = Engine.Layers.Dropout;
using Flatten = Engine.Layers.Flatten;
using Input = Engine.Layers.Input;
using Maximum = Engine.Layers.Maximum;
using Multiply = Engine.Layers.Multiply;
using Pad = Engine.Layers.Pad;
using Reshape = Engine.Layers.Reshape;
using Scale = Engine.Layers.Scale;
using Slice = Engine.Layers.Slice;
using Symbolic = Engine.Ops.Symbolic;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Layers;

/// <summary>
/// Layers compared with libtorch's: with its weights, in PyTorch's layout, they give its outputs to 1e-5 and its
/// gradients to 1e-4. The values are in libtorch.safetensors, made by bench/peers/layer-values.cs.
/// </summary>
public class LibtorchTests
{
    private static readonly Lazy<SafetensorsFile> s_values = new(() => Safetensors.Load(
        Path.Combine(Repository.Root, "tests", "Layers", "libtorch.safetensors")));

    private static OrderedDictionary<string, Tensor> Values => s_values.Value.Tensors;

    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("dense", () => new Dense(4, Linear));
        yield return Case("conv2d", () => new Conv2D(3, 3, Linear) { Stride = 2, Pad = 1 });
        yield return Case(
            "conv2d_dilated_grouped", () => new Conv2D(4, (2, 3), Linear) { Pad = 1, Dilation = (2, 1), Groups = 2 });
        yield return Case("depthwise", () => new DepthwiseConv2D(3, 2, Linear) { Pad = 1 });
        yield return Case("separable", () => new SeparableConv2D(3, 3, Linear) { Pad = 1 });
        yield return Case(
            "conv_transpose2d", () => new ConvTranspose2D(3, 3, Linear) { Stride = 2, Pad = 1, Extra = 1 });
        yield return Case(
            "conv_transpose2d_dilated_grouped", () => new ConvTranspose2D(2, 2, Linear) { Dilation = 2, Groups = 2 });
        yield return Case("conv1d", () => new Conv1D(3, 2, Linear) { Stride = 2, Pad = 1 });
        yield return Case("conv1d_dilated", () => new Conv1D(2, 3, Linear) { Dilation = 2, Groups = 2 });
        yield return Case("conv3d", () => new Conv3D(2, [2], Linear) { Stride = [2], Pad = [1] });
        yield return Case("max_pool2d", () => new MaxPool2D(3) { Stride = 2, Pad = 1 });
        yield return Case("average_pool2d", () => new AveragePool2D(3) { Stride = 2, Pad = 1 });
        yield return Case("max_pool1d", () => new MaxPool1D(2));
        yield return Case("average_pool1d", () => new AveragePool1D(3) { Stride = 1, Pad = 1 });
        yield return Case("global_pool", () => new GlobalPool());
        yield return Case("maxout", () => new FeaturePool(2));
        yield return Case("batch_norm", () => new BatchNorm(), isTraining: true);
        yield return Case("batch_norm_in_use", () => new BatchNorm { Epsilon = 1e-4 });
        yield return Case("layer_norm", () => new LayerNorm());
        yield return Case("group_norm", () => new GroupNorm(2));
        yield return Case("rms_norm", () => new RmsNorm());

        // libtorch divides alpha by the number of channels.
        yield return Case(
            "local_response_norm", () => new LocalResponseNorm { Channels = 5, Alpha = 0.1, Beta = 0.75, K = 2 });
        yield return Case("prelu", () => new PRelu());
        yield return Case("elu", () => new Activation(Elu));
        yield return Case("gelu", () => new Activation(Gelu));
        yield return Case("softplus", () => new Activation(Softplus));
        yield return Case("leaky", () => new Activation(x => LeakyRectify(x, 0.01)));
        yield return Case("softmax", () => new Activation(Softmax));
        yield return Case("upscale", () => new Upscale(2));
        yield return Case("pad", () => new Pad(1, 2) { Value = 0.5 });
        yield return Case("embedding", () => new Embedding(7, 3));
        yield return Case("recurrent", () => new Recurrent(4));
        yield return Case("lstm", () => new Lstm(4));
        yield return Case("lstm_start", () => new Lstm(4) { TakesStart = true });
        yield return Case("lstm_masked", () => new Lstm(4) { OnlyLast = true }, [1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
        yield return Case("lstm_stacked_both_ways", () => new Stacked(
            new Bidirectional(new Lstm(2), new Lstm(2) { Backwards = true }),
            new Bidirectional(new Lstm(2), new Lstm(2) { Backwards = true })));
        yield return Case("gru", () => new Gru(4));
        yield return Case("gru_both_ways", () => new Bidirectional(new Gru(2), new Gru(2) { Backwards = true }));
        yield return Case("attention", () => new MultiHeadAttention(2));
        yield return Case("attention_causal", () => new MultiHeadAttention(2) { IsCausal = true });
        yield return Case("attention_of_others_masked", () => new MultiHeadAttention(2), [1, 1, 0, 0, 1, 1, 1, 1]);
        yield return Case("transformer_norm_first", () => new TransformerBlock(2, 6));
        yield return Case(
            "transformer", () => new TransformerBlock(2, 6) { IsNormFirst = false, Nonlinearity = Rectify });
        yield return Case("transformer_encoder_layer",
            () => new TransformerBlock(2, 6) { IsNormFirst = false, Nonlinearity = Rectify });
        yield return Case("flatten", () => new Flatten());
        yield return Case("reshape", () => new Reshape(3, -1));
        yield return Case("permute", () => new Permute(2, 1));
        yield return Case("slice", () => new Slice(1, 2));
        yield return Case("slice_one", () => new Slice(-1, axis: 2) { DropsAxis = true });
        yield return Case("pad_steps", () => new Pad(2) { Value = -1 });
        yield return Case("concat", () => new Concat());
        yield return Case("add", () => new Add(0.5, -2));
        yield return Case("multiply", () => new Multiply());
        yield return Case("maximum", () => new Maximum());
        yield return Case("average", () => new Average());
        yield return Case("merge", () => new Merge(Cosine));
        yield return Case("expression", () => new Expression(x => Square(x) + 1));
        yield return Case("scale", () => new Scale());
        yield return Case("bias", () => new Bias());
        yield return Case("global_max_pool", () => new GlobalPool { Function = (x, axes) => Max(x, axes) });
        yield return Case("selu", () => new Activation(Selu));
        yield return Case("silu", () => new Activation(Silu));
        yield return Case("dropout_in_use", () => new Sequence(
            new Dropout(), new SpatialDropout(), new DropPath(), new GaussianNoise()));
        yield return Case("instance_norm", () => new GroupNorm(3));
        yield return Case("layer_norm_all", () => new LayerNorm(1));
        yield return Case("batch_norm_dense", () => new BatchNorm { Epsilon = 1e-4 }, isTraining: true);
        yield return Case("sequence", () => new Sequence(
            new Dense(4, Tanh) { Name = "a" }, new Dense(2, Linear) { Name = "b" }));
        yield return Case("residual", () => new Residual(new Conv2D(3, 3, Linear) { Name = "a", Pad = "same" })
        {
            Shortcut = new Conv2D(3, 1, Linear) { B = null },
            Nonlinearity = Rectify,
        });
        yield return Case("inverse_of_max_pool", () => new InverseOfPool());
        yield return Case("positions", () => new PositionalEncoding());
        yield return Case("positions_learned", () => new PositionalEncoding { IsLearned = true });
        yield return Case("lstm_backwards", () => new Lstm(3) { Backwards = true });
        yield return Case("lstm_truncated", () => new Lstm(3) { OnlyLast = true, TruncateGradient = 2 });
        yield return Case("gru_start", () => new Gru(2) { TakesStart = true });
        yield return Case("gru_stacked_both_ways_masked", () => new Stacked(
            new Bidirectional(new Gru(2), new Gru(2) { Backwards = true }),
            new Bidirectional(new Gru(2), new Gru(2) { Backwards = true })), [1, 1, 0, 0, 1, 1, 1, 1]);
        yield return Case("recurrent_both_ways", () => new Bidirectional(
            new Recurrent(2, Rectify), new Recurrent(2, Rectify) { Backwards = true }));
        yield return Case("recurrence", () => new Recurrence(
            new Sequence(new Concat(), new Dense(2, Tanh) { Name = "out" }), 2));

        static Variable Cosine(Variable a, Variable b) => Sum(a * b, [1], keepDims: true)
            / Sqrt(Sum(Square(a), [1], keepDims: true) * Sum(Square(b), [1], keepDims: true));

        static TestCaseData Case(string name, Func<Layer> make, float[]? mask = null, bool isTraining = false) =>
            new TestCaseData(name, make, mask, isTraining).SetArgDisplayNames(name);
    }

    /// <summary>Puts the first input where the largest values of the second are.</summary>
    private sealed class InverseOfPool : MergeLayer
    {
        public override Variable Build(IReadOnlyList<Variable> inputs, LayerScope scope) => new Inverse().Build(
            [inputs[0], new MaxPool2D(2).Build(inputs[1], scope), inputs[1]], scope);
    }

    [Test]
    public void Every_value_is_looked_at() => Assert.That(
        Values.Keys.Select(name => name.Split('/')[0])
            .Distinct(), Is.EquivalentTo(Cases().Select(each => each.Arguments[0])));

    [TestCaseSource(nameof(Cases))]
    public void Its_outputs_and_gradients_are_libtorchs(string name, Func<Layer> make, float[]? mask, bool isTraining)
    {
        Tensor[] xs = [.. Enumerable.Range(1, 9).TakeWhile(i => Values.ContainsKey($"{name}/x{i}"))
            .Select(i => Values[$"{name}/x{i}"])];
        Tensor[] given = mask is null ? xs : [.. xs, Tensor.From(mask, xs[^1].Shape[0], xs[^1].Shape[1])];
        using var network = new Network(make().On([.. given.Select((x, i) => (Node)new Input([.. x.Shape.Skip(1)])
        {
            Name = $"x{i + 1}",
            DType = x.DType == DType.Int32 ? DType.Int32 : null,
        })]).Named("it"));
        SetParameters(network, name, "w");
        Engine.Graph.Input[] inputs = [.. network.Inputs];
        Engine.Graph.Input g =
            Variable("g", DType.Float32, [.. Enumerable.Repeat(Shape.Unknown, Values[$"{name}/g"].Shape.Rank)]);
        Variable y = network.GetOutputs(inputs, isTraining).Output;
        Engine.Graph.Input[] floats = [.. inputs.Where(input => Values.ContainsKey($"{name}/d{input.Name}"))];
        SharedVariable[] weights =
            [.. network.Parameters.Where(parameter => parameter.IsTrainable).Select(parameter => parameter.Variable)];
        using var function = Function.Compile(
            [.. inputs, g], [y, .. Symbolic.Grad(Symbolic.Sum(y * g), [.. floats, .. weights])], []);

        Tensor[] results = function.Call([.. given, Values[$"{name}/g"]]);

        Near(results[0], Values[$"{name}/y"], 1e-5, "y");
        for (int i = 0; i < floats.Length; i++)
        {
            Near(results[1 + i], Values[$"{name}/d{floats[i].Name}"], 1e-4, $"the gradient of {floats[i].Name}");
        }

        // Gradients have the layout of their parameters.
        SetParameters(network, name, "dw");
        for (int i = 0; i < weights.Length; i++)
        {
            Near(results[1 + floats.Length + i], weights[i].GetValue(), 1e-4, $"the gradient of {weights[i].Name}");
        }
    }

    /// <summary>Sets a network's parameters to those of a case, by PyTorch's names and layout.</summary>
    private static void SetParameters(Network network, string name, string kind)
    {
        KeyValuePair<string, Tensor>[] values = [.. Values
            .Where(pair => pair.Key.StartsWith($"{name}/{kind}/", StringComparison.Ordinal))
            .Select(pair => KeyValuePair.Create($"it.{pair.Key[(name.Length + kind.Length + 2)..]}", pair.Value))];
        if (kind == "dw")
        {
            // Two biases that are one here have the same gradient: that of their sum.
            bool areApart = values.Any(pair => pair.Key.StartsWith("it.bias_hh", StringComparison.Ordinal))
                && name.StartsWith("gru", StringComparison.Ordinal);
            values = [.. values.Select(pair => pair.Key.Contains("bias_hh", StringComparison.Ordinal) && !areApart
                ? KeyValuePair.Create(pair.Key, new Tensor(DType.Float32, pair.Value.Shape)) : pair)];
        }

        IReadOnlyList<KeyValuePair<string, Tensor>> translated =
            WeightLayout.PyTorch.Translated(values, network.Parameters);
        Dictionary<string, Tensor> known = translated.ToDictionary();
        foreach (Parameter parameter in network.Parameters.Where(parameter => kind == "w" || parameter.IsTrainable))
        {
            Assert.That(known, Does.ContainKey(parameter.Name));
            parameter.Variable.SetValue(known[parameter.Name]);
        }
    }

    private static void Near(Tensor actual, Tensor expected, double tolerance, string what)
    {
        Assert.That(actual.Shape, Is.EqualTo(expected.Shape), what);
        float[] values = actual.AsSpan<float>().ToArray(), wanted = expected.AsSpan<float>().ToArray();
        for (int i = 0; i < values.Length; i++)
        {
            double max = tolerance * Math.Max(1, Math.Abs(wanted[i]));
            Assert.That(
                Math.Abs(values[i] - wanted[i]), Is.LessThanOrEqualTo(max),
                string.Create(CultureInfo.InvariantCulture, $"{what}, {i}: {values[i]} and {wanted[i]}"));
        }
    }
}
