using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Engine.Graph;
using Engine.Layers;
using Engine.Training;

namespace Engine.Models.Description;

/// <summary>Represents the description of a layer.</summary>
/// <param name="Name">Its name; null for a name by kind and index.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Settings">The values of its keys.</param>
/// <param name="Line">Its line in the file; 0 if there is no file.</param>
internal sealed record LayerDescription(string? Name, LayerKind Kind, Settings Settings, int Line)
{
    /// <summary>Gets or sets the names of its input layers; null for the layer before it.</summary>
    public IReadOnlyList<string>? Inputs { get; init; }

    /// <summary>Gets or sets the layer whose parameters it shares; null for its own parameters.</summary>
    public string? Like { get; init; }

    /// <summary>Gets whether it is an input of the network.</summary>
    public bool IsInput => Kind.Name == "input";
}

/// <summary>Represents the data settings of a description.</summary>
/// <param name="Images">The number of training images, and of test images; null for all.</param>
/// <param name="Validation">The part of the training images for validation.</param>
/// <param name="Shuffle">Whether each epoch has another order.</param>
/// <param name="Crop">The padding of a random crop, in pixels on each side; null for no crop.</param>
/// <param name="Flip">Whether half of them are mirrored left to right.</param>
/// <param name="Cutout">The side of a square that is set to 0 in each image; null for none.</param>
internal sealed record DataDescription(
    int? Images = null,
    double Validation = 0.2,
    bool Shuffle = false,
    int? Crop = null,
    bool Flip = false,
    int? Cutout = null)
{
    /// <summary>Returns the augmentations of training batches.</summary>
    public IReadOnlyList<Augmentation> MakeAugmentation()
    {
        var augmentation = new List<Augmentation>();
        if (Crop is { } padding)
        {
            augmentation.Add(new RandomCrop(padding));
        }

        if (Flip)
        {
            augmentation.Add(new HorizontalFlip());
        }

        if (Cutout is { } size)
        {
            augmentation.Add(new Cutout(size));
        }

        return augmentation;
    }
}

/// <summary>
/// Represents a network and its training, as a small text file or a saved model describes them.
/// <see cref="DescriptionReader"/> reads and checks it.
/// </summary>
internal sealed record NetworkDescription
{
    public const string NameKey = "name", KindKey = "kind", RuleKey = "rule", PatienceKey = "patience",
        InputsKey = "inputs", OutputsKey = "outputs", LikeKey = "like", NameSeparator = ",";

    private static readonly JsonWriterOptions s_format =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Gets or sets the name of the file in messages.</summary>
    public required string Path { get; init; }

    /// <summary>Gets or sets the name of the network; null for none.</summary>
    public string? Name { get; init; }

    public required IReadOnlyList<LayerDescription> Layers { get; init; }

    /// <summary>Gets or sets the names of the layers that are outputs; null for the last one.</summary>
    public IReadOnlyList<string>? Outputs { get; init; }

    public UpdateKind Update { get; init; } = UpdateKind.All[0];

    /// <summary>Gets or sets the values of the update rule's keys.</summary>
    public Settings UpdateSettings { get; init; } = new([], UpdateKind.All[0].Settings);

    public int Epochs { get; init; } = 10;

    /// <summary>Gets or sets the number of images in a step.</summary>
    public int Batch { get; init; } = 128;

    public int Seed { get; init; } = 42;

    /// <summary>Gets or sets the factor of Σ |w| in the training loss.</summary>
    public double L1 { get; init; }

    /// <summary>Gets or sets the factor of Σ w² in the training loss.</summary>
    public double L2 { get; init; }

    /// <summary>
    /// Gets or sets after how many epochs without a lower validation loss the training ends, with the best epoch's
    /// parameters; null for never.
    /// </summary>
    public int? Patience { get; init; }

    public DataDescription Data { get; init; } = new();

    /// <summary>Gets the dimensions of a sample.</summary>
    public IReadOnlyList<int> InputDimensions => Layers[0].Settings.Integers("shape");

    /// <summary>Returns the layers in their order.</summary>
    public (string Name, Layer Layer)[] MakeLayers() =>
    [
        .. Layers.Select((layer, i) => (
            NameOf(i), layer.Kind.Make(layer.Settings, new Origin(layer.Line == 0 ? null : Path, layer.Line)))),
    ];

    /// <summary>
    /// Creates the node of the last layer, connected to the layers before it, for a network with one input and one
    /// output.
    /// </summary>
    /// <exception cref="EngineException">It has several inputs or outputs.</exception>
    public Node MakeOutput() => Layers.Count(layer => layer.IsInput) == 1 && (Outputs?.Count ?? 1) == 1
        ? MakeOutputs()[0]
        : throw new EngineException(
            $"{Path} describes a network of several inputs or outputs, and this is for networks of one of each: "
            + "load it in C#, by NetworkFiles.LoadNetwork.");

