using Engine.Graph;
using Engine.Layers;

namespace Engine.Models.Description;

/// <summary>
/// Lists the kinds of layers for descriptions that are made of other layers, the value of <c>layers</c>.
/// </summary>
internal static class ContainerKinds
{
    /// <summary>The key of a layer's inner layers, and of the layer on a residual block's shortcut.</summary>
    public const string LayersKey = "layers", ShortcutKey = "shortcut";

    /// <summary>Gets all of these kinds.</summary>
    public static IReadOnlyList<LayerKind> All =>
    [
        new("sequence", [Setting.Layers(LayersKey).Required()],
            (set, origin) => new Sequence(Made<Layer>(set, origin)) { Origin = origin }),
        new("residual",
            [Setting.Layers(LayersKey).Required(), Setting.Layers(ShortcutKey),
                LayerKind.NonlinearitySetting("linear")],
            (set, origin) => new Residual(Made<Layer>(set, origin))
            {
                Origin = origin,
                Shortcut = set.IsGiven(ShortcutKey) ? Made<Layer>(set, origin, 1, ShortcutKey)[0] : null,
                Nonlinearity = LayerKind.Nonlinearity(set),
            }),
        new("bidirectional", [Setting.Layers(LayersKey).Required()], (set, origin) =>
        {
            RecurrentLayer[] both = Made<RecurrentLayer>(set, origin, 2);
            return new Bidirectional(both[0], both[1]) { Origin = origin };
        }),
        new("stacked", [Setting.Layers(LayersKey).Required(),
            Setting.Real("dropout", "a number from 0 up to, not including, 1", p => p is >= 0 and < 1, 0)],
            (set, origin) =>
                new Stacked(Made<MergeLayer>(set, origin)) { Origin = origin, Dropout = set.Real("dropout") }),
        new("recurrence", [Setting.Layers(LayersKey).Required(), .. SequenceKinds.Recurrent],
            (set, origin) => new Recurrence(Made<Layer>(set, origin, 1)[0], set.Whole("units"))
            {
                Origin = origin,
                OnlyLast = set.Flag("only_last"),
                Backwards = set.Flag("backwards"),
                TakesStart = set.Flag("takes_start"),
                Start = SequenceKinds.Start(set),
                TruncateGradient = (int?)set.Value("truncate_gradient"),
            }),
    ];

    /// <summary>Returns the inner layers of a layer from C#, by their keys.</summary>
    public static IEnumerable<(string Key, IReadOnlyList<Layer> Layers)> Of(Layer layer) => layer switch
    {
        Sequence sequence => [(LayersKey, sequence.Layers)],
        Residual { Shortcut: { } shortcut } residual => [(LayersKey, residual.Body.Layers), (ShortcutKey, [shortcut])],
        Residual residual => [(LayersKey, residual.Body.Layers)],
        Bidirectional both => [(LayersKey, [both.Forwards, both.Backwards])],
        Stacked stacked => [(LayersKey, stacked.Layers)],
        Recurrence recurrence => [(LayersKey, [recurrence.Cell])],
        _ => [],
    };

    /// <summary>Creates the inner layers, each with its name.</summary>
    private static T[] Made<T>(Settings set, Origin origin, int? count = null, string key = LayersKey) where T : Layer
    {
        Layer[] made = [.. set.Layers(key).Select(inner =>
        {
            Layer layer = inner.Kind.Make(inner.Settings, new Origin(origin.File, inner.Line));
            layer.Called(inner.Name);
            return layer;
        })];
        return (count is null || made.Length == count) && made.All(layer => layer is T)
            ? [.. made.Cast<T>()]
            : throw new EngineException(
            $"{key} is to be {count?.ToString() ?? "a list of"} "
            + $"layers{(typeof(T) == typeof(Layer) ? "" : " for sequences, such as lstm or gru")}, "
            + $"not {string.Join(", ", made.Select(layer => layer.Kind))}.{origin}");
    }
}
