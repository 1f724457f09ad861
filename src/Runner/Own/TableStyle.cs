using System.Text;
using Engine.Data;

namespace Engine.Runner;

/// <summary>How a table is written, where the user says it: what is null is found by looking.</summary>
internal sealed record TableStyle
{
    private const string Prefix = "table_";

    /// <summary>What stands between values, a blank for any run of blanks.</summary>
    public char? Separator { get; init; }

    /// <summary>The name of what its letters are stored as.</summary>
    public string? Encoding { get; init; }

    /// <summary>Whether the first row has the columns' names.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>Whether a comma stands before decimals.</summary>
    public bool? DecimalComma { get; init; }

    /// <summary>A table that is written so.</summary>
    public Csv Of(string path) => new(path)
    {
        Separator = Separator,
        Encoding = Encoding is null ? null : Find(Encoding),
        HasHeader = HasHeader,
        DecimalComma = DecimalComma,
    };

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

    /// <summary>Writes it to what a model's file keeps.</summary>
    public void AddTo(Dictionary<string, string> about)
    {
        foreach ((string key, string? value) in (ReadOnlySpan<(string, string?)>)
        [
            ("separator", Separator?.ToString()), ("encoding", Encoding), ("header", HasHeader?.ToString()),
            ("decimal_comma", DecimalComma?.ToString()),
        ])
        {
            if (value is not null)
            {
                about[Prefix + key] = value;
            }
        }
    }

    /// <summary>What a model's file keeps of it.</summary>
    public static TableStyle Of(IReadOnlyDictionary<string, string> about)
    {
        return new TableStyle
        {
            Separator = Value("separator") is [char only] ? only : null,
            Encoding = Value("encoding"),
            HasHeader = bool.TryParse(Value("header"), out bool hasHeader) ? hasHeader : null,
            DecimalComma = bool.TryParse(Value("decimal_comma"), out bool isComma) ? isComma : null,
        };

        string? Value(string key) => about.GetValueOrDefault(Prefix + key);
    }
}
