using Engine.Data;

namespace Engine.Runner;

/// <summary>
/// Provides the samples on which several models of own data are compared: the test part of the data that they were
/// trained on, or all samples of other data.
/// </summary>
internal sealed class ComparedData
{
    /// <summary>The settings that decide which samples are for the test, if the source does not.</summary>
    private static readonly string[] s_split = ["test_share", "seed"];

    private readonly Dictionary<OwnDataOptions, DataSet> _read = [];
    private readonly (string File, Models.Model Model) _first;
    private readonly OwnDataOptions _options;
    private readonly int _seed;
    private readonly bool _areNew;
    private bool _areDrawn;

    /// <summary>Finds the data.</summary>
    /// <param name="models">The models and their files.</param>
    /// <param name="path">The data if the user names them; null for those that the first model was trained on.</param>
    /// <exception cref="EngineException">The data do not exist.</exception>
    public ComparedData(IReadOnlyList<(string File, Models.Model Model)> models, string? path)
    {
        _first = path is null ? models[0] : models.MaxBy(one => Likeness(one.Model, path));
        int likeness = path is null ? 2 : Likeness(_first.Model, path);
        // Data that were moved are recognized by their name, but the place of a separate test file is then unknown.
        _areNew = likeness == 0 || (likeness == 1 && _first.Model.About.ContainsKey("test"));
        (_options, _seed) = OwnDataOptions.Of(_first.Model, _first.File, path);
        if (!File.Exists(_options.Path) && !Directory.Exists(_options.Path))
        {
            throw new EngineException(
                path is null
                    ? $"{_first.File} was trained on {_options.Path}, which is not there: "
                        + "name the data behind the models."
                    : $"There is no {path}.");
        }
    }

    /// <summary>Gets a description of the samples with their number, after they are read.</summary>
    public string Said { get; private set; } = "";

    /// <summary>Reads the samples in the form that a model takes: pictures in its size.</summary>
    /// <param name="file">The model's file, for messages.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="EngineException">
    /// They cannot be read, or the model has another target than the first.
    /// </exception>
    public Table For(string file, Models.Model model)
    {
        Target target = model.Target, first = _first.Model.Target;
        if (target.Column != first.Column || target.GetType() != first.GetType()
            || !model.Classes.ToHashSet().SetEquals(_first.Model.Classes))
        {
            throw new EngineException(
                $"{_first.File} predicts {Named(_first.Model)}, and {file} {Named(model)}: "
                + "models of the same target can be compared.");
        }

        OwnDataOptions options = _options;
        if (_options.Size is not null)
        {
            options = PictureFile.Takes(model.Inputs)
                ? _options with { Size = PictureFile.Side(model.Inputs), IsGray = model.Inputs.Dimensions[0] == 1 }
                : throw new EngineException($"{file} takes no pictures, of which {_options.Path} is a folder.");
        }

        if (!_read.TryGetValue(options, out DataSet? data))
        {
            data = options.Source(threads: null).Load();
            _areDrawn = data.Test is null && !_areNew;
            data = _areDrawn ? data.WithTest(options.TestShare, _seed) : data;
            _read[options] = data;
        }

        Table samples = data.Test ?? data.Train;
        Said = FormattableString.Invariant($"{samples.Count:N0} {OwnData.NounOf(model.Inputs)} of {data.Name}, ")
            + (data.Test is null
                ? "all that are there"
                : _areDrawn ? $"which {_first.File} did not learn" : "its part to test with");
        return first.Named(samples);
    }

    /// <summary>Returns the reason why a model's figures may be too good; null if there is none.</summary>
    /// <param name="file">Its file.</param>
    /// <param name="model">The model.</param>
    public string? DoubtOf(string file, Models.Model model)
    {
        IReadOnlyDictionary<string, string> about = model.About, first = _first.Model.About;
        string[] other = [.. s_split.Where(part => about.GetValueOrDefault(part) != first.GetValueOrDefault(part))];
        return _areNew ? null
            : !about.TryGetValue("path", out string? path)
            ? $"{file} does not say what it was trained on: it may have learned some of these samples."
            : path != first.GetValueOrDefault("path")
                || about.GetValueOrDefault("test") != first.GetValueOrDefault("test")
                ? $"{file} was trained on other data, {path}: it may have learned some of these samples."
            : _areDrawn && other.Length > 0
                ? $"{file} was trained with "
                    + $"another {string.Join(" and ", other.Select(part => part == "seed" ? "seed" : "share of samples to test with"))} than {_first.File}: it has learned some of these samples, so that its figures are too good."
            : null;
    }

    private static string Named(Models.Model model) =>
        $"'{model.Target.Column}'" + (model.Classes.Count > 0 ? $" ({Table.Some(model.Classes)})" : ", a value");

    /// <summary>
    /// Returns how likely it is that a model was trained on data: 2 for the same path, 1 for the same name.
    /// </summary>
    private static int Likeness(Models.Model model, string path) =>
        !model.About.TryGetValue("path", out string? known) ? 0
        : known == Path.GetFullPath(path) ? 2
        : NameOf(known) == NameOf(path) ? 1 : 0;

    private static string NameOf(string path) =>
        Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
}
