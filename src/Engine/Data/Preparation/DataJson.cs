using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Engine.Data;

/// <summary>What of data is written into model files.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, AllowOutOfOrderMetadataProperties = true)]
[JsonSerializable(typeof(Preparation))]
[JsonSerializable(typeof(Target))]
[JsonSerializable(typeof(Dictionary<string, double>))]
[JsonSerializable(typeof(Dictionary<string, string>))]
internal sealed partial class DataJson : JsonSerializerContext
{
    /// <summary>Reads what a file says.</summary>
    /// <exception cref="EngineException">It is something else.</exception>
    public static T Read<T>(string json, JsonTypeInfo<T> type, string path) where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type) ?? throw new JsonException("it is null");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException)
        {
            throw new EngineException($"{path} does not say rightly how its samples are prepared: {error.Message}", error);
        }
    }
}