    /// <summary>Creates the nodes of the outputs, connected to the layers before them, for a network.</summary>
    public Node[] MakeOutputs()
    {
        var nodes = new OrderedDictionary<string, Node>();
        foreach (((string name, Layer layer), LayerDescription described) in MakeLayers().Zip(Layers))
        {
            Node[] inputs = described.IsInput ? []
                : described.Inputs is { } names ? [.. names.Select(input => nodes[input])]
                : [nodes.GetAt(nodes.Count - 1).Value];
            nodes.Add(name,
                described.Like is { } like ? nodes[like].Layer.On(inputs).Named(like) : layer.On(inputs).Named(name));
        }

        return Outputs is null ? [nodes.GetAt(nodes.Count - 1).Value] : [.. Outputs.Select(output => nodes[output])];
    }

    /// <summary>Returns the description of a network that was built in C#: its layers and outputs.</summary>
    /// <exception cref="EngineException">A description cannot express one of the layers.</exception>
    public static NetworkDescription Of(Network network)
    {
        IReadOnlyList<NetworkLayer> layers = network.Layers;
        var described = new List<LayerDescription>();
        for (int i = 0; i < layers.Count; i++)
        {
            NetworkLayer layer = layers[i];
            string owner = layer.Name.Split(':')[0];
            string[]? inputs = layer.Layer is Engine.Layers.Input
                || (i > 0 && layer.Inputs.SequenceEqual([layers[i - 1].Name])) ? null : [.. layer.Inputs];
            LayerDescription? like = owner == layer.Name ? null : described.FirstOrDefault(one => one.Name == owner);
            described.Add(like is null
                ? LayerWriter.Describe(layer.Name, layer.Layer, inputs)
                : like with { Name = layer.Name, Inputs = inputs, Like = owner });
        }

        string[] outputs = [.. network.Outputs.Select(output => output.Name)];
        return new NetworkDescription
        {
            Path = "the network",
            Layers = described,
            Outputs = outputs.SequenceEqual([layers[^1].Name]) ? null : outputs,
        };
    }

    /// <summary>Returns the name of a layer.</summary>
    public string NameOf(int index) =>
        Layers[index].Name ?? $"{Layers[index].Kind.Name.Replace("_", "", StringComparison.Ordinal)}{index}";

    /// <summary>Returns the update rule.</summary>
    public UpdateRule MakeUpdate() => Update.MakeRule(UpdateSettings);

    /// <summary>Returns the batch iterator for training.</summary>
    public BatchIterator MakeBatches() => new(Batch) { Shuffle = Data.Shuffle, Augmentation = Data.MakeAugmentation() };

    /// <summary>
    /// Returns the callbacks that change the learning rate and end the training early, if they are described.
    /// </summary>
    public IEnumerable<Callback> MakeCallbacks()
    {
        string name = UpdateSettings.Has(ScheduleKind.Key)
            ? UpdateSettings.Word(ScheduleKind.Key)
            : ScheduleKind.All[0].Name;
        Schedule? schedule = ScheduleKind.All.Single(kind => kind.Name == name).Make(
            UpdateSettings, UpdateSettings.Real(UpdateKind.LearningRate), Math.Max(Epochs, 1));
        if (schedule is not null)
        {
            yield return new AdjustVariable(UpdateKind.LearningRate, schedule);
        }

        if (Patience is { } patience)
        {
            yield return new EarlyStopping(patience);
        }
    }

    /// <summary>
    /// Returns the description with dense hidden layers of these sizes. If the number of layers is the same, each gets
    /// its size. Otherwise the new layers replace all layers from the first dense one to the one before the last.
    /// </summary>
    public NetworkDescription WithHidden(IReadOnlyList<int> sizes)
    {
        LayerKind dense = LayerKind.All.Single(kind => kind.Name == "dense");
        int[] indices = [.. Enumerable.Range(1, Layers.Count - 2).Where(i => Layers[i].Kind.Name == dense.Name)];
        if (indices.Length == sizes.Count)
        {
            return this with
            {
                Layers = [.. Layers.Select((layer, i) => Array.IndexOf(indices, i) is >= 0 and int at
                    ? layer with { Settings = layer.Settings.With("units", sizes[at]) } : layer)],
            };
        }

        return this with
        {
            Layers =
            [
                .. Layers.Take(indices is [var first, ..] ? first : Layers.Count - 1),
                .. sizes.Select((units, i) => new LayerDescription(
                    sizes.Count == 1 ? "hidden" : $"hidden{i + 1}", dense,
                    new Settings([KeyValuePair.Create("units", (object)units)], dense.Settings), Line: 0)),
                Layers[^1],
            ],
        };
    }

