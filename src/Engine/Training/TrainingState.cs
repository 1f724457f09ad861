using System.Text.Json;
using System.Text.Json.Serialization;
using Engine.IO;

namespace Engine.Training;

/// <summary>
/// Represents the state of a training in a safetensors file. Parameters have their own names; other tensors have names
/// that begin with <see cref="Prefix"/>. Everything else is in a text in the metadata.
/// </summary>
internal sealed record TrainingState
{
    /// <summary>Specifies the prefix of names that are not parameters.</summary>
    public const string Prefix = "training/";

    private const string CallbackPrefix = Prefix + "callbacks/", TextName = "engine.training";
    private const int Version = 1;

    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
    };

    /// <summary>Gets or sets the update rule's name.</summary>
    public required string Rule { get; init; }

    public required ulong Seed { get; init; }

    public required IReadOnlyList<EpochRecord> History { get; init; }

    /// <summary>Gets or sets the network's variables by name.</summary>
    public required OrderedDictionary<string, Tensor> Tensors { get; init; }

    /// <summary>Gets or sets the state of callbacks by the callback's name.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> Callbacks { get; init; }

    /// <summary>Returns whether this name in such a file is not a parameter's.</summary>
    public static bool IsName(string name) => name.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Writes the file.</summary>
    /// <exception cref="EngineException">It cannot be written.</exception>
    public void Save(string path, IReadOnlyDictionary<string, string>? metadata)
    {
        if (Path.GetExtension(path).Equals(".npz", StringComparison.OrdinalIgnoreCase))
        {
            throw new EngineException(
                $"{path}: the state of a training is saved as safetensors, not as npz, which has no place for its "
                + "history.");
        }

        var texts = new Dictionary<string, string>(metadata ?? new Dictionary<string, string>())
        {
            [TextName] = JsonSerializer.Serialize(new StateText(Version, Rule, Seed, History), s_format),
        };
        Safetensors.Save(
            path,
            [
                .. Tensors,
                .. Callbacks.SelectMany(callback => callback.Value.Select(pair =>
                    KeyValuePair.Create($"{CallbackPrefix}{callback.Key}/{pair.Key}", pair.Value))),
            ],
            texts);
    }

    /// <summary>Reads the file, which may be untrusted.</summary>
    /// <exception cref="EngineException">It is missing, damaged, or not the state of a training.</exception>
    public static TrainingState Load(string path)
    {
        SafetensorsFile file = Safetensors.Load(path);
        if (!file.Metadata.TryGetValue(TextName, out string? json))
        {
            throw new EngineException(
                $"{path} is not the state of a training, as SaveState and --checkpoint write it. With parameters alone "
                + "training can begin (SetParameters, --load), but not go on.");
        }

        StateText text = Parse(json, path);
        ILookup<bool, KeyValuePair<string, Tensor>> parts = file.Tensors.ToLookup(
            pair => pair.Key.StartsWith(CallbackPrefix, StringComparison.Ordinal));
        return new TrainingState
        {
            Rule = text.Rule,
            Seed = text.Seed,
            History = text.History,
            Tensors = new(parts[false]),
            Callbacks = parts[true]
                .Select(pair => (Words: pair.Key[CallbackPrefix.Length..].Split('/', 3), pair.Value))
                .Where(pair => pair.Words.Length == 3)
                .GroupBy(pair => $"{pair.Words[0]}/{pair.Words[1]}")
                .ToDictionary(
                    group => group.Key,
                    group => (IReadOnlyDictionary<string, Tensor>)group.ToDictionary(
                        pair => pair.Words[2], pair => pair.Value)),
        };
    }

    /// <summary>Reads the text beside the tensors. <paramref name="path"/> is the file's name in messages.</summary>
    /// <exception cref="EngineException">It is damaged, or has another version.</exception>
    internal static StateText Parse(string json, string path)
    {
        try
        {
            StateText text = JsonSerializer.Deserialize<StateText>(json, s_format)
                ?? throw new JsonException("it is null");
            if (text.Version != Version)
            {
                throw new EngineException(
                    $"{path} is a training's state of version {text.Version}; this program reads version {Version}.");
            }

            return text.History.Select((record, i) => record?.Epoch == i + 1).All(isRight => isRight)
                ? text
                : throw new JsonException("its epochs are not numbered from 1 on");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NotSupportedException)
        {
            string why = error.Message.Split(" Path:")[0].TrimEnd('.');
            throw new ModelFileException($"{path} is damaged: its {TextName} cannot be understood ({why}).", error);
        }
    }
}

/// <summary>Represents the part of a state that is not tensors.</summary>
/// <param name="Version">The version of the content and its names.</param>
/// <param name="Rule">The update rule's name.</param>
/// <param name="Seed">The network's seed.</param>
/// <param name="History">Its epochs so far.</param>
[method: JsonConstructor]
internal sealed record StateText(
    [property: JsonRequired] int Version,
    [property: JsonRequired] string Rule,
    [property: JsonRequired] ulong Seed,
    [property: JsonRequired] IReadOnlyList<EpochRecord> History);
