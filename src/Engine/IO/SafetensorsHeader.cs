using System.Text.Json;

namespace Engine.IO;

/// <summary>A tensor as a header describes it; the offsets count from the end of the header.</summary>
internal sealed record TensorEntry(string Name, DType DType, Shape Shape, long Begin, long End);

/// <summary>The JSON header of a safetensors file, checked.</summary>
internal sealed record SafetensorsHeader(
    IReadOnlyList<TensorEntry> Entries,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The format's own limit.</summary>
    public const int MaxBytes = 100_000_000;

    private const string MetadataName = "__metadata__";
    private const int Alignment = 8;
    private const int MaxRank = 64;

    private static readonly (DType DType, string Name)[] s_dtypes =
        [(DType.Float32, "F32"), (DType.Float64, "F64"), (DType.Int32, "I32"), (DType.UInt8, "U8")];

    /// <summary>The header of tensors laid one behind the other, padded so that the first is aligned.</summary>
    public static byte[] Write(
        IReadOnlyList<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataName);
                foreach ((string name, string text) in metadata)
                {
                    json.WriteString(name, text);
                }

                json.WriteEndObject();
            }

            var names = new HashSet<string>();
            long end = 0;
            foreach ((string name, Tensor tensor) in tensors)
            {
                if (name == MetadataName || !names.Add(name))
                {
                    throw new EngineException(name == MetadataName
                        ? $"No tensor can be saved as '{name}': safetensors uses that name itself."
                        : $"Two tensors to save are named '{name}'.");
                }

                long begin = end;
                end += tensor.Bytes.Length;
                WriteEntry(json, new TensorEntry(name, tensor.DType, tensor.Shape, begin, end));
            }

            json.WriteEndObject();
        }

        while (bytes.Length % Alignment != 0)
        {
            bytes.WriteByte((byte)' ');
        }

        return bytes.ToArray();
    }

    /// <summary>Reads a header and checks that its tensors fill the bytes behind it exactly.</summary>
    /// <exception cref="ModelFileException">They do not, or it is not such a header.</exception>
    public static SafetensorsHeader Parse(ReadOnlyMemory<byte> header, long dataBytes, string path)
    {
        if (header.Span is not [(byte)'{', ..])
        {
            throw Safetensors.Damaged(path, "its header does not begin with {");
        }

        var entries = new List<TensorEntry>();
        var metadata = new Dictionary<string, string>();
        try
        {
            var strict = new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 3 };
            using var json = JsonDocument.Parse(header, strict);
            foreach (JsonProperty property in json.RootElement.EnumerateObject())
            {
                if (property.NameEquals(MetadataName))
                {
                    foreach (JsonProperty text in property.Value.EnumerateObject())
                    {
                        metadata.Add(text.Name, text.Value.GetString() ?? throw new FormatException("a text is null"));
                    }
                }
                else
                {
                    entries.Add(ParseEntry(property, path));
                }
            }
        }
        // The ways in which System.Text.Json says that the text is not JSON, not UTF-8 or not of the type asked for.
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw Safetensors.Damaged(path, $"its header cannot be understood ({error.Message.TrimEnd('.')})", error);
        }

        CheckPlaces(entries, dataBytes, path);
        return new SafetensorsHeader(entries, metadata);
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorEntry entry)
    {
        json.WriteStartObject(entry.Name);
        json.WriteString("dtype", Array.Find(s_dtypes, pair => pair.DType == entry.DType).Name);
        json.WriteStartArray("shape");
        foreach (int side in entry.Shape.Sides)
        {
            json.WriteNumberValue(side);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(entry.Begin);
        json.WriteNumberValue(entry.End);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static TensorEntry ParseEntry(JsonProperty property, string path)
    {
        string name = property.Name;
        string? dtypeName = Member("dtype").GetString();
        JsonElement sides = Member("shape"), offsets = Member("data_offsets");
        (DType dtype, string? known) = Array.Find(s_dtypes, pair => pair.Name == dtypeName);
        if (known is null)
        {
            string all = string.Join(", ", s_dtypes.Select(pair => pair.Name));
            throw new ModelFileException(
                $"{path}: the tensor '{Cut(name)}' holds {Cut(dtypeName ?? "null")}; tensors here hold {all}.");
        }

        if (sides.GetArrayLength() > MaxRank || offsets.GetArrayLength() != 2)
        {
            throw Wrong("has too many sides, or not two offsets");
        }

        int[] shape = [.. sides.EnumerateArray().Select(side => side.GetInt32())];
        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        if (shape.Any(side => side < 0) || begin < 0 || end < begin)
        {
            throw Wrong("has a negative side or offset");
        }

        if (Bytes(shape, dtype) != end - begin)
        {
            throw Wrong($"has {end - begin} bytes, which is not what {dtype.Name()} {Shape.Create(shape)} takes");
        }

        return end - begin <= Array.MaxLength
            ? new TensorEntry(name, dtype, Shape.Create(shape), begin, end)
            : throw new ModelFileException(
                $"{path}: the tensor '{Cut(name)}' has {end - begin} bytes; here {Array.MaxLength} are the most.");

        JsonElement Member(string member) =>
            property.Value.TryGetProperty(member, out JsonElement value) ? value : throw Wrong($"has no {member}");

        ModelFileException Wrong(string what) => Safetensors.Damaged(path, $"the tensor '{Cut(name)}' {what}");
    }

    /// <summary>The bytes of such a tensor, or -1 if they are too many to count.</summary>
    private static long Bytes(int[] shape, DType dtype)
    {
        try
        {
            return shape.Aggregate((long)dtype.Size(), (bytes, side) => checked(bytes * side));
        }
        catch (OverflowException)
        {
            return -1;
        }
    }

    private static void CheckPlaces(List<TensorEntry> entries, long dataBytes, string path)
    {
        long end = 0;
        foreach (TensorEntry entry in entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (entry.Begin != end)
            {
                throw Safetensors.Damaged(
                    path, $"the tensor '{Cut(entry.Name)}' begins at {entry.Begin}, where {end} was due");
            }

            end = entry.End;
        }

        if (end != dataBytes)
        {
            throw Safetensors.Damaged(path, $"its tensors take {end} bytes, but {dataBytes} follow its header");
        }
    }

    // A stranger's name may be megabytes long; a message must not be.
    private static string Cut(string name) => name.Length <= 80 ? name : name[..80] + "…";
}
