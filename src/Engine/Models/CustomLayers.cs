using System.Collections.Concurrent;
using Engine.Layers;
using Engine.Models.Description;

namespace Engine.Models;

/// <summary>Registers your own layers under names for model files and network files.</summary>
public static class CustomLayers
{
    internal const string SettingsKey = "settings";

    private static readonly ConcurrentDictionary<string, Custom> s_known = new();

    /// <summary>Registers a layer's name. Call it before you save or load a model with such layers.</summary>
    /// <typeparam name="T">The layer's type.</typeparam>
    /// <param name="kind">The name in files.</param>
    /// <param name="make">Creates it from the text that <paramref name="settings"/> returned.</param>
    /// <param name="settings">Returns its settings as text; null for none.</param>
    /// <exception cref="EngineException">The name is one of Engine's layers.</exception>
    public static void Register<T>(string kind, Func<string, T> make, Func<T, string>? settings = null) where T : Layer
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        ArgumentNullException.ThrowIfNull(make);
        if (LayerKind.BuiltIn.Any(known => known.Name == kind))
        {
            throw new EngineException($"'{kind}' is a layer of Engine's own: give yours another name.");
        }

        s_known[kind] = new Custom(
            typeof(T),
            new LayerKind(kind, [Setting.Text(SettingsKey)], (set, _) => make((string?)set.Value(SettingsKey) ?? "")),
            layer => settings?.Invoke((T)layer));
    }

    /// <summary>Removes a name.</summary>
    internal static void Forget(string kind) => s_known.TryRemove(kind, out _);

    internal static IEnumerable<LayerKind> Kinds => s_known.Values.Select(custom => custom.Kind);

    internal static (string Kind, string? Settings)? KindOf(Layer layer) =>
        s_known.Values.FirstOrDefault(custom => custom.Type == layer.GetType()) is { } found
            ? (found.Kind.Name, found.Settings(layer)) : null;

    private sealed record Custom(Type Type, LayerKind Kind, Func<Layer, string?> Settings);
}
