using System.Globalization;

namespace Engine.Models.Description;

/// <summary>Represents a key of a description: its allowed values and the parser of its text.</summary>
/// <param name="Name">The key.</param>
/// <param name="Rule">The rule for its value, for messages.</param>
/// <param name="Parse">Returns its value, or null if the text is invalid.</param>
/// <param name="Default">Its default value; null if it must be given or may be absent.</param>
/// <param name="IsRequired">Whether it must be given.</param>
internal sealed record Setting(
    string Name, string Rule, Func<string, object?> Parse, object? Default = null, bool IsRequired = false)
{
    /// <summary>Gets or sets its name in older files, which are still read; null if there was none.</summary>
    public string? FormerName { get; init; }

    /// <summary>Gets or sets the allowed words, if its value is a word.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>Gets or sets whether its value is a list of layers.</summary>
    public bool HoldsLayers { get; init; }

    private static readonly char[] s_between = ['x', ','];

    public static Setting Whole(string name, int min, int? byDefault = null) => new(
        name,
        $"a whole number, at least {min}",
        text => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            && value >= min ? value : null,
        byDefault);

    public static Setting Real(string name, string rule, Func<double, bool> valid, double? byDefault = null) => new(
        name,
        rule,
        text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            && double.IsFinite(value) && valid(value) ? value : null,
        byDefault);

    public static Setting Flag(string name, bool byDefault) => new(
        name, "true or false", text => bool.TryParse(text, out bool value) ? value : null, byDefault);

    public static Setting Word(string name, IEnumerable<string> words, string? byDefault = null)
    {
        string[] all = [.. words];
        return new Setting(
            name, $"one of {string.Join(", ", all)}", text => all.Contains(text) ? text : null, byDefault)
        {
            Words = all,
        };
    }

    public static Setting Text(string name) => new(name, "a text", text => text.Length > 0 ? text : null);

    /// <summary>Returns a setting for a height and a width, or one number for both.</summary>
    public static Setting Size(string name, int min) => new(
        name,
        $"a number or HEIGHTxWIDTH, as 3 or 3x2, at least {min}",
        text => Integers(text) is { Length: 1 or 2 } dimensions && dimensions.All(dimension => dimension >= min)
            ? dimensions
            : null);

    /// <summary>Returns a setting for the padding of an image, as a size or a word.</summary>
    public static Setting Padding(string name) => new(
        name,
        "valid, same, full, or a number of pixels or HEIGHTxWIDTH",
        text => text is "valid" or "same" or "full" ? text
            : Integers(text) is { Length: 1 or 2 } dimensions && dimensions.All(dimension => dimension >= 0)
            ? dimensions
            : null)
    {
        Words = ["valid", "same", "full"],
    };

    /// <summary>Returns a setting for the dimensions of a sample.</summary>
    public static Setting SampleDimensions(string name, bool mayInfer = false) => new(
        name,
        mayInfer
            ? "the dimensions of a sample, as 1x32x32, of which one may be -1"
            : "the dimensions of a sample, as 1x32x32",
        text => Integers(text) is { Length: > 0 and <= 8 } dimensions
            && dimensions.All(dimension => dimension > 0 || (mayInfer && dimension == -1)) ? dimensions : null);

    /// <summary>Returns a setting for three axes: one number for all, or one for each.</summary>
    public static Setting Volume(string name, int min) => new(
        name,
        $"a number or three, as 3 or 3x2x2, at least {min}",
        text => Integers(text) is { Length: 1 or 3 } dimensions && dimensions.All(dimension => dimension >= min)
            ? dimensions
            : null);

    /// <summary>Returns a setting for axes from 2 on: one number for all, or one for each.</summary>
    public static Setting Axes(string name, int min) => new(
        name,
        $"a number or one for each axis, as 3 or 3x2x2, at least {min}",
        text => Integers(text) is { Length: > 0 and <= 6 } dimensions && dimensions.All(dimension => dimension >= min)
            ? dimensions
            : null);

    /// <summary>Returns a setting for numbers, one for each of something.</summary>
    public static Setting Reals(string name) => new(
        name,
        "a list of numbers, as 1, -0.5",
        text =>
        {
            double?[] numbers = [.. text.Split(s_between, StringSplitOptions.TrimEntries).Select(word =>
                double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
                    && double.IsFinite(number)
                    ? number : (double?)null)];
            return numbers.All(number => number is not null)
                ? (double[])[.. numbers.Select(number => number!.Value)]
                : null;
        });

    /// <summary>Returns a setting for layers within a layer, which only JSON can have.</summary>
    public static Setting Layers(string name) =>
        new(name, "a list of layers, [ { \"kind\": … }, … ], in a file in JSON", _ => null)
        {
            HoldsLayers = true,
        };

    /// <summary>Returns the same setting, but required.</summary>
    public Setting Required() => this with { IsRequired = true };

    private static int[]? Integers(string text)
    {
        string[] words = text.Split(s_between, StringSplitOptions.TrimEntries);
        int[] dimensions = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (!int.TryParse(words[i], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out dimensions[i]))
            {
                return null;
            }
        }

        return dimensions;
    }
}

