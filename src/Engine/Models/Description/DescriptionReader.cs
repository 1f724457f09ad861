using System.Text;
using Engine.Training;

namespace Engine.Models.Description;

/// <summary>Interprets and checks a network's description. docs/network-files.md specifies the format.</summary>
internal static class DescriptionReader
{
    private static readonly Setting[] s_top =
    [
        Setting.Text(NetworkDescription.NameKey), Setting.Text(NetworkDescription.OutputsKey), Setting.Whole(
            "epochs", 0), Setting.Whole("batch", 1),
        Setting.Whole("seed", 0), Setting.Whole(NetworkDescription.PatienceKey, 1),
        Setting.Real("l1", "a number from 0 on", x => x >= 0, 0), Setting.Real(
            "l2", "a number from 0 on", x => x >= 0, 0),
    ];

    private static readonly Setting[] s_data =
    [
        Setting.Whole("images", 10), Setting.Real("validation", "a number from 0 to 0.5", x => x is >= 0 and <= 0.5),
        Setting.Flag("shuffle", false), Setting.Whole("crop", 1), Setting.Flag("flip", false), Setting.Whole(
            "cutout", 1),
    ];

    /// <summary>Reads a file, in JSON or INI.</summary>
    /// <exception cref="EngineException">
    /// The file does not exist or is wrong: the message has the file, line and key, and the allowed values.
    /// </exception>
    public static NetworkDescription Read(string path) => Read(NetworkFile.Read(path));

    /// <summary>Reads a description from a text. <paramref name="path"/> is its name in messages.</summary>
    public static NetworkDescription Parse(string text, string path) =>
        Read(NetworkFile.Parse(Encoding.UTF8.GetBytes(text), path));

    private static NetworkDescription Read(NetworkFile file)
    {
        Settings top = Settings.Read(file, file.Top.Entries, "a network", s_top, file.Top.Line, NetworkFile.Sections);
        if (file.Layers.Count == 0)
        {
            throw new EngineException(
                $"{file.Path} has no layers: a network needs an input layer and at least one behind it.");
        }

        Settings data = Settings.Read(file, file.Data?.Entries ?? [], "data", s_data, 0);
        var byDefault = new DataDescription();
        (UpdateKind update, Settings settings) = Update(file);
        var layers = new List<LayerDescription>();
        var network = new NetworkDescription { Path = file.Path, Layers = layers };
        foreach (Section section in file.Layers)
        {
            layers.Add(Layer(file, section, network));
        }

        network = network with
        {
            Name = (string?)top.Value(NetworkDescription.NameKey),
            Outputs = ((string?)top.Value(NetworkDescription.OutputsKey))?.Split(
                NetworkDescription.NameSeparator, StringSplitOptions.TrimEntries),
            Update = update,
            UpdateSettings = settings,
            Epochs = (int?)top.Value("epochs") ?? network.Epochs,
            Batch = (int?)top.Value("batch") ?? network.Batch,
            Seed = (int?)top.Value("seed") ?? network.Seed,
            L1 = top.Real("l1"),
            L2 = top.Real("l2"),
            Patience = (int?)top.Value(NetworkDescription.PatienceKey),
            Data = new DataDescription(
                (int?)data.Value("images"), (double?)data.Value("validation")
                    ?? byDefault.Validation, data.Flag("shuffle"),
                (int?)data.Value("crop"), data.Flag("flip"), (int?)data.Value("cutout")),
        };
        Check(file, network);
        return network;
    }

