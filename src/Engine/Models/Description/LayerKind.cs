using System.Globalization;
using Engine.Graph;
using Engine.Layers;
using static Engine.Ops.Symbolic;
using Variable = Engine.Graph.Variable;

namespace Engine.Models.Description;

/// <summary>Represents a kind of layer in descriptions.</summary>
/// <param name="Name">Its name in descriptions.</param>
/// <param name="Own">Its keys, besides those of every layer.</param>
/// <param name="Create">Creates the layer from the keys' values and the line that describes it.</param>
internal sealed record LayerKind(string Name, IReadOnlyList<Setting> Own, Func<Settings, Origin, Layer> Create)
{
    /// <summary>Gets the keys of every layer except inputs, which have no parameters.</summary>
    public static IReadOnlyList<Setting> OfParameters { get; } =
    [
        .. ((string[])["l1", "l2"]).Select(name => Setting.Real(name, "a number from 0 on", x => x >= 0)),
        Setting.Flag("is_trainable", true), Setting.Real("rate_factor", "a number", _ => true),
    ];

    /// <summary>Gets all its keys, besides <c>name</c> and <c>kind</c>.</summary>
    public IReadOnlyList<Setting> Settings { get; } = Name == "input" ? Own : [.. Own, .. OfParameters];

    /// <summary>Creates the layer from the keys' values and the line that describes it.</summary>
    public Layer Make(Settings set, Origin origin)
    {
        Layer layer = Create(set, origin);
        if (OfParameters.Any(setting => set.IsGiven(setting.Name)))
        {
            layer.Describe((double?)set.Value("l1"), (double?)set.Value("l2"), set.Flag("is_trainable"),
                (double?)set.Value("rate_factor"));
        }

        return layer;
    }

    /// <summary>Gets the nonlinearities by their names in descriptions.</summary>
    public static IReadOnlyDictionary<string, Func<Variable, Variable>> Nonlinearities { get; } =
        new Dictionary<string, Func<Variable, Variable>>
        {
            ["rectify"] = Rectify,
            ["leaky_rectify"] = x => LeakyRectify(x),
            ["elu"] = Elu,
            ["sigmoid"] = Sigmoid,
            ["tanh"] = Tanh,
            ["softplus"] = Softplus,
            ["softmax"] = Softmax,
            ["linear"] = Linear,
            ["gelu"] = Gelu,
            ["selu"] = Selu,
            ["silu"] = Silu,
            ["mish"] = Mish,
            ["softsign"] = Softsign,
            ["hard_sigmoid"] = HardSigmoid,
            ["hard_tanh"] = HardTanh,
            ["scaled_tanh"] = x => ScaledTanh(x),
        };

    /// <summary>Gets the nonlinearities that take a number, as in <c>leaky_rectify(0.2)</c>.</summary>
    public static IReadOnlyDictionary<string, Func<Variable, double, Variable>> WithNumber { get; } =
        new Dictionary<string, Func<Variable, double, Variable>> { ["leaky_rectify"] = LeakyRectify, ["elu"] = Elu };

    /// <summary>Gets the initializers of weights by name; each takes the gain.</summary>
    public static IReadOnlyDictionary<string, Func<double, Initializer>> Initializers { get; } =
        new Dictionary<string, Func<double, Initializer>>
        {
            ["glorot_uniform"] = gain => new GlorotUniform(gain),
            ["glorot_normal"] = gain => new GlorotNormal(gain),
            ["he_uniform"] = gain => new HeUniform(gain),
            ["he_normal"] = gain => new HeNormal(gain),
            ["orthogonal"] = gain => new Orthogonal(gain),
        };

    private static readonly Setting[] s_weights = WeightSettings("rectify");

    /// <summary>Gets the settings of strides, padding and dilation over images.</summary>
    public static Setting[] StepSettings =>
        [Setting.Size("stride", 1), Setting.Padding("pad"), Setting.Size("dilation", 1)];

    /// <summary>Returns the flags of layers with filters.</summary>
    /// <param name="flips">Whether the filters are flipped by default.</param>
    public static Setting[] FilterFlags(bool flips) =>
        [Setting.Flag("flip_filters", flips), Setting.Flag("untie_biases", false)];

    /// <summary>Returns the settings that all layers with weights have.</summary>
    public static Setting[] WeightSettings(string nonlinearity) =>
    [
        NonlinearitySetting(nonlinearity),
        Setting.Word("weights", Initializers.Keys, "glorot_uniform"),
        Setting.Real("gain", "a number greater than 0", gain => gain > 0, 1),
        Setting.Flag("bias", true),
    ];

    private static readonly Setting[] s_pooling =
    [
        Setting.Size("size", 1).Required(), Setting.Size("stride", 1), Setting.Size("pad", 0),
        Setting.Flag("ignore_border", true),
    ];

    /// <summary>Gets all kinds, including the users' own.</summary>
    public static IReadOnlyList<LayerKind> All => [.. BuiltIn, .. CustomLayers.Kinds];

