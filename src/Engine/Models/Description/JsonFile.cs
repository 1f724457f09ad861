using System.Text;
using System.Text.Json;

namespace Engine.Models.Description;

/// <summary>
/// Reads a description in JSON, with comments and trailing commas allowed. It reads token by token, because a parsed
/// document has no line numbers.
/// </summary>
internal ref struct JsonFile
{
    private readonly ReadOnlySpan<byte> _text;
    private readonly string _path;
    private Utf8JsonReader _reader;

    private JsonFile(ReadOnlySpan<byte> text, string path)
    {
        _text = text;
        _path = path;
        _reader = new Utf8JsonReader(text, new JsonReaderOptions
        {
            CommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
            MaxDepth = 32,
        });
    }

    private readonly int Line => _text[..(int)_reader.TokenStartIndex].Count((byte)'\n') + 1;

    public static NetworkFile Parse(ReadOnlySpan<byte> text, string path)
    {
        try
        {
            var file = new JsonFile(text, path);
            return file.Parse();
        }
        catch (JsonException error)
        {
            string why = error.Message.Split(" LineNumber:")[0].TrimEnd('.');
            throw NetworkFile.Error(path, (int)(error.LineNumber ?? 0) + 1, $"this is not JSON: {why}.");
        }
        catch (InvalidOperationException error)
        {
            throw new EngineException($"{path} is not text in UTF-8: {error.Message}", error);
        }
    }

    private NetworkFile Parse()
    {
        _reader.Read();
        Expect(JsonTokenType.StartObject, "a description is an object, { \"layers\": [ … ] }");
        int top = Line;
        var entries = new List<Entry>();
        var layers = new List<Section>();
        Section? update = null, data = null;
        while (ReadKey(out string key, out int line))
        {
            switch (key)
            {
                case NetworkFile.LayersName:
                    Expect(JsonTokenType.StartArray, "layers is a list of objects, [ { \"kind\": … }, … ]");
                    while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
                    {
                        Expect(JsonTokenType.StartObject, "a layer is an object, { \"kind\": … }");
                        layers.Add(ReadSection());
                    }

                    break;
                case NetworkFile.UpdateName:
                    Expect(JsonTokenType.StartObject, "update is an object, { \"rule\": … }");
                    update = ReadSection();
                    break;
                case NetworkFile.DataName:
                    Expect(JsonTokenType.StartObject, "data is an object, { \"validation\": … }");
                    data = ReadSection();
                    break;
                default:
                    entries.Add(ReadEntry(key, line));
                    continue;
            }

            // With this entry, a duplicate of the key is found like any other duplicate.
            entries.Add(new Entry(key, "", line));
        }

        _reader.Read();
        Section all = NetworkFile.Section(_path, top, entries);
        string[] sections = [NetworkFile.LayersName, NetworkFile.UpdateName, NetworkFile.DataName];
        return new NetworkFile(
            _path, all with { Entries = [.. entries.Where(e => !sections.Contains(e.Key))] }, layers, update, data);
    }

    private Section ReadSection()
    {
        int line = Line;
        var entries = new List<Entry>();
        while (ReadKey(out string key, out int at))
        {
            entries.Add(ReadEntry(key, at));
        }

        return NetworkFile.Section(_path, line, entries);
    }

    /// <summary>Reads the next key and moves to its value; returns false at the end of the object.</summary>
    private bool ReadKey(out string key, out int line)
    {
        _reader.Read();
        line = Line;
        key = "";
        if (_reader.TokenType == JsonTokenType.EndObject)
        {
            return false;
        }

        key = _reader.GetString()!;
        _reader.Read();
        return true;
    }

    /// <summary>Reads the value of a key, which may be a list of objects: the layers within a layer.</summary>
    private Entry ReadEntry(string key, int line)
    {
        Utf8JsonReader next = _reader;
        if (_reader.TokenType != JsonTokenType.StartArray || !next.Read()
            || next.TokenType != JsonTokenType.StartObject)
        {
            return new Entry(key, ReadValue(key), line);
        }

        var layers = new List<Section>();
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            Expect(JsonTokenType.StartObject, $"{key} is a list of objects, [ {{ \"kind\": … }}, … ]");
            layers.Add(ReadSection());
        }

        return new Entry(key, "[ … ]", line) { Layers = layers };
    }

    private string ReadValue(string key)
    {
        if (IsNested)
        {
            // No key has such a value. Either the key or the value is wrong; the owner of the key reports it.
            string opening = _reader.TokenType == JsonTokenType.StartObject ? "{ … }" : "[ … ]";
            _reader.Skip();
            return opening;
        }

        if (_reader.TokenType != JsonTokenType.StartArray)
        {
            return Scalar(key);
        }

        var items = new List<string>();
        while (_reader.Read() && _reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Scalar(key));
        }

        // Names may contain an x.
        bool areNumbers =
            items.All(item =>
                item.Length > 0 && (char.IsAsciiDigit(item[^1]) || item[^1] == '.') && !item.Any(char.IsAsciiLetter));
        return string.Join(areNumbers ? "x" : NetworkDescription.NameSeparator, items);
    }

    /// <summary>Gets whether the value is an object, or a list of objects or lists.</summary>
    private readonly bool IsNested
    {
        get
        {
            Utf8JsonReader next = _reader;
            return _reader.TokenType == JsonTokenType.StartObject
                || (_reader.TokenType == JsonTokenType.StartArray && next.Read()
                    && next.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray);
        }
    }

    private readonly string Scalar(string key) => _reader.TokenType switch
    {
        JsonTokenType.String => _reader.GetString()!,
        JsonTokenType.Number => Encoding.UTF8.GetString(_reader.ValueSpan),
        JsonTokenType.True => "true",
        JsonTokenType.False => "false",
        _ => throw NetworkFile.Error(
            _path, Line,
            $"{key} is {(_reader.TokenType == JsonTokenType.Null ? "null" : "an object or a list of lists")}, "
            + "where a number, a text, true, false or a list of numbers was due."),
    };

    private readonly void Expect(JsonTokenType type, string what)
    {
        if (_reader.TokenType != type)
        {
            throw NetworkFile.Error(_path, Line, $"{what}.");
        }
    }
}
