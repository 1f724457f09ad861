using Engine.Layers;
using Symbolic = Engine.Ops.Symbolic;
using Variable = Engine.Graph.Variable;

namespace Engine.Models.Description;

/// <summary>Lists the kinds of layers for descriptions that merge, normalize, drop and slice.</summary>
internal static class MoreLayerKinds
{
    /// <summary>Gets the reductions over all values of a channel, by name.</summary>
    public static IReadOnlyDictionary<string, Func<Variable, Shape, Variable>> Pools { get; } =
        new Dictionary<string, Func<Variable, Shape, Variable>>
        {
            ["mean"] = (x, axes) => Symbolic.Mean(x, axes),
            ["max"] = (x, axes) => Symbolic.Max(x, axes),
        };

    /// <summary>Gets all of these kinds.</summary>
    public static IReadOnlyList<LayerKind> All =>
    [
        new("concat", [Setting.Whole("axis", -8, 1)],
            (set, origin) => new Concat(set.Whole("axis")) { Origin = origin }),
        new("add", [Setting.Reals("factors")],
            (set, origin) => new Add((double[]?)set.Value("factors") ?? []) { Origin = origin }),
        new("multiply", [], (_, origin) => new Multiply { Origin = origin }),
        new("maximum", [], (_, origin) => new Maximum { Origin = origin }),
        new("average", [], (_, origin) => new Average { Origin = origin }),
        new("gaussian_noise",
            [Setting.Real("std", "a number from 0 on", x => x >= 0, 0.1) with { FormerName = "deviation" }],
            (set, origin) => new GaussianNoise(set.Real("std")) { Origin = origin }),
        new("spatial_dropout", [Probability(0.5)],
            (set, origin) => new SpatialDropout(set.Real("p")) { Origin = origin }),
        new("drop_path", [Probability(0.1)], (set, origin) => new DropPath(set.Real("p")) { Origin = origin }),
        new("scale", [], (_, origin) => new Layers.Scale { Origin = origin }),
        new("bias", [], (_, origin) => new Bias { Origin = origin }),
        new("prelu", [Setting.Real("alpha", "a number", _ => true, 0.25)],
            (set, origin) => new PRelu { Origin = origin, Alpha = new Full(set.Real("alpha")) }),
        new("feature_pool", [Setting.Whole("size", 1).Required(), Setting.Whole("axis", 1, 1)],
            (set, origin) => new FeaturePool(set.Whole("size"), set.Whole("axis")) { Origin = origin }),
        new("global_pool", [Setting.Word("function", Pools.Keys, "mean")],
            (set, origin) => new GlobalPool { Origin = origin, Function = Pools[set.Word("function")] }),
        new("slice",
            [
                Setting.Whole("start", -Shape.MaxElements, 0), Setting.Whole("length", 1), Setting.Whole("axis", 1, 1),
                Setting.Flag("drops_axis", false),
            ],
            (set, origin) => new Slice(set.Whole("start"), (int?)set.Value("length"), set.Whole("axis"))
            {
                Origin = origin,
                DropsAxis = set.Flag("drops_axis"),
            }),
        new("permute", [Setting.SampleDimensions("axes").Required()],
            (set, origin) => new Permute(set.Integers("axes")) { Origin = origin }),
        new("pad", [Setting.Axes("widths", 0).Required(), Setting.Real("value", "a number", _ => true, 0)],
            (set, origin) => new Pad(set.Integers("widths")) { Origin = origin, Value = set.Real("value") }),
        new("upscale", [Setting.Axes("factors", 1).Required()],
            (set, origin) => new Upscale(set.Integers("factors")) { Origin = origin }),
        new("layer_norm", [Setting.Whole("first_axis", -8, -1), Epsilon(1e-5), .. LayerKind.Affine],
            (set, origin) => new LayerNorm(set.Whole("first_axis"))
            {
                Origin = origin,
                Epsilon = set.Real("epsilon"),
                Gamma = LayerKind.Initial(set, "gamma", 1),
                Beta = LayerKind.Initial(set, "beta", 0),
            }),
        new("rms_norm", [Epsilon(1e-5), Setting.Flag("gamma", true)],
            (set, origin) => new RmsNorm
            {
                Origin = origin,
                Epsilon = set.Real("epsilon"),
                Gamma = LayerKind.Initial(set, "gamma", 1),
            }),
        new("group_norm", [Setting.Whole("groups", 1).Required(), Epsilon(1e-5), .. LayerKind.Affine],
            (set, origin) => new GroupNorm(set.Whole("groups"))
            {
                Origin = origin,
                Epsilon = set.Real("epsilon"),
                Gamma = LayerKind.Initial(set, "gamma", 1),
                Beta = LayerKind.Initial(set, "beta", 0),
            }),
        new("local_response_norm",
            [
                Setting.Whole("channels", 1, 5), Setting.Real("alpha", "a number", _ => true, 1e-4),
                Setting.Real("beta", "a number", _ => true, 0.75), Setting.Real("k", "a number", _ => true, 2),
            ],
            (set, origin) => new LocalResponseNorm
            {
                Origin = origin,
                Channels = set.Whole("channels"),
                Alpha = set.Real("alpha"),
                Beta = set.Real("beta"),
                K = set.Real("k"),
            }),
    ];

    /// <summary>Returns the setting of a dropout probability.</summary>
    public static Setting Probability(double byDefault) =>
        Setting.Real("p", "a number from 0 up to, not including, 1", p => p is >= 0 and < 1, byDefault);

    private static Setting Epsilon(double byDefault) =>
        Setting.Real("epsilon", "a number greater than 0", x => x > 0, byDefault);
}