    /// <summary>Gets Engine's kinds.</summary>
    public static IReadOnlyList<LayerKind> BuiltIn { get; } =
    [
        new("input", [Setting.SampleDimensions("shape").Required() with { FormerName = "sides" },
            Setting.Flag("integers", false)],
            (set, origin) => new Layers.Input(set.Integers("shape"))
            {
                Origin = origin,
                DType = set.Flag("integers") ? DType.Int32 : null,
            }),
        new("conv2d",
            [
                Setting.Whole("filters", 1).Required(), Setting.Size("size", 1).Required(), .. StepSettings,
                Setting.Whole("groups", 1, 1), .. FilterFlags(flips: true), .. s_weights,
            ],
            (set, origin) => new Conv2D(set.Whole("filters"), Size(set, "size")!.Value, Nonlinearity(set))
            {
                Common = Common(set, origin),
                Steps = Steps(set),
                Groups = set.Whole("groups"),
            }),
        new("max_pool2d", s_pooling, (set, origin) => new MaxPool2D(Size(set, "size")!.Value)
        {
            Origin = origin,
            Stride = Size(set, "stride"),
            Pad = Size(set, "pad") ?? 0,
            IgnoreBorder = set.Flag("ignore_border"),
        }),
        new("average_pool2d", s_pooling, (set, origin) => new AveragePool2D(Size(set, "size")!.Value)
        {
            Origin = origin,
            Stride = Size(set, "stride"),
            Pad = Size(set, "pad") ?? 0,
            IgnoreBorder = set.Flag("ignore_border"),
        }),
        new("dense", [Setting.Whole("units", 1).Required(), Setting.Whole("leading_axes", 1, 1), .. s_weights],
            (set, origin) => new Dense(set.Whole("units"), Nonlinearity(set))
            {
                Origin = origin,
                LeadingAxes = set.Whole("leading_axes"),
                W = Weights(set),
                B = Biases(set),
            }),
        new("dropout", [MoreLayerKinds.Probability(0.5)],
            (set, origin) => new Dropout(set.Real("p")) { Origin = origin }),
        new("batch_norm",
            [
                Setting.Real("epsilon", "a number greater than 0", x => x > 0),
                Setting.Real("alpha", "a number greater than 0, at most 1", x => x is > 0 and <= 1, 0.1),
                .. Affine,
            ],
            (set, origin) => new BatchNorm
            {
                Origin = origin,
                OwnEpsilon = (double?)set.Value("epsilon"),
                Alpha = set.Real("alpha"),
                Gamma = Initial(set, "gamma", 1),
                Beta = Initial(set, "beta", 0),
            }),
        new("activation", [NonlinearitySetting(null).Required()],
            (set, origin) => new Activation(Nonlinearity(set)) { Origin = origin }),
        .. MoreLayerKinds.All,
        .. ConvolutionKinds.All,
        .. SequenceKinds.All,
        .. ContainerKinds.All,
        new("flatten", [], (_, origin) => new Flatten { Origin = origin }),
        new("reshape", [Setting.SampleDimensions("shape", mayInfer: true).Required() with { FormerName = "sides" }],
            (set, origin) => new Layers.Reshape(set.Integers("shape")) { Origin = origin }),
    ];

    /// <summary>Returns the nonlinearity of these settings.</summary>
    public static Func<Variable, Variable> Nonlinearity(Settings set) => Nonlinearity(set.Word("nonlinearity"))!;

    /// <summary>
    /// Returns the nonlinearity of this name, which may have a number behind it; null if there is none.
    /// </summary>
    public static Func<Variable, Variable>? Nonlinearity(string text)
    {
        if (text.Split('(') is not [var name, var rest]
            || !WithNumber.TryGetValue(name, out Func<Variable, double, Variable>? function))
        {
            return Nonlinearities.GetValueOrDefault(text);
        }

        return rest.EndsWith(')')
            && double.TryParse(rest[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
            && double.IsFinite(number) ? x => function(x, number) : null;
    }

    /// <summary>Returns the setting of a nonlinearity.</summary>
    public static Setting NonlinearitySetting(string? byDefault)
    {
        var word = Setting.Word("nonlinearity", Nonlinearities.Keys, byDefault);
        return word with
        {
            Rule = $"{word.Rule}, {string.Join(" or ", WithNumber.Keys.Select(name => $"{name}(NUMBER)"))}",
            Parse = text => Nonlinearity(text) is null ? null : text,
        };
    }

    /// <summary>Gets the settings of whether a norm has gamma and beta.</summary>
    public static Setting[] Affine => [Setting.Flag("gamma", true), Setting.Flag("beta", true)];

    /// <summary>Returns the initializer of a parameter that a setting says is there; null if it is not.</summary>
    public static Initializer? Initial(Settings set, string name, double value) =>
        set.Flag(name) ? new Full(value) : null;

    /// <summary>Returns the initializer of the weights.</summary>
    public static Initializer Weights(Settings set) => Initializers[set.Word("weights")](set.Real("gain"));

    /// <summary>Returns the initializer of the biases; null if there are none.</summary>
    public static Initializer? Biases(Settings set) => set.Flag("bias") ? new Full() : null;

    /// <summary>Returns what all layers with filters take from their settings.</summary>
    public static FilterSettings Common(Settings set, Origin origin) => new(
        origin, set.Flag("flip_filters"), Weights(set), Biases(set), set.Flag("untie_biases"));

    /// <summary>Returns the strides, padding and dilation over images.</summary>
    public static (Size2D Stride, Padding Pad, Size2D Dilation) Steps(Settings set) =>
        (Size(set, "stride") ?? 1, Padding(set), Size(set, "dilation") ?? 1);

    /// <summary>Returns a height and a width; null if they are not given.</summary>
    public static Size2D? Size(Settings set, string name) =>
        set.Value(name) is int[] dimensions ? new Size2D(dimensions[0], dimensions[^1]) : null;

    /// <summary>Returns the padding of images.</summary>
    public static Padding Padding(Settings set) => set.Value("pad") switch
    {
        string word => word,
        int[] => Size(set, "pad")!.Value.ToTuple(),
        _ => 0,
    };
}

/// <summary>Converts a size to the tuple that paddings take.</summary>
internal static class SizeTuple
{
    public static (int Height, int Width) ToTuple(this Size2D size) => (size.Height, size.Width);
}
