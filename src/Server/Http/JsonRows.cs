using System.Text.Json;
using Engine.Data;

namespace Engine.Server;

/// <summary>
/// Rows in JSON: an object with the values by name, a list of such objects, or <c>{ "rows": […] }</c>.
/// </summary>
internal static class JsonRows
{
    private const int MaxRows = 10_000;

    /// <summary>Reads the rows as the model's columns.</summary>
    /// <exception cref="EngineException">They are not valid rows; the message names the row and the value.</exception>
    public static Table Read(JsonElement root, Preparation inputs)
    {
        JsonElement list = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("rows", out JsonElement inner)
            ? inner
            : root;
        JsonElement[] rows = list.ValueKind switch
        {
            JsonValueKind.Object => [list],
            JsonValueKind.Array => [.. list.EnumerateArray()],
            _ => [],
        };
        if (rows.Length is 0 or > MaxRows)
        {
            string some = string.Join(", ", inputs.Transforms.Take(3).Select(one => $"\"{one.Column}\": …"));
            throw new EngineException(
                $"Send 1 to {MaxRows} rows: an object with the values by name, {{ {some} }}, or a list of such.");
        }

        int odd = Array.FindIndex(rows, row => row.ValueKind != JsonValueKind.Object);
        if (odd >= 0)
        {
            throw new EngineException($"Row {odd + 1} is no object with the values by name.");
        }

        return new Table([.. inputs.Transforms.Select(transform => ColumnOf(transform, rows))]);
    }

    private static Column ColumnOf(Transform transform, JsonElement[] rows)
    {
        // A misspelled name must not count as a missing value in every row.
        if (rows.All(row => !TryFind(row, transform.Column, out _)))
        {
            throw new EngineException($"'{transform.Column}' is in no row: give it, or null where it is not known.");
        }

        return transform switch
        {
            ScaledPlanes planes => Vectors(planes, rows),
            ScaledNumber number =>
                new NumberColumn(number.Column, [.. rows.Select((row, i) => Number(number, row, i))]),
            _ => new TextColumn(transform.Column, rows.Select((row, i) => Text(transform.Column, row, i))),
        };
    }

    private static double Number(ScaledNumber number, JsonElement row, int index)
    {
        JsonElement value = TryFind(row, number.Column, out JsonElement found) ? found : default;
        return value.ValueKind switch
        {
            JsonValueKind.Number => value.GetDouble(),
            JsonValueKind.True => 1,
            JsonValueKind.False => 0,
            JsonValueKind.Null or JsonValueKind.Undefined => double.NaN,
            JsonValueKind.String when Numbers.IsMissingNumber(value.GetString()!.Trim()) => double.NaN,
            JsonValueKind.String when number.TryParse(value.GetString()!.Trim(), out double parsed) => parsed,
            _ => throw new EngineException(
                $"'{number.Column}' of row {index + 1} is to be a number, not {Short(value)}."),
        };
    }

    private static string? Text(string name, JsonElement row, int index)
    {
        JsonElement value = TryFind(row, name, out JsonElement found) ? found : default;
        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
            JsonValueKind.Null or JsonValueKind.Undefined => null,
            _ => throw new EngineException($"'{name}' of row {index + 1} is to be a text, not {Short(value)}."),
        };
    }

    private static TensorColumn Vectors(ScaledPlanes planes, JsonElement[] rows)
    {
        int length = planes.Size.Aggregate(1, (a, b) => a * b);
        var all = new List<float>();
        for (int i = 0; i < rows.Length; i++)
        {
            int before = all.Count;
            if (TryFind(rows[i], planes.Column, out JsonElement value))
            {
                Add(value, all, before + length);
            }

            if (all.Count != before + length)
            {
                throw new EngineException(
                    $"'{planes.Column}' of row {i + 1} is to be a list of {length} numbers "
                    + $"({string.Join('x', planes.Size)}).");
            }
        }

        return new TensorColumn(planes.Column, Tensor.From<float>([.. all], [rows.Length, .. planes.Size]));
    }

    private static void Add(JsonElement value, List<float> to, int max)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement inner in value.EnumerateArray().TakeWhile(_ => to.Count <= max))
            {
                Add(inner, to, max);
            }
        }
        else if (value.ValueKind == JsonValueKind.Number)
        {
            to.Add((float)value.GetDouble());
        }
    }

    /// <summary>
    /// Finds the value of this name; letter case is ignored, because some JSON writers begin names with lower case.
    /// </summary>
    private static bool TryFind(JsonElement row, string name, out JsonElement value)
    {
        if (row.TryGetProperty(name, out value))
        {
            return true;
        }

        JsonProperty[] alike =
            [.. row.EnumerateObject().Where(one => one.Name.Equals(name, StringComparison.OrdinalIgnoreCase))];
        value = alike is [JsonProperty only] ? only.Value : default;
        return alike.Length == 1;
    }

    private static string Short(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length > 40 ? $"{text[..40]}…" : text;
    }
}
