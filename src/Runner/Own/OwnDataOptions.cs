using System.Globalization;
using Engine.Data;
using Engine.IO;

namespace Engine.Runner;

/// <summary>
/// The options of <c>train</c> for a user's own data. A saved model keeps them, so that it can be tested on the same
/// samples again.
/// </summary>
/// <param name="Path">A folder of pictures or of idx files, a table or an npz file.</param>
internal sealed record OwnDataOptions(string Path)
{
    private const string Coarse = "coarse";

    private static readonly string[] s_tables = [".csv", ".tsv", ".tab", ".data", ".gz"];

    /// <summary>The column to predict.</summary>
    public string? Target { get; init; }

    /// <summary>A file with the rows to test with.</summary>
    public string? Test { get; init; }

    /// <summary>The share of the samples for the test, if there is no separate test set.</summary>
    public double TestShare { get; init; } = 0.2;

    /// <summary>The side that pictures are resized to; null for 64.</summary>
    public int? Size { get; init; }

    /// <summary>Whether pictures are converted to gray; null: only if all of them are gray.</summary>
    public bool? IsGray { get; init; }

    /// <summary>
    /// Whether samples are prepared when they are needed and decoded pictures are kept in a file, even if there are
    /// few.
    /// </summary>
    public bool IsStreamed { get; init; }

    /// <summary>How a table is written.</summary>
    public TableStyle Style { get; init; } = new();

    /// <summary>Columns to leave out.</summary>
    public IReadOnlyList<string> Drop { get; init; } = [];

    /// <summary>Columns of texts in which NA and the like are names, and no missing values.</summary>
    public IReadOnlyList<string> KeepNA { get; init; } = [];

    /// <summary>Whether numbers are values and not classes; null to detect it.</summary>
    public bool? AreValues { get; init; }

    /// <summary>The network: a kind for own data, or a file; null for one that suits the data.</summary>
    public string? Network { get; init; }

    /// <summary>
    /// The model whose columns' types hold for a table that it was not trained on; null to detect them.
    /// </summary>
    public (Preparation Inputs, Target Target)? Types { get; init; }

