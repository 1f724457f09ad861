using Engine.Layers;

namespace Engine.Models.Description;

/// <summary>Lists the less common kinds of convolutions and pools for descriptions.</summary>
internal static class ConvolutionKinds
{
    private static readonly Setting[] s_pooling =
    [
        Setting.Whole("size", 1)
            .Required(), Setting.Whole("stride", 1), Setting.Whole("pad", 0, 0), Setting.Flag("ignore_border", true),
    ];

    /// <summary>Gets all of these kinds.</summary>
    public static IReadOnlyList<LayerKind> All =>
    [
        new("conv1d",
            [
                Setting.Whole("filters", 1).Required(), Setting.Whole("size", 1)
                    .Required(), Setting.Whole("stride", 1, 1),
                Setting.Padding("pad"), Setting.Whole("dilation", 1, 1), Setting.Whole("groups", 1, 1),
                .. LayerKind.FilterFlags(flips: true), .. LayerKind.WeightSettings("rectify"),
            ],
            (set, origin) => new Conv1D(set.Whole("filters"), set.Whole("size"), LayerKind.Nonlinearity(set))
            {
                Common = LayerKind.Common(set, origin),
                Stride = set.Whole("stride"),
                Pad = LayerKind.Padding(set),
                Dilation = set.Whole("dilation"),
                Groups = set.Whole("groups"),
            }),
        new("conv3d",
            [
                Setting.Whole("filters", 1).Required(), Setting.Volume("size", 1)
                    .Required(), Setting.Volume("stride", 1),
                Setting.Volume("pad", -1), Setting.Volume("dilation", 1), Setting.Whole("groups", 1, 1),
                .. LayerKind.FilterFlags(flips: true), .. LayerKind.WeightSettings("rectify"),
            ],
            (set, origin) =>
                new Conv3D(set.Whole("filters"), Shape.Create(set.Integers("size")), LayerKind.Nonlinearity(set))
                {
                    Common = LayerKind.Common(set, origin),
                    Stride = Of(set, "stride", 1),
                    Pad = Of(set, "pad", 0),
                    Dilation = Of(set, "dilation", 1),
                    Groups = set.Whole("groups"),
                }),
        new("depthwise_conv2d",
            [
                Setting.Size("size", 1).Required(), Setting.Whole("multiplier", 1, 1), .. LayerKind.StepSettings,
                .. LayerKind.FilterFlags(flips: true),
                .. LayerKind.WeightSettings("rectify"),
            ],
            (set, origin) => new DepthwiseConv2D(
                LayerKind.Size(set, "size")!.Value, set.Whole("multiplier"), LayerKind.Nonlinearity(set))
            {
                Common = LayerKind.Common(set, origin),
                Steps = LayerKind.Steps(set),
            }),
        new("separable_conv2d",
            [
                Setting.Whole("filters", 1).Required(), Setting.Size("size", 1)
                    .Required(), Setting.Whole("multiplier", 1, 1), .. LayerKind.StepSettings,
                .. LayerKind.FilterFlags(flips: true), .. LayerKind.WeightSettings("rectify"),
            ],
            (set, origin) => new SeparableConv2D(
                set.Whole("filters"), LayerKind.Size(set, "size")!.Value, LayerKind.Nonlinearity(set))
            {
                Common = LayerKind.Common(set, origin),
                Multiplier = set.Whole("multiplier"),
                Steps = LayerKind.Steps(set),
            }),
        new("conv_transpose2d",
            [
                Setting.Whole("filters", 1).Required(), Setting.Size("size", 1)
                    .Required(), .. LayerKind.StepSettings, Setting.Size("extra", 0),
                Setting.Whole("groups", 1, 1), .. LayerKind.FilterFlags(flips: false), .. LayerKind.WeightSettings(
                    "rectify"),
            ],
            (set, origin) => new ConvTranspose2D(
                set.Whole("filters"), LayerKind.Size(set, "size")!.Value, LayerKind.Nonlinearity(set))
            {
                Common = LayerKind.Common(set, origin),
                Steps = LayerKind.Steps(set),
                Extra = LayerKind.Size(set, "extra") ?? 0,
                Groups = set.Whole("groups"),
            }),
        new("max_pool1d", s_pooling, (set, origin) => new MaxPool1D(set.Whole("size"))
        {
            Origin = origin,
            Stride = (int?)set.Value("stride"),
            Pad = set.Whole("pad"),
            IgnoreBorder = set.Flag("ignore_border"),
        }),
        new("average_pool1d", s_pooling, (set, origin) => new AveragePool1D(set.Whole("size"))
        {
            Origin = origin,
            Stride = (int?)set.Value("stride"),
            Pad = set.Whole("pad"),
            IgnoreBorder = set.Flag("ignore_border"),
        }),
        new("inverse", [], (_, origin) => new Inverse { Origin = origin }),
    ];

    private static Shape Of(Settings set, string name, int byDefault) =>
        set.Value(name) is int[] dimensions ? Shape.Create(dimensions) : [byDefault];
}
