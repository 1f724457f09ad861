using System.Text.Json;

namespace Engine.IO;

/// <summary>A tensor as described by a header; the offsets count from the end of the header.</summary>
/// <param name="Name">The name.</param>
/// <param name="DType">The format's name of the element type.</param>
/// <param name="Shape">The dimensions.</param>
/// <param name="Begin">The first byte.</param>
/// <param name="End">The byte after the last.</param>
internal sealed record TensorEntry(string Name, string DType, Shape Shape, long Begin, long End)
{
    /// <summary>Returns the stored type of its elements.</summary>
    /// <exception cref="NotSupportedException">A tensor cannot hold such elements, or so many.</exception>
    public StoredType RequireReadable()
    {
        if (!SafetensorsHeader.Types.TryGetValue(DType, out StoredType? stored))
        {
            throw new NotSupportedException(
                $"it holds {DType}; what can be read here are {string.Join(", ", SafetensorsHeader.Types.Keys)}"
                + (SafetensorsHeader.Unread.TryGetValue(DType, out string? what) ? $"; {DType} are {what}" : ""));
        }

        return End - Begin <= Array.MaxLength && stored.Fits(Shape) ? stored : throw new NotSupportedException(
            $"as {stored.DType.Name()} {Shape} it takes more than {Array.MaxLength} bytes");
    }
}

/// <summary>The checked JSON header of a safetensors file.</summary>
internal sealed record SafetensorsHeader(
    IReadOnlyList<TensorEntry> Entries,
    IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The limit of the format itself.</summary>
    public const int MaxBytes = 100_000_000;

    private const string MetadataName = "__metadata__";
    private const int Alignment = 8;
    private const int MaxRank = 64;

    /// <summary>Gets the format's types that tensors can hold.</summary>
    public static OrderedDictionary<string, StoredType> Types { get; } = new()
    {
        ["F32"] = StoredType.Float32,
        ["F64"] = StoredType.Float64,
        ["I32"] = StoredType.Int32,
        ["U8"] = StoredType.UInt8,
        ["F16"] = StoredType.Float16,
        ["BF16"] = StoredType.BFloat16,
        ["F8_E4M3"] = StoredType.Float8E4M3,
        ["F8_E5M2"] = StoredType.Float8E5M2,
        ["F8_E8M0"] = StoredType.Float8E8M0,
        ["I64"] = StoredType.Int64,
        ["I16"] = StoredType.Int16,
        ["I8"] = StoredType.Int8,
        ["U64"] = StoredType.UInt64,
        ["U32"] = StoredType.UInt32,
        ["U16"] = StoredType.UInt16,
        ["BOOL"] = StoredType.Bool,
    };

    /// <summary>Gets the format's other types.</summary>
    public static IReadOnlyDictionary<string, string> Unread { get; } = new Dictionary<string, string>
    {
        ["C64"] = "complex numbers; save the real and the imaginary part",
        ["F4"] = "packed, several to a byte; save them as F16",
        ["F6_E2M3"] = "packed, several to three bytes; save them as F16",
        ["F6_E3M2"] = "packed, several to three bytes; save them as F16",
    };

    /// <summary>Writes the header of tensors that follow one another, padded so that the first is aligned.</summary>
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
                string dtype = Types.First(type => type.Value == StoredType.Of(tensor.DType)).Key;
                WriteEntry(json, new TensorEntry(name, dtype, tensor.Shape, begin, end));
            }

            json.WriteEndObject();
        }

        while (bytes.Length % Alignment != 0)
        {
            bytes.WriteByte((byte)' ');
        }

        return bytes.ToArray();
    }

    /// <summary>Reads a header and checks that its tensors fill the bytes after it exactly.</summary>
    /// <exception cref="ModelFileException">They do not, or the header is invalid.</exception>
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
        // System.Text.Json throws these if the text is not JSON, not UTF-8 or not of the expected type.
        catch (Exception error) when (error is JsonException or InvalidOperationException or FormatException)
        {
            throw Safetensors.Damaged(path, $"its header cannot be understood ({error.Message.TrimEnd('.')})", error);
        }

        CheckOffsets(entries, dataBytes, path);
        return new SafetensorsHeader(entries, metadata);
    }

    private static void WriteEntry(Utf8JsonWriter json, TensorEntry entry)
    {
        json.WriteStartObject(entry.Name);
        json.WriteString("dtype", entry.DType);
        json.WriteStartArray("shape");
        foreach (int dimension in entry.Shape.Dimensions)
        {
            json.WriteNumberValue(dimension);
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
        string dtype = Member("dtype").GetString() ?? throw new FormatException("a dtype is null");
        JsonElement dimensions = Member("shape"), offsets = Member("data_offsets");
        if (dimensions.GetArrayLength() > MaxRank || offsets.GetArrayLength() != 2)
        {
            throw Wrong("has too many dimensions, or not two offsets");
        }

        int[] shape = [.. dimensions.EnumerateArray().Select(Dimension)];
        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        if (shape.Any(dimension => dimension < 0) || begin < 0 || end < begin)
        {
            throw Wrong("has a negative dimension or offset");
        }

        var entry = new TensorEntry(name, Cut(dtype), Shape.Create(shape), begin, end);
        return !Types.TryGetValue(dtype, out StoredType? stored) || stored.Bytes(entry.Shape) == end - begin
            ? entry
            : throw Wrong($"has {end - begin} bytes, which is not what {stored.Name} {entry.Shape} takes");

        int Dimension(JsonElement dimension) => dimension.TryGetInt32(out int length) ? length
            : dimension.TryGetInt64(out long longer) && longer > 0 ? throw new FormatException(
                $"the tensor '{Cut(name)}' has a dimension of {longer}, and {int.MaxValue} is the longest here")
            : throw new FormatException($"the tensor '{Cut(name)}' has a dimension that is no whole number");

        JsonElement Member(string member) =>
            property.Value.TryGetProperty(member, out JsonElement value) ? value : throw Wrong($"has no {member}");

        ModelFileException Wrong(string what) => Safetensors.Damaged(path, $"the tensor '{Cut(name)}' {what}");
    }

    private static void CheckOffsets(List<TensorEntry> entries, long dataBytes, string path)
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

    // A name in an untrusted file may be megabytes long; a message must not be.
    internal static string Cut(string name) => name.Length <= 80 ? name : name[..80] + "…";
}
