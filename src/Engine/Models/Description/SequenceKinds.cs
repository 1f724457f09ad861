using Engine.Layers;

namespace Engine.Models.Description;

/// <summary>Lists the kinds of layers for sequences in descriptions.</summary>
internal static class SequenceKinds
{
    private static readonly Setting[] s_recurrent =
    [
        Setting.Whole("units", 1).Required(), Setting.Flag("only_last", false), Setting.Flag("backwards", false),
        Setting.Flag("takes_start", false), Setting.Flag("learns_start", false), Setting.Whole("truncate_gradient", 1),
    ];

    private static readonly Setting[] s_gated =
        [.. s_recurrent, Setting.Real("grad_clipping", "a number greater than 0", max => max > 0)];

    /// <summary>Gets the settings of every recurrent layer.</summary>
    public static IReadOnlyList<Setting> Recurrent => s_recurrent;

    /// <summary>Returns the initializer of learned initial states; null if they are 0.</summary>
    public static Initializer? Start(Settings set) => set.Flag("learns_start") ? new Full(0) : null;

    /// <summary>Gets all of these kinds.</summary>
    public static IReadOnlyList<LayerKind> All =>
    [
        new("embedding", [Setting.Whole("count", 1).Required(), Setting.Whole("size", 1).Required()],
            (set, origin) => new Embedding(set.Whole("count"), set.Whole("size")) { Origin = origin }),
        new("recurrent", [.. s_gated, LayerKind.NonlinearitySetting("tanh")],
            (set, origin) => new Recurrent(set.Whole("units"), LayerKind.Nonlinearity(set))
            {
                Origin = origin,
                OnlyLast = set.Flag("only_last"),
                Backwards = set.Flag("backwards"),
                TakesStart = set.Flag("takes_start"),
                Start = Start(set),
                TruncateGradient = (int?)set.Value("truncate_gradient"),
                GradClipping = (double?)set.Value("grad_clipping"),
            }),
        new("lstm", s_gated, (set, origin) => new Lstm(set.Whole("units"))
        {
            Origin = origin,
            OnlyLast = set.Flag("only_last"),
            Backwards = set.Flag("backwards"),
            TakesStart = set.Flag("takes_start"),
            Start = Start(set),
            TruncateGradient = (int?)set.Value("truncate_gradient"),
            GradClipping = (double?)set.Value("grad_clipping"),
        }),
        new("gru", s_gated, (set, origin) => new Gru(set.Whole("units"))
        {
            Origin = origin,
            OnlyLast = set.Flag("only_last"),
            Backwards = set.Flag("backwards"),
            TakesStart = set.Flag("takes_start"),
            Start = Start(set),
            TruncateGradient = (int?)set.Value("truncate_gradient"),
            GradClipping = (double?)set.Value("grad_clipping"),
        }),
        new("multi_head_attention",
            [Setting.Whole("heads", 1).Required(), Setting.Flag("is_causal", false), Setting.Flag("bias", true)],
            (set, origin) => new MultiHeadAttention(set.Whole("heads"))
            {
                Origin = origin,
                IsCausal = set.Flag("is_causal"),
                B = LayerKind.Biases(set),
            }),
        new("transformer_block",
            [
                Setting.Whole("heads", 1).Required(), Setting.Whole("hidden_units", 1)
                    .Required(), Setting.Flag("is_causal", false),
                Setting.Flag("is_norm_first", true), Setting.Real(
                    "dropout", "a number from 0 up to, not including, 1", p => p is >= 0 and < 1, 0),
                LayerKind.NonlinearitySetting("gelu"),
            ],
            (set, origin) => new TransformerBlock(set.Whole("heads"), set.Whole("hidden_units"))
            {
                Origin = origin,
                IsCausal = set.Flag("is_causal"),
                IsNormFirst = set.Flag("is_norm_first"),
                Dropout = set.Real("dropout"),
                Nonlinearity = LayerKind.Nonlinearity(set),
            }),
        new("positional_encoding", [Setting.Flag("is_learned", false)],
            (set, origin) => new PositionalEncoding { Origin = origin, IsLearned = set.Flag("is_learned") }),
    ];
}