    /// <summary>Returns whether a path names data, and not a network's description.</summary>
    public static bool IsData(string path) => Directory.Exists(path)
        || s_tables.Contains(System.IO.Path.GetExtension(path), StringComparer.OrdinalIgnoreCase)
        || ArrayFiles.IsMatch(path) || CifarFiles.IsMatch(path)
        || (path.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) && File.Exists(path) && !IsDescription(path));

    /// <summary>Returns whether a file holds a table, by its name.</summary>
    public static bool IsTable(string path) =>
        !Directory.Exists(path) && !ArrayFiles.IsMatch(path) && !CifarFiles.IsMatch(path) && IsData(path);

    /// <summary>Returns the source that reads the data.</summary>
    public IDataSource Source(int? threads)
    {
        (object?, string)[] ofTables =
        [
            (Target, "--target"), (Test, "--test"), (Style.Separator, "--separator"), (Style.Encoding, "--encoding"),
            (Style.HasHeader, "--header"), (Style.DecimalComma, "--decimal"),
            (KeepNA.Count > 0 ? KeepNA : null, "--keep-na"),
        ];
        if (ArrayFiles.IsMatch(Path))
        {
            return Refused(new ArrayFiles(Path), [.. ofTables, (Size, "--size")]);
        }

        if (CifarFiles.IsMatch(Path))
        {
            return Target is null or Coarse or "fine"
                ? Refused(new CifarFiles(Path) { IsCoarse = Target == Coarse }, [.. ofTables[1..], (Size, "--size")])
                : throw new EngineException(
                    $"--target: CIFAR-100 has the classes 'fine' (a hundred) and '{Coarse}' (twenty), not '{Target}'.");
        }

        if (TextFolder.IsMatch(Path))
        {
            return Refused(
                new TextFolder(Path) { Encoding = Style.FoundEncoding },
                [.. ofTables.Where(one => one.Item2 != "--encoding"), (Size, "--size"),
                    (Drop.Count > 0 ? Drop : null, "--drop")]);
        }

        if (Directory.Exists(Path))
        {
            return Refused(Pictures(Path), [.. ofTables, (Drop.Count > 0 ? Drop : null, "--drop")]);
        }

        Csv table = Style.Of(Path) with { Target = Target, TestPath = Test, Drop = Drop, KeepNA = KeepNA };
        table = Types is { } types ? table.As(types.Inputs, types.Target) : table;
        return PictureNames.FolderOf(table) is { } folder
            ? Pictures(folder) with { Labels = table }
            : Refused(table, (Size, "--size"));

        ImageFolder Pictures(string path) => new(path)
        {
            Size = Size ?? 64,
            Threads = threads,
            IsGray = IsGray,
            IsStored = IsStreamed ? true : null,
        };
    }

    /// <summary>Returns the entries for a model's file.</summary>
    public Dictionary<string, string> ToAbout(int seed)
    {
        var about = new Dictionary<string, string>
        {
            ["path"] = System.IO.Path.GetFullPath(Path),
            ["test_share"] = FormattableString.Invariant($"{TestShare:R}"),
            ["seed"] = FormattableString.Invariant($"{seed}"),
        };
        if (Test is not null)
        {
            about["test"] = System.IO.Path.GetFullPath(Test);
        }

        if (Target == Coarse && CifarFiles.IsMatch(Path))
        {
            about["classes"] = Coarse;
        }

        Style.AddTo(about);
        return about;
    }

    /// <summary>Reads the options from a model's file.</summary>
    /// <param name="model">The model.</param>
    /// <param name="file">Its file, for messages.</param>
    /// <param name="path">The data, if the user names it; null for the path in the file.</param>
    public static (OwnDataOptions Options, int Seed) Of(Models.Model model, string file, string? path)
    {
        string from = path ?? model.About.GetValueOrDefault("path") ?? throw new EngineException(
            $"{file} does not say which data it was trained on: name them with --data.");
        bool isOther = path is not null && System.IO.Path.GetFullPath(path) != model.About.GetValueOrDefault("path");
        var options = new OwnDataOptions(from)
        {
            Target = IsTable(from)
                ? model.Target.Column
                : CifarFiles.IsMatch(from) ? model.About.GetValueOrDefault("classes") : null,
            Test = isOther ? null : model.About.GetValueOrDefault("test"),
            Types = isOther ? (model.Inputs, model.Target) : null,
            KeepNA = IsTable(from) ? [.. Csv.KeptNA(model.Inputs, model.Target)] : [],
            Style = IsTable(from) ? TableStyle.Of(model.About)
                : TextFolder.IsMatch(from)
                ? new TableStyle { Encoding = TableStyle.Of(model.About).Encoding }
                : new TableStyle(),
            TestShare =
                double.TryParse(model.About.GetValueOrDefault("test_share"), CultureInfo.InvariantCulture,
                    out double share) ? share : 0.2,
        };
        if (!ArrayFiles.IsMatch(from) && !CifarFiles.IsMatch(from) && PictureFile.Takes(model.Inputs))
        {
            options = options with { Size = PictureFile.Side(model.Inputs), IsGray = model.Inputs.Dimensions[0] == 1 };
        }

        return (options, int.TryParse(model.About.GetValueOrDefault("seed"), out int seed) ? seed : 42);
    }

    private T Refused<T>(T source, params ReadOnlySpan<(object? Given, string Option)> options)
    {
        foreach ((object? given, string option) in options)
        {
            if (given is not null)
            {
                throw new EngineException(
                    $"{option} is of no use "
                    + $"for {Path}: {(source is Csv ? "that is about pictures" : "that is about tables")}.");
            }
        }

        return source;
    }

    private static bool IsDescription(string path)
    {
        string text = ReadableFile.Read(path, (file, _) =>
        {
            byte[] bytes = new byte[4096];
            return System.Text.Encoding.UTF8.GetString(
                bytes, 0, file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
        });
        return text.TrimStart().StartsWith('{') || text.Contains("[layer", StringComparison.Ordinal);
    }
}
