using System.Collections.Concurrent;
using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>Transforms of one's own, by the names that model files have for them.</summary>
public static class CustomTransforms
{
    private static readonly ConcurrentDictionary<string, Func<string, string, Transform>> s_known = new();

    /// <summary>Gives a transform a name; done before a model with such is made or loaded.</summary>
    /// <param name="kind">What files call it.</param>
    /// <param name="make">Makes it of the column's name and of the settings that the file has.</param>
    public static void Register(string kind, Func<string, string, Transform> make)
    {
        ArgumentException.ThrowIfNullOrEmpty(kind);
        s_known[kind] = make ?? throw new ArgumentNullException(nameof(make));
    }

    /// <summary>Takes a name away again.</summary>
    internal static void Forget(string kind) => s_known.TryRemove(kind, out _);

    /// <summary>Makes a transform.</summary>
    /// <exception cref="EngineException">Nobody has given the name.</exception>
    internal static Transform Make(string kind, string column, string settings) =>
        s_known.TryGetValue(kind, out Func<string, string, Transform>? make) ? make(column, settings) : throw new EngineException(
            $"'{column}' is prepared by '{kind}', a transform of a program's own: call CustomTransforms.Register(\"{kind}\", …) first.");
}

/// <summary>
/// Represents a transform of one's own in a preparation: what <see cref="CustomTransforms.Register"/> has the name for.
/// </summary>
/// <param name="Column">The column's name.</param>
/// <param name="Name">What the transform is called.</param>
/// <param name="Settings">What it was fitted to, as a text of its own.</param>
public sealed record CustomTransform(string Column, string Name, string Settings = "") : Transform(Column)
{
    private readonly Lazy<Transform> _made = new(() => CustomTransforms.Make(Name, Column, Settings));

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape Sides => _made.Value.Sides;

    /// <inheritdoc/>
    [JsonIgnore]
    public override string Words => _made.Value.Words;

    /// <inheritdoc/>
    public override void Apply(Column column, int row, Span<float> to) => _made.Value.Apply(column, row, to);

    /// <summary>Equal in what it does.</summary>
    public bool Equals(CustomTransform? other) =>
        other is not null && (Column, Name, Settings) == (other.Column, other.Name, other.Settings);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Name, Settings);
}
