using System.Globalization;
using System.Text;
using Engine.Data;

namespace Engine.Runner;

/// <summary>The format of a table as given by the user; null members are detected.</summary>
internal sealed record TableStyle
{
    private const string Prefix = "table_";

    /// <summary>The separator of values; a blank stands for any run of blanks.</summary>
    public char? Separator { get; init; }

    /// <summary>The name of the encoding.</summary>
    public string? Encoding { get; init; }

    /// <summary>Whether the first row has the columns' names.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>Whether the decimal separator is a comma.</summary>
    public bool? DecimalComma { get; init; }

    /// <summary>
    /// How numbers are written in the table that a model learned from; it holds for numbers that can be read in two
    /// ways.
    /// </summary>
    public DecimalStyle? UsualDecimals { get; init; }

    /// <summary>
    /// The number of columns of a table without names that a model learned from; its columns are told by their places.
    /// </summary>
    public int? Places { get; init; }

    /// <summary>The encoding; null to detect it.</summary>
    public Encoding? FoundEncoding => Encoding is null ? null : Find(Encoding);

    /// <summary>Returns a table in this format.</summary>
    public Csv Of(string path) => new(path)
    {
        Separator = Separator,
        Encoding = FoundEncoding,
        HasHeader = HasHeader,
        DecimalComma = DecimalComma,
        UsualDecimals = UsualDecimals,
    };

    /// <summary>Returns the number of a table's columns if none has a name; else null.</summary>
    /// <param name="table">The table.</param>
    /// <param name="dropped">The columns that it had, too.</param>
    public static int? PlacesOf(Table table, IReadOnlyCollection<string> dropped)
    {
        HashSet<string> names = [.. table.Columns.Select(column => column.Name), .. dropped];
        return Enumerable.Range(1, names.Count).All(place => names.Contains(NameOf(place))) ? names.Count : null;
    }

    /// <summary>Refuses a table without names whose places are not those that the model learned from.</summary>
    /// <exception cref="EngineException">It has more or fewer columns.</exception>
    public void CheckPlaces(Table table, string path, string target)
    {
        bool mayLack = target == NameOf(Places ?? 0);
        if (Places is { } places && PlacesOf(table, []) is { } given && given != places
            && !(mayLack && given == places - 1))
        {
            throw new EngineException(
                $"{path} has {Table.Counted(given, "column")} without names, and the model learned from {places}, "
                + $"of which it predicts '{target}': columns without names are told by their places, so give the same "
                + (mayLack ? $"ones, with or without '{target}'." : $"ones, with an empty '{target}' if it is unknown."));
        }
    }

    private static string NameOf(int place) => FormattableString.Invariant($"column{place}");

    /// <summary>The encoding of this name; null if there is none.</summary>
    public static Encoding? Find(string name)
    {
        try
        {
            return CodePagesEncodingProvider.Instance.GetEncoding(name) ?? System.Text.Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Adds the format to the entries of a model's file.</summary>
    public void AddTo(Dictionary<string, string> about)
    {
        foreach ((string key, string? value) in (ReadOnlySpan<(string, string?)>)
        [
            ("separator", Separator?.ToString()), ("encoding", Encoding), ("header", HasHeader?.ToString()),
            ("decimal_comma", DecimalComma?.ToString()), ("decimals", UsualDecimals?.ToString()),
            ("places", Places?.ToString(CultureInfo.InvariantCulture)),
        ])
        {
            if (value is not null)
            {
                about[Prefix + key] = value;
            }
        }
    }

    /// <summary>Reads the format from a model's file.</summary>
    public static TableStyle Of(IReadOnlyDictionary<string, string> about)
    {
        return new TableStyle
        {
            Separator = Value("separator") is [char only] ? only : null,
            Encoding = Value("encoding"),
            HasHeader = bool.TryParse(Value("header"), out bool hasHeader) ? hasHeader : null,
            DecimalComma = bool.TryParse(Value("decimal_comma"), out bool isComma) ? isComma : null,
            UsualDecimals = Enum.TryParse(Value("decimals"), out DecimalStyle usual) && Enum.IsDefined(usual)
                ? usual
                : null,
            Places = int.TryParse(Value("places"), CultureInfo.InvariantCulture, out int places) ? places : null,
        };

        string? Value(string key) => about.GetValueOrDefault(Prefix + key);
    }
}