    /// <summary>Returns the description with another value for a key of the update rule.</summary>
    /// <param name="key">The key.</param>
    /// <param name="value">Its value.</param>
    /// <param name="option">The command-line option, for the message.</param>
    /// <exception cref="EngineException">The rule has no such key.</exception>
    public NetworkDescription WithUpdate(string key, double value, string option) => UpdateSettings.Has(key)
        ? this with { UpdateSettings = UpdateSettings.With(key, value) }
        : throw new EngineException($"{option}: the update rule of {Path}, {Update.Name}, has no {key}.");

    /// <summary>Returns the description with another schedule of the learning rate, which has its defaults.</summary>
    public NetworkDescription WithSchedule(string name)
    {
        Setting[] known =
            [.. Update.Settings, ScheduleKind.Named, .. ScheduleKind.All.Single(kind => kind.Name == name).Settings];
        return this with
        {
            UpdateSettings = new Settings(
                [.. UpdateSettings.Given.Where(pair => known.Any(setting => setting.Name == pair.Key))],
                known).With(ScheduleKind.Key, name),
        };
    }

    /// <summary>Returns the description in JSON, as saved models contain it.</summary>
    public string ToJson()
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, s_format))
        {
            json.WriteStartObject();
            if (Name is not null)
            {
                json.WriteString(NameKey, Name);
            }

            json.WriteStartArray(NetworkFile.LayersName);
            foreach (LayerDescription layer in Layers)
            {
                Write(json, layer);
            }

            json.WriteEndArray();
            Write(json, OutputsKey, Outputs);
            json.WriteStartObject(NetworkFile.UpdateName);
            json.WriteString(RuleKey, Update.Name);
            Write(json, UpdateSettings);
            json.WriteEndObject();
            json.WriteNumber("epochs", Epochs);
            json.WriteNumber("batch", Batch);
            json.WriteNumber("seed", Seed);
            WriteUnless(json, "l1", L1, 0);
            WriteUnless(json, "l2", L2, 0);
            if (Patience is { } patience)
            {
                json.WriteNumber(PatienceKey, patience);
            }

            json.WriteStartObject(NetworkFile.DataName);
            if (Data.Images is { } images)
            {
                json.WriteNumber("images", images);
            }

            json.WriteNumber("validation", Data.Validation);
            json.WriteBoolean("shuffle", Data.Shuffle);
            WriteUnless(json, "crop", Data.Crop, null);
            if (Data.Flip)
            {
                json.WriteBoolean("flip", true);
            }

            WriteUnless(json, "cutout", Data.Cutout, null);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(bytes.ToArray());
    }

    private static void WriteUnless(Utf8JsonWriter json, string key, double? value, double? byDefault)
    {
        if (value != byDefault)
        {
            json.WritePropertyName(key);
            json.WriteRawValue(value!.Value.ToString("R", CultureInfo.InvariantCulture));
        }
    }

    private static void Write(Utf8JsonWriter json, string key, IReadOnlyList<string>? names)
    {
        if (names is not null)
        {
            json.WriteStartArray(key);
            foreach (string name in names)
            {
                json.WriteStringValue(name);
            }

            json.WriteEndArray();
        }
    }

    private static void Write(Utf8JsonWriter json, LayerDescription layer)
    {
        json.WriteStartObject();
        if (layer.Name is not null)
        {
            json.WriteString(NameKey, layer.Name);
        }

        json.WriteString(layer.Like is null ? KindKey : LikeKey, layer.Like ?? layer.Kind.Name);
        Write(json, InputsKey, layer.Inputs);
        if (layer.Like is null)
        {
            Write(json, layer.Settings);
        }

        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Settings settings)
    {
        foreach ((string key, object value) in settings.Given)
        {
            json.WritePropertyName(key);
            switch (value)
            {
                case bool flag:
                    json.WriteBooleanValue(flag);
                    break;
                case int number:
                    json.WriteNumberValue(number);
                    break;
                case double number:
                    json.WriteRawValue(number.ToString("R", CultureInfo.InvariantCulture));
                    break;
                case double[] numbers:
                    json.WriteStartArray();
                    Array.ForEach(
                        numbers, each => json.WriteRawValue(each.ToString("R", CultureInfo.InvariantCulture)));
                    json.WriteEndArray();
                    break;
                case IReadOnlyList<LayerDescription> layers:
                    json.WriteStartArray();
                    foreach (LayerDescription layer in layers)
                    {
                        Write(json, layer);
                    }

                    json.WriteEndArray();
                    break;
                case int[] and [int dimension]:
                    json.WriteNumberValue(dimension);
                    break;
                case int[] dimensions:
                    json.WriteStartArray();
                    Array.ForEach(dimensions, json.WriteNumberValue);
                    json.WriteEndArray();
                    break;
                default:
                    json.WriteStringValue((string)value);
                    break;
            }
        }
    }
}