    private static (UpdateKind Kind, Settings Settings) Update(NetworkFile file)
    {
        Section section = file.Update ?? new Section(file.Top.Line, []);
        Entry? rule = section.Entries.FirstOrDefault(entry => entry.Key == NetworkDescription.RuleKey);
        UpdateKind kind = rule is null ? UpdateKind.All[0] : Find(
            file, rule, "update rule", UpdateKind.All, kind => kind.Name);
        Entry[] clips = [.. section.Entries.Where(entry => UpdateKind.ClipKeys.Contains(entry.Key))];
        if (clips.Length > 1)
        {
            throw file.Error(
                clips[1].Line, $"{clips[0].Key} and {clips[1].Key} are both given: gradients are clipped in one way.");
        }

        Entry? named = section.Entries.FirstOrDefault(entry => entry.Key == ScheduleKind.Key);
        ScheduleKind schedule = named is null ? ScheduleKind.All[0] : Find(
            file, named, "schedule", ScheduleKind.All, kind => kind.Name);
        string owner = $"the update rule {kind.Name}{(named is null ? "" : $" with the schedule {schedule.Name}")}";
        return (kind, Settings.Read(
            file, section.Entries.Where(entry => entry != rule), owner,
            [.. kind.Settings, ScheduleKind.Named, .. schedule.Settings], section.Line, NetworkDescription.RuleKey));
    }

    private static LayerDescription Layer(NetworkFile file, Section section, NetworkDescription before)
    {
        Entry? name = section.Entries.FirstOrDefault(entry => entry.Key == NetworkDescription.NameKey);
        if (section.Entries.FirstOrDefault(entry => entry.Key == NetworkDescription.LikeKey) is { } like)
        {
            return Like(file, section, before, name, like);
        }

        Entry? inputs = InputsOf(section);
        return Described(file, section, name, inputs,
            [NetworkDescription.NameKey, NetworkDescription.KindKey, NetworkDescription.InputsKey]) with
        {
            Inputs = inputs?.Text.Split(NetworkDescription.NameSeparator, StringSplitOptions.TrimEntries),
        };
    }

    /// <summary>Returns a layer within a layer, which has the input that the outer one gives it.</summary>
    public static LayerDescription Inner(NetworkFile file, Section section)
    {
        LayerDescription inner = Described(
            file, section, section.Entries.FirstOrDefault(entry => entry.Key == NetworkDescription.NameKey),
            inputs: null,
            [NetworkDescription.NameKey, NetworkDescription.KindKey]);
        return inner.IsInput ? throw file.Error(section.Line, "a layer within a layer is no input.") : inner;
    }

    private static LayerDescription Described(
        NetworkFile file, Section section, Entry? name, Entry? inputs, IReadOnlyList<string> beside)
    {
        Entry kind = section.Entries.FirstOrDefault(entry => entry.Key == NetworkDescription.KindKey)
            ?? throw file.Error(section.Line, $"the layer has no kind: one of {KindNames}.");
        LayerKind found = Find(file, kind, "kind of layer", LayerKind.All, known => known.Name);
        if (name is { Text: "" } || name?.Text.Any(letter => char.IsControl(letter) || letter == ',') == true)
        {
            throw file.Error(name.Line, "a layer's name is not empty, and has no comma.");
        }

        return new LayerDescription(
            name?.Text,
            found,
            Settings.Read(
                file, section.Entries.Where(entry => entry != name && entry != kind && entry != inputs), found.Name,
                found.Settings, section.Line, beside),
            section.Line);
    }

    /// <summary>Returns another use of an earlier layer.</summary>
    private static LayerDescription Like(
        NetworkFile file, Section section, NetworkDescription before, Entry? name, Entry like)
    {
        string[] names = [.. Enumerable.Range(0, before.Layers.Count).Select(before.NameOf)];
        int at = Array.IndexOf(names, like.Text);
        if (at < 0 || before.Layers[at].IsInput || before.Layers[at].Like is not null)
        {
            throw file.Error(
                like.Line, $"'{like.Text}' is no layer before it, "
                    + $"of which it could be another place{Nearest.Question(like.Text, names)}");
        }

        Entry? inputs = InputsOf(section);
        _ = Settings.Read(
            file, section.Entries.Where(entry => entry != name && entry != like && entry != inputs),
            $"a layer like '{like.Text}'", [], section.Line,
            NetworkDescription.NameKey, NetworkDescription.LikeKey, NetworkDescription.InputsKey);
        return before.Layers[at] with
        {
            Name = name?.Text ?? $"{like.Text}:{before.Layers.Count(layer => layer.Like == like.Text) + 2}",
            Line = section.Line,
            Like = like.Text,
            Inputs = inputs?.Text.Split(NetworkDescription.NameSeparator, StringSplitOptions.TrimEntries),
        };
    }

