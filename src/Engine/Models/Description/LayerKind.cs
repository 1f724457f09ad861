using Engine.Graph;
using Engine.Layers;
using static Engine.Ops.Symbolic;
using Variable = Engine.Graph.Variable;

namespace Engine.Models.Description;

/// <summary>Represents a kind of layer in descriptions.</summary>
/// <param name="Name">Its name in descriptions.</param>
/// <param name="Settings">Its keys, besides <c>name</c> and <c>kind</c>.</param>
/// <param name="Make">Creates the layer from the keys' values and the place of its description.</param>
internal sealed record LayerKind(string Name, IReadOnlyList<Setting> Settings, Func<Settings, Origin, Layer> Make)
{
    /// <summary>Gets the nonlinearities by their names in descriptions.</summary>
    public static IReadOnlyDictionary<string, Func<Variable, Variable>> Nonlinearities { get; } = new Dictionary<string, Func<Variable, Variable>>
    {
        ["rectify"] = Rectify,
        ["leaky_rectify"] = x => LeakyRectify(x),
        ["elu"] = Elu,
        ["sigmoid"] = Sigmoid,
        ["tanh"] = Tanh,
        ["softplus"] = Softplus,
        ["softmax"] = Softmax,
        ["linear"] = Linear,
    };

    /// <summary>Gets the initializers of weights by name; each takes the gain.</summary>
    public static IReadOnlyDictionary<string, Func<double, Initializer>> Initializers { get; } = new Dictionary<string, Func<double, Initializer>>
    {
        ["glorot_uniform"] = gain => new GlorotUniform(gain),
        ["glorot_normal"] = gain => new GlorotNormal(gain),
        ["he_uniform"] = gain => new HeUniform(gain),
        ["he_normal"] = gain => new HeNormal(gain),
        ["orthogonal"] = gain => new Orthogonal(gain),
    };

    private static readonly Setting[] s_penalties =
        [.. ((string[])["l1", "l2"]).Select(name => Setting.Real(name, "a number from 0 on", x => x >= 0))];

    private static readonly Setting[] s_weights = WeightSettings("rectify");

    /// <summary>Gets the settings of strides, padding and dilation over images.</summary>
    public static Setting[] StepSettings => [Setting.Size("stride", 1), Setting.Padding("pad"), Setting.Size("dilation", 1)];

    /// <summary>Returns the settings that all layers with weights have.</summary>
    public static Setting[] WeightSettings(string nonlinearity) =>
    [
        Setting.Word("nonlinearity", Nonlinearities.Keys, nonlinearity),
        Setting.Word("weights", Initializers.Keys, "glorot_uniform"),
        Setting.Real("gain", "a number greater than 0", gain => gain > 0, 1),
        Setting.Flag("bias", true),
        .. s_penalties,
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
        new("input", [Setting.SampleSides("shape").Required() with { FormerName = "sides" }, Setting.Flag("integers", false)],
            (set, origin) => new Layers.Input(set.Sides("shape")) { Origin = origin, DType = set.Flag("integers") ? DType.Int32 : null }),
        new("conv2d",
            [
                Setting.Whole("filters", 1).Required(), Setting.Size("size", 1).Required(), .. StepSettings,
                Setting.Whole("groups", 1, 1), Setting.Flag("flip_filters", true), .. s_weights,
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
        new("dense", [Setting.Whole("units", 1).Required(), .. s_weights],
            (set, origin) => new Dense(set.Whole("units"), Nonlinearity(set))
            {
                Origin = origin,
                W = Weights(set),
                B = Biases(set),
                L1 = (double?)set.Value("l1"),
                L2 = (double?)set.Value("l2"),
            }),
        new("dropout", [MoreLayerKinds.Probability(0.5)],
            (set, origin) => new Dropout(set.Real("p")) { Origin = origin }),
        new("batch_norm",
            [
                Setting.Real("epsilon", "a number greater than 0", x => x > 0, 1e-4),
                Setting.Real("alpha", "a number greater than 0, at most 1", x => x is > 0 and <= 1, 0.1),
                .. s_penalties,
            ],
            (set, origin) => new BatchNorm
            {
                Origin = origin,
                Epsilon = set.Real("epsilon"),
                Alpha = set.Real("alpha"),
                L1 = (double?)set.Value("l1"),
                L2 = (double?)set.Value("l2"),
            }),
        new("activation", [Setting.Word("nonlinearity", Nonlinearities.Keys).Required()],
            (set, origin) => new Activation(Nonlinearity(set)) { Origin = origin }),
        .. MoreLayerKinds.All,
        .. ConvolutionKinds.All,
        .. SequenceKinds.All,
        new("flatten", [], (_, origin) => new Flatten { Origin = origin }),
        new("reshape", [Setting.SampleSides("shape", mayInfer: true).Required() with { FormerName = "sides" }],
            (set, origin) => new Layers.Reshape(set.Sides("shape")) { Origin = origin }),
    ];

    /// <summary>Returns the nonlinearity of these settings.</summary>
    public static Func<Variable, Variable> Nonlinearity(Settings set) => Nonlinearities[set.Word("nonlinearity")];

    /// <summary>Returns the initializer of the weights.</summary>
    public static Initializer Weights(Settings set) => Initializers[set.Word("weights")](set.Real("gain"));

    /// <summary>Returns the initializer of the biases; null if there are none.</summary>
    public static Initializer? Biases(Settings set) => set.Flag("bias") ? new Full() : null;

    /// <summary>Returns what all layers with filters take from their settings.</summary>
    public static FilterSettings Common(Settings set, Origin origin) => new(
        origin, set.Flag("flip_filters"), Weights(set), Biases(set), (double?)set.Value("l1"), (double?)set.Value("l2"));

    /// <summary>Returns the strides, padding and dilation over images.</summary>
    public static (Size2D Stride, Padding Pad, Size2D Dilation) Steps(Settings set) =>
        (Size(set, "stride") ?? 1, Padding(set), Size(set, "dilation") ?? 1);

    /// <summary>Returns a height and a width; null if they are not given.</summary>
    public static Size2D? Size(Settings set, string name) =>
        set.Value(name) is int[] sides ? new Size2D(sides[0], sides[^1]) : null;

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
