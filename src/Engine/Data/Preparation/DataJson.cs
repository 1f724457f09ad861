using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Engine.Data;

/// <summary>Serializes preparations and targets for model files.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, AllowOutOfOrderMetadataProperties = true)]
[JsonSerializable(typeof(Preparation))]
[JsonSerializable(typeof(Target))]
[JsonSerializable(typeof(Dictionary<string, double>))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class DataJson : JsonSerializerContext
{
    /// <summary>Reads a value from a file.</summary>
    /// <exception cref="EngineException">The text has another form.</exception>
    public static T Read<T>(string json, JsonTypeInfo<T> type, string path) where T : class
    {
        try
        {
            T read = JsonSerializer.Deserialize(json, type) ?? throw new JsonException("it is null");
            return read switch
            {
                Preparation { Transforms: { Count: > 0 } transforms } => transforms.All(IsSound),
                Engine.Data.Preparation => false,
                ClassTarget { Column: not null, Classes: { Count: > 1 } classes } => IsDistinct(classes),
                ValueTarget { Column: not null } value =>
                    double.IsFinite(value.Mean) && double.IsFinite(value.Std) && value.Std > 0,
                Engine.Data.Target => false,
                _ => true,
            } ? read : throw new JsonException("what it says does not fit together");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException)
        {
            string what = type == (object)Default.Preparation || type == (object)Default.Target
                ? "how its samples are prepared"
                : "where it comes from";
            throw new EngineException($"{path} does not say rightly {what}: {error.Message.TrimEnd('.')}.", error);
        }
    }

    private static bool IsSound(Transform? transform) => transform?.Column is not null && transform switch
    {
        ScaledNumber number =>
            double.IsFinite(number.Mean) && double.IsFinite(number.Median) && double.IsFinite(number.Std)
                && number.Std > 0,
        OneHot { Values: { Count: > 0 } values } words => (uint)words.Mode < (uint)values.Count && IsDistinct(values),
        ScaledPlanes { Size: [> 0, ..] size, Mean: { } mean, Std: { } std } =>
            size.Count <= 3 && size.All(dimension => dimension > 0) && mean.Count == size[0] && std.Count == size[0]
            && mean.All(float.IsFinite) && std.All(one => float.IsFinite(one) && one > 0),
        WordCounts { Vocabulary: { Count: > 0 } words, Weights: { } weights } =>
            words.Count == weights.Count && weights.All(float.IsFinite) && IsDistinct(words),
        CustomTransform { Name: not null, Settings: not null } => true,
        _ => false,
    };

    private static bool IsDistinct(IReadOnlyList<string> words) =>
        !words.Contains(null!) && words.Distinct().Count() == words.Count;
}
