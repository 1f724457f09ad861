using Engine.Layers;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using Add = Engine.Layers.Add;
using Average = Engine.Layers.Average;
using Concat = Engine.Layers.Concat;
using Maximum = Engine.Layers.Maximum;
using Multiply = Engine.Layers.Multiply;
using Slice = Engine.Layers.Slice;

namespace Engine.Tests.Layers;

/// <summary>A layer with its expected properties: a row of the table by which every layer is tested.</summary>
/// <param name="Name">The name of the row.</param>
/// <param name="Make">Makes the layer.</param>
/// <param name="Inputs">
/// The dimensions of each input's samples: <c>2x3 2x3</c>; with an <c>i</c> before them for whole numbers.
/// </param>
/// <param name="Output">The dimensions of the output's samples.</param>
/// <param name="Parameters">Its parameters with their dimensions: <c>W 3x4, b 4</c>.</param>
/// <param name="File">Its description in a network file, without the name; null if there is none.</param>
public sealed record LayerCase(
    string Name, Func<Layer> Make, string Inputs, string Output, string Parameters = "", string? File = null)
{
    /// <summary>
    /// A layer before it with the name <c>in</c>: how to make it, its description in a network file, and its input.
    /// </summary>
    public (Func<Layer> Make, string File, string On)? Before { get; init; }

    /// <summary>The name of its input; null for all inputs.</summary>
    public string? On { get; init; }

    public static IReadOnlyList<LayerCase> All { get; } =
    [
        new("dense", () => new Dense(4, Tanh), "3", "4", "W 3x4, b 4",
            """ "kind": "dense", "units": 4, "nonlinearity": "tanh" """),
        new("conv2d", () => new Conv2D(3, 2, Tanh), "2x4x4", "3x3x3", "W 3x2x2x2, b 3",
            """ "kind": "conv2d", "filters": 3, "size": 2, "nonlinearity": "tanh" """),
        new("conv2d, dilated, grouped", () => new Conv2D(4, 2, Tanh) { Dilation = (2, 1), Groups = 2, Pad = 1 },
            "4x5x4", "4x5x5",
            "W 4x2x2x2, b 4",
            """ "kind": "conv2d", "filters": 4, "size": 2, "nonlinearity": "tanh", "dilation": [2, 1], "groups": 2, "pad": 1 """),
        new("conv2d, untied", () => new Conv2D(3, 2, Tanh) { UntieBiases = true, Stride = (1, 2) }, "2x3x4", "3x2x2",
            "W 3x2x2x2, b 3x2x2",
            """ "kind": "conv2d", "filters": 3, "size": 2, "nonlinearity": "tanh", "untie_biases": true, "stride": [1, 2] """),
        new("depthwise_conv2d, untied", () => new DepthwiseConv2D(2, 2, Tanh) { UntieBiases = true }, "2x3x3", "4x2x2",
            "W 4x1x2x2, b 4x2x2",
            """ "kind": "depthwise_conv2d", "size": 2, "multiplier": 2, "nonlinearity": "tanh", "untie_biases": true """),
        new("separable_conv2d, untied", () => new SeparableConv2D(3, 2, Tanh) { UntieBiases = true }, "2x3x3", "3x2x2",
            "depthwise.W 2x1x2x2, pointwise.W 3x2x1x1, pointwise.b 3x2x2",
            """ "kind": "separable_conv2d", "filters": 3, "size": 2, "nonlinearity": "tanh", "untie_biases": true """),
        new("conv_transpose2d, untied", () => new ConvTranspose2D(2, 2, Tanh) { UntieBiases = true }, "2x2x2", "2x3x3",
            "W 2x2x2x2, b 2x3x3",
            """ "kind": "conv_transpose2d", "filters": 2, "size": 2, "nonlinearity": "tanh", "untie_biases": true """),
        new("conv1d, untied", () => new Conv1D(3, 2, Tanh) { UntieBiases = true }, "2x4", "3x3", "W 3x2x2, b 3x3",
            """ "kind": "conv1d", "filters": 3, "size": 2, "nonlinearity": "tanh", "untie_biases": true """),
        new("conv3d, untied", () => new Conv3D(2, [2], Tanh) { UntieBiases = true }, "1x2x3x2", "2x1x2x1",
            "W 2x1x2x2x2, b 2x1x2x1",
            """ "kind": "conv3d", "filters": 2, "size": 2, "nonlinearity": "tanh", "untie_biases": true """),
        new("depthwise_conv2d", () => new DepthwiseConv2D(3, 2, Tanh) { Pad = "same" }, "2x4x4", "4x4x4",
            "W 4x1x3x3, b 4",
            """ "kind": "depthwise_conv2d", "size": 3, "multiplier": 2, "nonlinearity": "tanh", "pad": "same" """),
        new("separable_conv2d", () => new SeparableConv2D(3, 3, Tanh) { Pad = 1, Stride = 2 }, "2x4x4", "3x2x2",
            "depthwise.W 2x1x3x3, pointwise.W 3x2x1x1, pointwise.b 3",
            """ "kind": "separable_conv2d", "filters": 3, "size": 3, "nonlinearity": "tanh", "pad": 1, "stride": 2 """),
        new("conv_transpose2d", () => new ConvTranspose2D(3, 3, Tanh) { Stride = 2, Pad = 1, Extra = 1 }, "2x3x2",
            "3x6x4",
            "W 2x3x3x3, b 3",
            """ "kind": "conv_transpose2d", "filters": 3, "size": 3, "nonlinearity": "tanh", "stride": 2, "pad": 1, "extra": 1 """),
        new("conv_transpose2d, dilated, grouped",
            () => new ConvTranspose2D(4, 2, Tanh) { Groups = 2, Dilation = 2, B = null },
            "2x3x3", "4x5x5", "W 2x2x2x2"),
        new("conv_transpose2d, grouped", () => new ConvTranspose2D(4, (2, 3), Tanh) { Groups = 2, FlipFilters = true },
            "4x2x3", "4x3x5",
            "W 4x2x2x3, b 4"),
        new("conv3d", () => new Conv3D(2, [2], Tanh) { Pad = [1], Stride = [1, 2, 2] }, "2x3x4x4", "2x4x3x3",
            "W 2x2x2x2x2, b 2",
            """ "kind": "conv3d", "filters": 2, "size": 2, "nonlinearity": "tanh", "pad": 1, "stride": [1, 2, 2] """),
        new("inverse", () => new Inverse(), "4 3", "3", "W 3x4", """ "kind": "inverse" """)
        {
            Before = (() => new Dense(4, Linear) { B = null },
                """ "kind": "dense", "units": 4, "nonlinearity": "linear", "bias": false """, "x2"),
            On = "x1 in x2",
        },
        new("max_pool2d", () => new MaxPool2D(2), "2x4x4", "2x2x2", File: """ "kind": "max_pool2d", "size": 2 """),
        new("average_pool2d", () => new AveragePool2D(2), "2x4x4", "2x2x2",
            File: """ "kind": "average_pool2d", "size": 2 """),
        new("dropout", () => new Dropout(), "4", "4", File: """ "kind": "dropout" """),
        new("batch_norm", () => new BatchNorm(), "3x2x2", "3x2x2", "beta 3, gamma 3, mean 3, inv_std 3",
            """ "kind": "batch_norm" """),
        new("activation", () => new Activation(Sigmoid), "3", "3",
            File: """ "kind": "activation", "nonlinearity": "sigmoid" """),
        new("flatten", () => new Flatten(), "2x3", "6", File: """ "kind": "flatten" """),
        new("reshape", () => new Reshape(3, -1), "6", "3x2", File: """ "kind": "reshape", "shape": [3, -1] """),
        new("concat", () => new Concat(), "2x3 1x3", "3x3", File: """ "kind": "concat" """),
        new("concat, last", () => new Concat(-1), "2x3 2x1", "2x4"),
        new("add", () => new Add(), "2x3 2x3 2x3", "2x3", File: """ "kind": "add" """),
        new("add, factors", () => new Add(0.5, -2), "2x3 2x1", "2x3"),
        new("multiply", () => new Multiply(), "3 3", "3", File: """ "kind": "multiply" """),
        new("maximum", () => new Maximum(), "3 3", "3", File: """ "kind": "maximum" """),
        new("average", () => new Average(), "3 3", "3", File: """ "kind": "average" """),
        new("merge", () => new Merge((a, b) => Square(a) - b), "3 3", "3"),
        new("expression", () => new Expression(x => x * 2), "3", "3"),
        new("sequence", () => new Sequence(new Dense(3, Tanh), new Dense(2)), "4", "2",
            "dense0.W 4x3, dense0.b 3, dense1.W 3x2, dense1.b 2",
            """ "kind": "sequence", "layers": [{ "kind": "dense", "units": 3, "nonlinearity": "tanh" }, { "kind": "dense", "units": 2 }] """),
        new("residual", () => new Residual(new Dense(3, Tanh) { Name = "a" }), "3", "3", "a.W 3x3, a.b 3",
            """ "kind": "residual", "layers": [{ "name": "a", "kind": "dense", "units": 3, "nonlinearity": "tanh" }] """),
        new("residual, shortcut", () => new Residual(new Conv2D(3, 3, Linear) { Pad = "same", Name = "c" })
        {
            Shortcut = new Conv2D(3, 1, Linear) { B = null },
            Nonlinearity = Tanh,
        }, "2x4x4", "3x4x4", "c.W 3x2x3x3, c.b 3, shortcut.W 3x2x1x1"),
        new("gaussian_noise", () => new GaussianNoise(), "3", "3", File: """ "kind": "gaussian_noise" """),
        new("spatial_dropout", () => new SpatialDropout(0.2), "3x2", "3x2",
            File: """ "kind": "spatial_dropout", "p": 0.2 """),
        new("drop_path", () => new DropPath(), "3x2", "3x2", File: """ "kind": "drop_path" """),
        new("scale", () => new Scale { Scales = new Normal(1) }, "3x2", "3x2", "scales 3"),
        new("scale, file", () => new Scale(), "3x2", "3x2", "scales 3", """ "kind": "scale" """),
        new("bias", () => new Bias(), "3x2x2", "3x2x2", "b 3", """ "kind": "bias" """),
        new("prelu", () => new PRelu(), "3x2", "3x2", "alpha 3", """ "kind": "prelu" """),
        new("feature_pool", () => new FeaturePool(2), "4x2", "2x2", File: """ "kind": "feature_pool", "size": 2 """),
        new("global_pool", () => new GlobalPool(), "3x2x2", "3", File: """ "kind": "global_pool" """),
        new("slice", () => new Slice(1, 2), "4x2", "2x2", File: """ "kind": "slice", "start": 1, "length": 2 """),
        new("slice, one", () => new Slice(-1, axis: 1) { DropsAxis = true }, "4x2", "2"),
        new("permute", () => new Permute(2, 1), "4x2", "2x4", File: """ "kind": "permute", "axes": [2, 1] """),
        new("pad", () => new Pad(1, 2) { Value = 0.5 }, "2x2x2", "2x4x6",
            File: """ "kind": "pad", "widths": [1, 2], "value": 0.5 """),
        new("pad, sequence", () => new Pad(2), "2x3", "2x7"),
        new("upscale", () => new Upscale(2, 3), "2x2x2", "2x4x6", File: """ "kind": "upscale", "factors": [2, 3] """),
        new("layer_norm", () => new LayerNorm(), "3x4", "3x4", "gamma 4, beta 4", """ "kind": "layer_norm" """),
        new("layer_norm, all", () => new LayerNorm(1), "3x4", "3x4", "gamma 3x4, beta 3x4"),
        new("rms_norm", () => new RmsNorm(), "3x4", "3x4", "gamma 4", """ "kind": "rms_norm" """),
        new("group_norm", () => new GroupNorm(2), "4x2x2", "4x2x2", "gamma 4, beta 4",
            """ "kind": "group_norm", "groups": 2 """),
        new("local_response_norm", () => new LocalResponseNorm { Alpha = 0.1 }, "6x2x2", "6x2x2",
            File: """ "kind": "local_response_norm", "alpha": 0.1 """),
        new("dense, steps", () => new Dense(2, Tanh) { LeadingAxes = 2 }, "4x3", "4x2", "W 3x2, b 2"),
        new("attention", () => new MultiHeadAttention(2), "5x4", "5x4", Attention("", 4),
            """ "kind": "multi_head_attention", "heads": 2 """),
        new("attention, causal", () => new MultiHeadAttention(1) { IsCausal = true, B = null }, "3x2", "3x2",
            "Wq 2x2, Wk 2x2, Wv 2x2, Wo 2x2"),
        new("attention, of others, masked", () => new MultiHeadAttention(2), "3x4 5x4 5", "3x4", Attention("", 4)),
        new("transformer", () => new TransformerBlock(2, 6), "3x4", "3x4",
            $"norm1.gamma 4, norm1.beta 4, {Attention("attention.", 4)}, norm2.gamma 4, norm2.beta 4, "
            + "inner.W 4x6, inner.b 6, outer.W 6x4, outer.b 4",
            """ "kind": "transformer_block", "heads": 2, "hidden_units": 6 """),
        new("transformer, as at first",
            () => new TransformerBlock(1, 3) { IsNormFirst = false, IsCausal = true, Dropout = 0.1 },
            "3x2 3", "3x2",
            $"{Attention("attention.", 2)}, norm1.gamma 2, norm1.beta 2, inner.W 2x3, inner.b 3, outer.W 3x2, "
            + "outer.b 2, norm2.gamma 2, norm2.beta 2"),
        new("places", () => new PositionalEncoding(), "5x3", "5x3", File: """ "kind": "positional_encoding" """),
        new("places, learned", () => new PositionalEncoding { IsLearned = true }, "5x3", "5x3", "codes 5x3"),
        new("recurrent", () => new Recurrent(2), "4x3", "4x2", "W 3x2, b 2, U 2x2",
            """ "kind": "recurrent", "units": 2 """),
        new("lstm", () => new Lstm(2), "4x3", "4x2", "W 3x8, b 8, U 2x8", """ "kind": "lstm", "units": 2 """),
        new("lstm, clipped", () => new Lstm(2) { GradClipping = 100 }, "4x3", "4x2", "W 3x8, b 8, U 2x8",
            """ "kind": "lstm", "units": 2, "grad_clipping": 100 """),
        new("lstm, last, masked", () => new Lstm(2) { OnlyLast = true }, "4x3 4", "2", "W 3x8, b 8, U 2x8"),
        new("gru, backwards", () => new Gru(2) { Backwards = true }, "4x3", "4x2", "W 3x6, b 6, U 2x6, c 6",
            """ "kind": "gru", "units": 2, "backwards": true """),
        new("lstm, from a start", () => new Lstm(2) { TakesStart = true }, "4x3 2 2 4", "4x2", "W 3x8, b 8, U 2x8"),
        new("gru, start learned", () => new Gru(2) { Start = new Normal(1) }, "4x3", "4x2",
            "h0 1x2, W 3x6, b 6, U 2x6, c 6"),
        new("recurrence", () => new Recurrence(new Sequence(new Concat(), new Dense(2, Tanh)), 2), "4x3 4", "4x2",
            "cell.dense1.W 5x2, cell.dense1.b 2"),
        new("stacked", () => new Stacked(
            new Bidirectional(new Gru(1), new Recurrent(2) { Backwards = true }),
            new Lstm(2) { OnlyLast = true }) { Dropout = 0.1 },
            "3x2 3", "2",
            "layer0.forwards.W 2x3, layer0.forwards.b 3, layer0.forwards.U 1x3, layer0.forwards.c 3, "
            + "layer0.backwards.W 2x2, layer0.backwards.b 2, layer0.backwards.U 2x2, layer1.W 3x8, layer1.b 8, "
            + "layer1.U 2x8"),
        new("both ways", () => new Bidirectional(new Recurrent(2), new Recurrent(1) { Backwards = true }), "3x2", "3x3",
            "forwards.W 2x2, forwards.b 2, forwards.U 2x2, backwards.W 2x1, backwards.b 1, backwards.U 1x1",
            """ "kind": "bidirectional", "layers": [{ "kind": "recurrent", "units": 2 }, { "kind": "recurrent", "units": 1, "backwards": true }] """),
        new("recurrence, unmasked", () => new Recurrence(new Sequence(new Concat(), new Dense(2, Tanh)), 2), "4x3",
            "4x2",
            "cell.dense1.W 5x2, cell.dense1.b 2",
            """ "kind": "recurrence", "units": 2, "layers": [{ "kind": "sequence", "layers": [{ "kind": "concat" }, { "kind": "dense", "units": 2, "nonlinearity": "tanh" }] }] """),
        new("stacked, unmasked", () => new Stacked(new Lstm(2), new Gru(1)), "3x2", "3x1",
            "layer0.W 2x8, layer0.b 8, layer0.U 2x8, layer1.W 2x3, layer1.b 3, layer1.U 1x3, layer1.c 3",
            """ "kind": "stacked", "layers": [{ "kind": "lstm", "units": 2 }, { "kind": "gru", "units": 1 }] """),
        new("conv1d", () => new Conv1D(3, 2, Tanh) { Stride = 2, Pad = 1 }, "2x5", "3x3", "W 3x2x2, b 3",
            """ "kind": "conv1d", "filters": 3, "size": 2, "nonlinearity": "tanh", "stride": 2, "pad": 1 """),
        new("conv1d, dilated, grouped", () => new Conv1D(4, 2, Tanh) { Dilation = 2, Groups = 2 }, "4x5", "4x3",
            "W 4x2x2, b 4"),
        new("conv1d, same", () => new Conv1D(3, 3, Tanh) { Pad = "same", B = null }, "2x5", "3x5", "W 3x2x3"),
        new("max_pool1d", () => new MaxPool1D(2), "2x5", "2x2", File: """ "kind": "max_pool1d", "size": 2 """),
        new("average_pool1d", () => new AveragePool1D(2) { Stride = 1, Pad = 1 }, "2x5", "2x6",
            File: """ "kind": "average_pool1d", "size": 2, "stride": 1, "pad": 1 """),
        new("embedding", () => new Embedding(5, 3), "i2x4", "2x4x3", "W 5x3",
            """ "kind": "embedding", "count": 5, "size": 3 """),
    ];

    public override string ToString() => Name;

    private static string Attention(string prefix, int units) => string.Join(
        ", ", "qkvo".Select(part => $"{prefix}W{part} {units}x{units}, {prefix}b{part} {units}"));
}
