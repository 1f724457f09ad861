using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Engine.Runner;

/// <summary>A network's prediction of an image.</summary>
/// <param name="Image">The file, or the number of the image in its set.</param>
/// <param name="Truth">The true class, if it is known.</param>
/// <param name="Best">The most probable classes, the most probable one first, each with its probability.</param>
internal sealed record Prediction(string Image, string? Truth, IReadOnlyList<(string Class, double Probability)> Best)
{
    /// <summary>The predicted value, if values and not classes are predicted.</summary>
    public double? Value { get; init; }
}

/// <summary>Writes predictions one by one, in a format.</summary>
/// <param name="output">Where to.</param>
/// <param name="format">The format.</param>
/// <param name="ofFiles">Whether the images are files; otherwise they are from a set with known classes.</param>
/// <param name="columns">The number of classes in each prediction.</param>
/// <param name="width">The width of the images' column in the text format.</param>
internal sealed class PredictionWriter(TextWriter output, PredictionFormat format, bool ofFiles, int columns, int width)
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private bool _isBegun;

    /// <summary>The name of the predicted value; null for classes.</summary>
    public string? Value { get; init; }

    private string ImageName => ofFiles ? "file" : "image";

    /// <summary>Writes a prediction.</summary>
    public void Write(Prediction prediction)
    {
        Begin(",");
        switch (format)
        {
            case PredictionFormat.Csv:
                output.Write(string.Join(',', new[] { prediction.Image, prediction.Truth }.OfType<string>()
                    .Concat(prediction.Best.SelectMany(best => new[] { best.Class, Number(best.Probability) }))
                    .Concat(prediction.Value is { } value ? [Number(value)] : [])
                    .Select(Quoted)));
                output.Write('\n');
                break;
            case PredictionFormat.Json:
                output.Write($"  {Json(prediction)}");
                break;
            default:
                string best = prediction.Value is { } single
                    ? string.Create(CultureInfo.InvariantCulture, $"{single:G6}")
                    : string.Join(", ", prediction.Best.Select(
                        one => string.Create(CultureInfo.InvariantCulture, $"{one.Class} {one.Probability:F2}")));
                string image = ofFiles ? prediction.Image.PadRight(width) : prediction.Image.PadLeft(width);
                output.WriteLine(
                    prediction.Truth is null ? $"{image}  {best}" : $"{image}  {prediction.Truth,-10}  {best}");
                break;
        }
    }

    /// <summary>Ends the list, even if it is empty.</summary>
    public void End()
    {
        Begin("");
        if (format == PredictionFormat.Json)
        {
            output.Write("]\n");
        }

        output.Flush();
    }

    /// <summary>Writes the heading before the first prediction, and the separator between two.</summary>
    private void Begin(string separator)
    {
        if (format == PredictionFormat.Json)
        {
            output.Write(_isBegun ? $"{separator}\n" : "[\n");
        }
        else if (format == PredictionFormat.Csv && !_isBegun)
        {
            output.Write(string.Join(',', (ofFiles ? new[] { ImageName } : [ImageName, "truth"])
                .Concat(Value is not null
                    ? [Value]
                    : Enumerable.Range(1, columns).SelectMany(i => new[] { $"class{i}", $"probability{i}" }))
                        .Select(Quoted)));
            output.Write('\n');
        }

        _isBegun = true;
    }

    private string Json(Prediction prediction)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, s_json))
        {
            json.WriteStartObject();
            json.WriteString(ImageName, prediction.Image);
            if (prediction.Truth is not null)
            {
                json.WriteString("truth", prediction.Truth);
            }

            if (prediction.Value is { } value)
            {
                json.WritePropertyName("value");
                json.WriteRawValue(double.IsFinite(value) ? Number(value) : "null");
                json.WriteEndObject();
                json.Flush();
                return Encoding.UTF8.GetString(bytes.ToArray());
            }

            json.WriteStartArray("best");
            foreach ((string name, double probability) in prediction.Best)
            {
                json.WriteStartObject();
                json.WriteString("class", name);
                json.WritePropertyName("probability");
                json.WriteRawValue(double.IsFinite(probability) ? Number(probability) : "null");
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }

    /// <summary>
    /// Formats a number with enough digits to distinguish it from every other number of single precision.
    /// </summary>
    private static string Number(double value) => ((float)value).ToString("R", CultureInfo.InvariantCulture);

    private static string Quoted(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