    private static Entry? InputsOf(Section section) =>
        section.Entries.FirstOrDefault(entry => entry.Key == NetworkDescription.InputsKey);

    private static string KindNames => string.Join(", ", LayerKind.All.Select(kind => kind.Name));

    private static T Find<T>(NetworkFile file, Entry entry, string what, IReadOnlyList<T> known, Func<T, string> name)
        where T : class
    {
        T? found = known.FirstOrDefault(one => name(one) == entry.Text);
        if (found is not null)
        {
            return found;
        }

        throw file.Error(
            entry.Line,
            $"there is no {what} '{entry.Text}'{Nearest.Question(entry.Text, known.Select(name))} There "
            + $"are {string.Join(", ", known.Select(name))}.");
    }

    /// <summary>
    /// Builds the network, because sizes of layers may not fit each other. The message then has the layer's line.
    /// </summary>
    private static void Check(NetworkFile file, NetworkDescription network)
    {
        LayerDescription first = network.Layers[0];
        if (first.Kind.Name != "input")
        {
            throw file.Error(first.Line, $"the first layer is of kind input, not {first.Kind.Name}.");
        }

        if (network is { Patience: not null, Data.Validation: 0 })
        {
            throw file.Error(
                file.Top.Entries.First(entry => entry.Key == NetworkDescription.PatienceKey).Line,
                "patience watches the loss on validation images, but validation is 0.");
        }

        if (network.Data.MakeAugmentation().Count > 0 && network.InputDimensions.Count != 3)
        {
            throw file.Error(
                file.Data!.Line,
                "crop, flip and cutout are for images: give the input layer their dimensions, as 1x32x32.");
        }

        foreach (IGrouping<string, LayerDescription> same in network.Layers
            .Where(layer => layer.Name is not null)
            .GroupBy(layer => layer.Name!)
            .Where(group => group.Count() > 1))
        {
            throw file.Error(same.Last().Line, $"two layers are named '{same.Key}': give this one another name.");
        }

        CheckInputs(file, network);
    }

    /// <summary>
    /// Checks that each layer's inputs come before it, and that each layer except the last is an input of another.
    /// </summary>
    private static void CheckInputs(NetworkFile file, NetworkDescription network)
    {
        var ends = new OrderedDictionary<string, int>();
        for (int i = 0; i < network.Layers.Count; i++)
        {
            LayerDescription layer = network.Layers[i];
            string[] before = [.. Enumerable.Range(0, i).Select(network.NameOf)];
            if (layer is { IsInput: true, Inputs: not null })
            {
                throw file.Error(layer.Line, "an input layer has no inputs.");
            }

            foreach (string input in layer.Inputs ?? before.TakeLast(layer.IsInput ? 0 : 1))
            {
                ends.Remove(before.Contains(input) ? input : throw file.Error(
                    layer.Line,
                    $"'{input}', an input of '{network.NameOf(i)}', "
                    + $"is no layer before it{Nearest.Question(input, before)} There "
                    + $"are {string.Join(", ", before)}."));
            }

            ends.Add(network.NameOf(i), layer.Line);
        }

        string[] all = [.. Enumerable.Range(0, network.Layers.Count).Select(network.NameOf)];
        foreach (string output in network.Outputs ?? all.TakeLast(1))
        {
            ends.Remove(all.Contains(output) ? output : throw file.Error(
                file.Top.Line, $"'{output}', an output, is no layer{Nearest.Question(output, all)} There "
                    + $"are {string.Join(", ", all)}."));
        }

        if (ends.Count > 0)
        {
            (string name, int line) = ends.GetAt(0);
            throw file.Error(
                line, $"no layer is put on '{name}': name it in the inputs of one behind it, "
                    + $"or in the network's outputs, or leave it out.");
        }
    }
}