/// <summary>Represents the values of a section's keys. Keys that are not given have their defaults.</summary>
/// <param name="Given">The given values in their order.</param>
/// <param name="Known">The possible keys.</param>
internal sealed record Settings(IReadOnlyList<KeyValuePair<string, object>> Given, IReadOnlyList<Setting> Known)
{
    /// <summary>Returns whether such a key exists.</summary>
    public bool Has(string name) => Known.Any(setting => setting.Name == name);

    /// <summary>Returns whether the key was given.</summary>
    public bool IsGiven(string name) => Given.Any(pair => pair.Key == name);

    public int Whole(string name) => (int)Value(name)!;

    public double Real(string name) => (double)Value(name)!;

    public bool Flag(string name) => (bool)Value(name)!;

    public string Word(string name) => (string)Value(name)!;

    public int[] Integers(string name) => (int[])Value(name)!;

    public IReadOnlyList<LayerDescription> Layers(string name) => (IReadOnlyList<LayerDescription>)Value(name)!;

    /// <summary>Returns the value, or null if it is absent.</summary>
    public object? Value(string name)
    {
        foreach ((string key, object value) in Given)
        {
            if (key == name)
            {
                return value;
            }
        }

        return Known.Single(setting => setting.Name == name).Default;
    }

    /// <summary>Returns the settings with another value for a key.</summary>
    public Settings With(string name, object value) => this with
    {
        Given = IsGiven(name)
            ? [.. Given.Select(pair => pair.Key == name ? KeyValuePair.Create(name, value) : pair)]
            : [.. Given, KeyValuePair.Create(name, value)],
    };

    /// <summary>Reads a section with these keys.</summary>
    /// <param name="file">The file.</param>
    /// <param name="section">The section; null if it is absent.</param>
    /// <param name="owner">The name of the section's owner in messages.</param>
    /// <param name="known">The keys.</param>
    /// <param name="line">The line to report for a missing key.</param>
    /// <param name="beside">Other keys of the section, which an unknown key may mean.</param>
    /// <exception cref="EngineException">A key is unknown or missing, or has a bad value.</exception>
    public static Settings Read(
        NetworkFile file, IEnumerable<Entry> section, string owner, IReadOnlyList<Setting> known, int line,
        params IReadOnlyList<string> beside)
    {
        var given = new List<KeyValuePair<string, object>>();
        foreach (Entry entry in section)
        {
            Setting? setting = known.FirstOrDefault(
                setting => setting.Name == entry.Key || setting.FormerName == entry.Key);
            if (setting is null)
            {
                string[] names = [.. known.Select(setting => setting.Name)];
                throw file.Error(
                    entry.Line,
                    $"'{entry.Key}' is no key of {owner}{Nearest.Question(entry.Key, names.Concat(beside))} "
                    + $"It has {string.Join(", ", names)}.");
            }

            if (setting.HoldsLayers && entry.Layers is { Count: > 0 } layers)
            {
                given.Add(KeyValuePair.Create(
                    setting.Name,
                    (object)(LayerDescription[])[.. layers.Select(layer => DescriptionReader.Inner(file, layer))]));
                continue;
            }

            given.Add(KeyValuePair.Create(setting.Name, setting.Parse(entry.Text) ?? throw file.Error(
                entry.Line,
                $"{entry.Key} of {owner} must be {setting.Rule}, "
                + $"not '{entry.Text}'{Nearest.Question(entry.Text, setting.Words)}")));
        }

        string[] missing =
            [.. known.Where(s => s.IsRequired && given.All(pair => pair.Key != s.Name)).Select(s => s.Name)];
        return missing.Length == 0 ? new Settings(given, known) : throw file.Error(
            line, $"{owner} needs {string.Join(" and ", missing)}.");
    }
}
