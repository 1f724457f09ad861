using System.Text.Json;
using System.Text.Json.Serialization;

namespace Engine.IO;

/// <summary>
/// Writes a number as JSON, and nan and infinity, which JSON does not have, as null; reads null as nan.
/// </summary>
public sealed class NumberOrNull : JsonConverter<double>
{
    /// <inheritdoc/>
    public override bool HandleNull => true;

    /// <inheritdoc/>
    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    /// <inheritdoc/>
    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        if (double.IsFinite(value))
        {
            writer.WriteNumberValue(value);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}

/// <summary>Writes numbers by name as JSON, nan and infinity as <see cref="NumberOrNull"/> does.</summary>
public sealed class NumbersOrNull : JsonConverter<IReadOnlyDictionary<string, double>>
{
    private readonly NumberOrNull _number = new();

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Read(
        ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException();
        }

        var numbers = new OrderedDictionary<string, double>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            numbers[name] = _number.Read(ref reader, typeof(double), options);
        }

        return numbers;
    }

    /// <inheritdoc/>
    public override void Write(
        Utf8JsonWriter writer, IReadOnlyDictionary<string, double> value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteStartObject();
        foreach ((string name, double number) in value)
        {
            writer.WritePropertyName(name);
            _number.Write(writer, number, options);
        }

        writer.WriteEndObject();
    }
}
