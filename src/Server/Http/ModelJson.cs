using System.Text.Encodings.Web;
using System.Text.Json;
using Engine.Data;
using Engine.Models;

namespace Engine.Server;

/// <summary>Writes the server's answers in JSON.</summary>
internal static class ModelJson
{
    private static readonly JsonWriterOptions s_format =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Returns the model's inputs and outputs, from which the page builds its form.</summary>
    public static byte[] Describe(Model model) => Write(json =>
    {
        json.WriteString("name", model.About.GetValueOrDefault("data") ?? "model");
        json.WriteString("target", model.Target.Column);
        WriteUnit(json, (model.Target as ValueTarget)?.Unit);
        json.WriteBoolean("pictures", PictureFile.Takes(model.Inputs));
        json.WriteStartArray("classes");
        foreach (string name in model.Classes)
        {
            json.WriteStringValue(name);
        }

        json.WriteEndArray();
        json.WriteStartArray("inputs");
        foreach (Transform transform in model.Inputs.Transforms)
        {
            json.WriteStartObject();
            json.WriteString("name", transform.Column);
            switch (transform)
            {
                case ScaledNumber number:
                    json.WriteString("kind", "number");
                    json.WriteNumber("typical", number.Median);
                    WriteUnit(json, number.Unit);
                    break;
                case OneHot words:
                    json.WriteString("kind", "text");
                    json.WriteString("typical", words.Values[words.Mode]);
                    json.WriteStartArray("values");
                    foreach (string value in words.Values)
                    {
                        json.WriteStringValue(value);
                    }

                    json.WriteEndArray();
                    json.WriteNumber("others", words.Others);
                    break;
                case WordCounts:
                    json.WriteString("kind", "text");
                    break;
                default:
                    json.WriteString("kind", "numbers");
                    json.WriteString("shape", string.Join('x', transform.Dimensions));
                    break;
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("metrics");
        foreach ((string name, double value) in model.Metrics)
        {
            json.WriteNumber(name, value);
        }

        json.WriteEndObject();
    });

    /// <summary>Returns predictions: all classes with their probabilities, or values.</summary>
    public static byte[] Write(IReadOnlyList<Prediction> predictions, IReadOnlyList<string?> names) => Write(json =>
    {
        json.WriteStartArray("predictions");
        for (int i = 0; i < predictions.Count; i++)
        {
            Prediction prediction = predictions[i];
            json.WriteStartObject();
            if (names[i] is { } name)
            {
                json.WriteString("file", name);
            }

            if (prediction.Class is null)
            {
                Number(json, "value", prediction.Value);
            }
            else
            {
                json.WriteString("class", prediction.Class);
                Number(json, "probability", (float)prediction.Probability);
                json.WriteStartObject("classes");
                foreach (ClassProbability one in prediction.Classes)
                {
                    Number(json, one.Class, (float)one.Probability);
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <summary>Returns the error of a request.</summary>
    public static byte[] Error(string why) => Write(json => json.WriteString("error", why));

    private static void WriteUnit(Utf8JsonWriter json, string? unit)
    {
        if (unit is not null)
        {
            json.WriteString("unit", unit);
        }
    }

    /// <summary>
    /// Writes a number with the digits that it has, or null for nan and infinity, which JSON does not have.
    /// </summary>
    private static void Number(Utf8JsonWriter json, string name, double value)
    {
        if (!double.IsFinite(value))
        {
            json.WriteNull(name);
        }
        else if (value == (float)value)
        {
            json.WriteNumber(name, (float)value);
        }
        else
        {
            json.WriteNumber(name, value);
        }
    }

    private static byte[] Write(Action<Utf8JsonWriter> content)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, s_format))
        {
            json.WriteStartObject();
            content(json);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}
