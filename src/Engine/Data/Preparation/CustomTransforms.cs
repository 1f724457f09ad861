using System.Collections.Concurrent;
using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>Registers your own transforms under names for model files.</summary>
public static class CustomTransforms
{
    private static readonly ConcurrentDictionary<string, Func<string, string, Transform>> s_known = new();

    /// <summary>Registers a transform's name. Call it before you create or load a model with such transforms.</summary>
    /// <param name="kind">The name in files.</param>
    /// <param name="make">Creates it from the column's name and the settings in the file.</param>
    public static void Register(string kind, Func<string, string, Transform> make)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        s_known[kind] = make ?? throw new ArgumentNullException(nameof(make));
    }

    /// <summary>Removes a name.</summary>
    internal static void Forget(string kind) => s_known.TryRemove(kind, out _);

    /// <summary>Creates a transform.</summary>
    /// <exception cref="EngineException">The name is not registered.</exception>
    internal static Transform Make(string kind, string column, string settings) =>
        s_known.TryGetValue(kind, out Func<string, string, Transform>? make)
            ? make(column, settings)
            : throw new EngineException(
            $"'{column}' is prepared by '{kind}', a transform of a program's own: "
            + $"call CustomTransforms.Register(\"{kind}\", …) first.");
}

/// <summary>
/// Represents your own transform in a preparation. <see cref="CustomTransforms.Register"/> registers its name.
/// </summary>
/// <param name="Column">The column's name.</param>
/// <param name="Name">The name of the transform.</param>
/// <param name="Settings">Its fitted settings, in its own text format.</param>
public sealed record CustomTransform(string Column, string Name, string Settings = "") : Transform(Column)
{
    private readonly Lazy<Transform> _made = new(() => CustomTransforms.Make(Name, Column, Settings));

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape Dimensions => _made.Value.Dimensions;

    /// <inheritdoc/>
    [JsonIgnore]
    public override string Words => _made.Value.Words;

    /// <inheritdoc/>
    public override void Apply(Column column, int row, Span<float> to) => _made.Value.Apply(column, row, to);

    /// <summary>Returns whether both compute the same.</summary>
    public bool Equals(CustomTransform? other) =>
        other is not null && (Column, Name, Settings) == (other.Column, other.Name, other.Settings);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Name, Settings);
}
