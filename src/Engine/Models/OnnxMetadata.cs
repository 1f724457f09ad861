using System.Globalization;
using System.Text.Json;
using Engine.IO;

namespace Engine.Models;

/// <summary>
/// Reads the entries of an ONNX file's metadata that say how samples are prepared and what the output means.
/// </summary>
internal static class OnnxMetadata
{
    public const string Classes = "classes", Mean = "mean", Std = "std", Target = "target";

    /// <summary>
    /// Returns the names of classes: a list in JSON, an object in JSON from numbers to names or from names to numbers,
    /// or names separated by commas. Returns null if there are none.
    /// </summary>
    /// <exception cref="ModelFileException">They have another form.</exception>
    public static IReadOnlyList<string>? NamesOf(string path, string? text)
    {
        text = text?.Trim();
        if (text is null or "" or "null")
        {
            return null;
        }

        if (text[0] is not ('[' or '{'))
        {
            return text.Split(',', StringSplitOptions.TrimEntries);
        }

        try
        {
            using JsonDocument json = JsonDocument.Parse(text);
            string?[] names = json.RootElement.ValueKind == JsonValueKind.Array
                ? [.. json.RootElement.EnumerateArray().Select(NameOf)]
                : Numbered([.. json.RootElement.EnumerateObject()]);
            return names.Contains(null) ? throw Unclear(path, text) : [.. names.OfType<string>()];
        }
        catch (JsonException error)
        {
            throw Unclear(path, text, error);
        }
    }

    /// <summary>Returns numbers: a list in JSON, or separated by commas. Returns null if there are none.</summary>
    /// <exception cref="ModelFileException">They are no numbers.</exception>
    public static IReadOnlyList<double>? NumbersOf(string path, string key, string? text)
    {
        text = text?.Trim();
        if (text is null or "")
        {
            return null;
        }

        string[] words = text.TrimStart('[').TrimEnd(']').Split(',', StringSplitOptions.TrimEntries);
        double?[] numbers = [.. words.Select(word =>
            double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                ? number
                : (double?)null)];
        return !numbers.Contains(null) ? [.. numbers.Select(number => number!.Value)] : throw new ModelFileException(
            $"{path}: '{key}' in its metadata, '{Short(text)}', must be numbers with commas between; "
            + $"--{key} (OnnxSamples) replaces it.");
    }

    /// <summary>Returns the names of an object's classes in order; null for a class that has no name.</summary>
    private static string?[] Numbered(JsonProperty[] entries)
    {
        (int? Number, string? Name)[] byKey = [.. entries.Select(entry => (Index(entry.Name), NameOf(entry.Value)))];
        if (byKey.Any(entry => entry.Number is null))
        {
            byKey = [.. entries.Select(entry => (Index(NameOf(entry.Value)), (string?)entry.Name))];
        }

        var names = new string?[entries.Length];
        foreach ((int? number, string? name) in byKey)
        {
            if (number < names.Length)
            {
                names[number.Value] = name;
            }
        }

        return names;
    }

    private static int? Index(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;

    private static string? NameOf(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    };

    private static ModelFileException Unclear(string path, string text, Exception? cause = null) => new(
        $"{path}: '{Classes}' in its metadata, '{Short(text)}', must be a list of names in JSON, an object with the "
        + "names of the classes 0, 1, …, or names with commas between; --classes (OnnxSamples.Classes) replaces it.",
        cause);

    private static string Short(string text) => text.Length > 60 ? $"{text[..60]}…" : text;
}
