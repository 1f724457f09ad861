using System.Text;
using System.Text.RegularExpressions;
using Engine.IO;

namespace Engine.Data;

/// <summary>The format of a file of values, detected from its beginning and described in one line.</summary>
/// <param name="Encoding">The encoding.</param>
/// <param name="Separator">The separator; a blank stands for any run of blanks.</param>
/// <param name="Quote">The quote around values that contain the separator.</param>
/// <param name="Escape">The escape character before a quote within quotes.</param>
/// <param name="Skipped">The number of lines before the first row: comments, and a line of counts as in scikit-learn's
/// files.</param>
/// <param name="HasHeader">Whether the first row has the columns' names.</param>
/// <param name="Decimals">The format of numbers.</param>
internal sealed partial record CsvDialect(
    Encoding Encoding, char Separator, char Quote, char Escape, int Skipped, bool HasHeader, DecimalStyle Decimals)
{
    /// <summary>How much of a file is examined to detect its format, and how many of its rows.</summary>
    private const int Looked = 1 << 20, LookedRows = 500;

    /// <summary>In order, from the separator that is never in values to those that are.</summary>
    private static readonly char[] s_separators = ['\t', ';', '|', ',', ' '];

    private static readonly string[] s_comments = ["//", "#@", "# ", "%"];

    /// <summary>
    /// Whether most values of the first column are numbers, so that a row that begins with a mark is none.
    /// </summary>
    private bool BeginsWithNumbers { get; init; }

    /// <summary>Gets or sets the lines before the first row that are comments.</summary>
    public IReadOnlyList<string> Comments { get; init; } = [];

    /// <summary>Gets or sets the columns' names from the last comment before rows that have none.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];

    /// <summary>Gets whether the columns have names.</summary>
    public bool HasNames => HasHeader || Names.Count > 0;

    /// <summary>Gets or sets the number of values in most rows.</summary>
    public int Columns { get; init; }

    /// <summary>Gets or sets whether the second row is not values either: units, or names again.</summary>
    public bool HasSecondHeader { get; init; }

    /// <summary>
    /// Gets or sets whether rows begin with a name that the header has no name for, as R writes them. A separator at
    /// the end of each row gives one value more, too.
    /// </summary>
    public bool HasRowNames { get; init; }

    /// <summary>Gets or sets whether blanks stand between separators and quotes, and belong to no value.</summary>
    public bool HasBlanksBeforeQuotes { get; init; }

    /// <summary>Gets or sets the names of the classes 0, 1 … from a first line of counts.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>Gets or sets the first column of which all values name pictures, and its first value.</summary>
    public (string Column, string File)? Picture { get; init; }

    /// <summary>
    /// Returns whether a row among values is a comment: it begins as one, and has no other value or has no number where
    /// all others have one.
    /// </summary>
    public bool IsComment(string[] row) =>
        IsMarked(row[0]) && (BeginsWithNumbers || (Columns > 1 && row.Skip(1).All(value => value.Length == 0)));

    /// <summary>Returns whether a line begins as comments do.</summary>
    private static bool IsMarked(ReadOnlySpan<char> line)
    {
        foreach (string mark in s_comments)
        {
            if (line.StartsWith(mark, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Returns the file as a stream of bytes, decompressed if it is a gzip file.</summary>
    public static Stream Unpacked(FileStream file)
    {
        bool isPacked = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        return isPacked ? new WholeGzip(file) : file;
    }

    /// <summary>Detects the format of a file.</summary>
    /// <exception cref="DataFormatException">It is empty or not text.</exception>
    public static CsvDialect Of(string path, Csv wishes) => ReadableFile.Read(path, (file, name) =>
    {
        using Stream stream = Unpacked(file);
        byte[] bytes = new byte[Looked];
        int read = stream.ReadAtLeast(bytes, Looked, throwOnEndOfStream: false);
        if (read == 0)
        {
            throw new DataFormatException($"{name} is empty.");
        }

        Encoding encoding = wishes.Encoding ?? TextEncoding.Of(bytes.AsSpan(0, read), read == Looked ? stream : null)
            ?? throw new DataFormatException($"{name} is no text: it has bytes that no text has. "
                + "A table is a file of text, values with separators between.");
        string text = encoding.GetString(bytes, 0, read).TrimStart('\uFEFF');
        if (read == Looked && text.AsSpan().IsWhiteSpace())
        {
            throw new DataFormatException(
                $"{name} begins with {Table.Counted(Looked, "byte")} of blanks and empty lines, and no table does.");
        }

        return Of(text, isWhole: read < Looked, encoding, wishes);
    });

    /// <summary>Returns a description of the format, in one line.</summary>
    public string Describe(int columns, long bytes) => string.Join(
        "; ",
        FormattableString.Invariant($"{columns} columns"),
        Separator switch { '\t' => "tabs between", ' ' => "blanks between", _ => $"'{Separator}' between" },
        HasHeader ? "a header line" : Names.Count > 0 ? "names in a comment line" : "no header line",
        Decimals switch
        {
            DecimalStyle.Comma => "decimal commas",
            DecimalStyle.CommaAndThousands => "decimal commas, points between thousands",
            DecimalStyle.PointAndThousands => "decimal points, commas between thousands",
            _ => "decimal points",
        },
        Encoding.WebName.ToUpperInvariant(),
        FormattableString.Invariant($"{bytes / 1e3:N0} kB"));

    /// <summary>Reads a number in this file's format, with or without a unit.</summary>
    public bool TryParse(ReadOnlySpan<char> text, out double value, out ReadOnlySpan<char> unit) =>
        Numbers.TryParse(text, out value, DecimalMark, ThousandsMark, out unit);

    private char DecimalMark => CsvDecimals.IsComma(Decimals) ? ',' : '.';

    private char ThousandsMark =>
        Decimals switch { DecimalStyle.PointAndThousands => ',', DecimalStyle.CommaAndThousands => '.', _ => '\0' };

    /// <summary>Returns whether a value is a number, with or without a unit.</summary>
    private bool IsNumber(string text) => TryParse(text, out _, out _);

    /// <summary>Returns whether a name is a number alone.</summary>
    private bool IsBareNumber(string text) => Numbers.TryParse(text, out _, DecimalMark, ThousandsMark);

    private static CsvDialect Of(string text, bool isWhole, Encoding encoding, Csv wishes)
    {
        RequireTable(text);
        List<string> lines = [.. text.Split('\n').Select(line => line.TrimEnd('\r'))];
        if (!isWhole && lines.Count > 1)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        // Excel reads and writes a first line that names the separator.
        char? said = SeparatorLine().Match(lines[0]) is { Success: true } line0 ? line0.Groups[1].Value[0] : null;
        int begin = FindRow(lines, said is null ? 0 : 1);
        // If all lines begin as comments, they are the values.
        begin = begin < 0 ? lines.FindIndex(said is null ? 0 : 1, line => line.Length > 0) : begin;
        List<string> comments =
            [.. lines.Take(Math.Max(begin, 0)).Skip(said is null ? 0 : 1).Where(line => line.Length > 0)];
        string? last = comments.Count > 0 && comments[^1] == lines[begin - 1] ? lines[begin - 1] : null;
        lines = begin < 0 ? [] : lines[begin..];
        char quote = QuoteOf(lines);
        char separator = wishes.Separator ?? said ?? SeparatorOf(lines, quote);
        // A comma that no name has beside it stands before decimals, if it did so in training.
        separator =
            wishes.Separator is null && said is null && separator == ',' && CsvDecimals.IsComma(wishes.UsualDecimals)
                && lines.Count > 0 && !lines[0].Contains(',', StringComparison.Ordinal) ? ';' : separator;
        char escape = lines.Any(line => line.Contains($"\\{quote}", StringComparison.Ordinal)) ? '\\' : quote;
        // The number of values in a row, by the rows after the first, which may be of another kind.
        var dialect = new CsvDialect(
            encoding, separator, quote, escape, Math.Max(begin, 0), HasHeader: false, DecimalStyle.Point);
        dialect = dialect with { HasBlanksBeforeQuotes = AreBlanksBeforeQuotes(lines, isWhole, dialect) };
        List<string[]> rows = RowsOf(lines.Take(LookedRows + 1), dialect);
        int columns = Usual(
            rows.Skip(1).Where(row => !IsMarked(row[0])).Select(row => row.Length), rows.FirstOrDefault()?.Length ?? 0);
        string[] classes = rows.Count > 2 ? CountsLine(rows[0], columns) : [];
        if (classes.Length > 0)
        {
            dialect = dialect with { Skipped = dialect.Skipped + 1, ClassNames = classes };
            rows.RemoveAt(0);
        }

        DecimalStyle decimals = CsvDecimals.Of(rows, separator, wishes.DecimalComma, wishes.UsualDecimals);
        dialect = dialect with { Columns = columns, Decimals = decimals, Comments = comments };
        string[] first = [.. rows.Skip(1).Select(row => row[0]).Where(value => !IsMarked(value))];
        dialect = dialect with { BeginsWithNumbers = first.Count(dialect.IsNumber) > first.Length / 2 };
        rows.RemoveAll(dialect.IsComment);
        dialect = dialect with { HasHeader = wishes.HasHeader ?? (classes.Length == 0 && IsHeader(rows, dialect)) };
        if (wishes.HasHeader is null && !dialect.HasHeader && classes.Length == 0 && last is not null
            && RowsOf([Unmarked(last)], dialect) is [var names] && names.Length == columns
            && IsHeader([names, .. rows], dialect))
        {
            return dialect with { Names = names, Comments = comments[..^1] };
        }

        return dialect with
        {
            Picture = PictureOf(dialect.HasHeader ? rows[0] : [], rows.Skip(dialect.HasHeader ? 1 : 0)),
            HasSecondHeader = dialect.HasHeader && IsSecondHeader(rows, dialect),
            HasRowNames = dialect.HasHeader && rows.Count > 0 && rows[0].Length == columns - 1
                && rows.Any(row => row.Length == columns && row[^1].Length > 0),
        };
    }

    private static (string Column, string File)? PictureOf(string[] names, IEnumerable<string[]> rows)
    {
        string[][] all = [.. rows];
        int column = all.Length == 0 ? -1 : Array.FindIndex([.. Enumerable.Range(0, all[0].Length)], i =>
            all.All(row => i < row.Length && SampleFiles.Pictures.IsNamed(row[i])));
        return column < 0 ? null : (column < names.Length ? names[column] : $"column{column + 1}", all[0][column]);
    }

    /// <summary>Returns a name, or a line of names, without the mark of a comment before it.</summary>
    public static string Unmarked(string name) => Mark().Replace(name, "").Trim();

    /// <summary>
    /// Returns the first line that is no comment; -1 if there is none. A line after # without any separator is one,
    /// too, if the rows below have separators.
    /// </summary>
    private static int FindRow(List<string> lines, int start)
    {
        int found = lines.FindIndex(start, line => line.Length > 0 && !IsMarked(line));
        int row = found < 0 ? -1 : lines.FindIndex(found, line => line.Length > 0 && line[0] != '#' && !IsMarked(line));
        return row > found && HasSeparator(lines[row])
            ? lines.FindIndex(found, line => line == lines[row] || HasSeparator(line))
            : found;

        static bool HasSeparator(string line) => line.AsSpan().ContainsAny("\t;|,");
    }

    private static List<string[]> RowsOf(IEnumerable<string> lines, CsvDialect dialect) =>
        [.. CsvRows.Of(new StringReader(string.Join('\n', lines)), dialect, mayBeCut: true).Take(LookedRows)];

    /// <summary>
    /// Returns whether blanks stand before quotes, and every such quote is closed: if one is not, it is a letter.
    /// </summary>
    private static bool AreBlanksBeforeQuotes(List<string> lines, bool isWhole, CsvDialect dialect)
    {
        using var reader = new PaddingReader(new StringReader(string.Join('\n', lines)), dialect);
        while (reader.Read() >= 0)
        {
        }

        return reader.HasFound && !(isWhole && reader.IsQuoted);
    }

    /// <summary>Refuses other kinds of text in a file with a table's name.</summary>
    private static void RequireTable(string text)
    {
        ReadOnlySpan<char> begin = text.AsSpan(0, Math.Min(text.Length, 1000)).TrimStart();
        string? kind = begin.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || begin.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
                ? "a page of HTML, as servers send instead of what they do not have"
            : begin.StartsWith("<?xml", StringComparison.Ordinal) ? "XML"
            : Json().IsMatch(begin) ? "JSON"
            : null;
        if (kind is not null)
        {
            throw new DataFormatException($"it is {kind}, and no table: values in rows, with separators between");
        }
    }

    private static char QuoteOf(List<string> lines)
    {
        int looked = Math.Min(lines.Count, LookedRows);
        int single = lines.Take(looked).Count(line => SingleQuoted().IsMatch(line));
        return single > looked / 2 && !lines.Take(looked).Any(line => line.Contains('"', StringComparison.Ordinal))
            ? '\''
            : '"';
    }

    /// <summary>Returns the separator that is equally frequent in most lines, outside quotes.</summary>
    private static char SeparatorOf(List<string> lines, char quote)
    {
        string[] looked = [.. lines.Where(line => line.Length > 0 && !IsMarked(line)).Take(LookedRows)];
        looked = looked.Length > 0 ? looked : [.. lines.Where(line => line.Length > 0).Take(LookedRows)];
        return s_separators
            .Select(separator =>
            {
                int[] counts = [.. looked.Select(line => separator == ' '
                    ? line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries).Length - 1
                    : Outside(line, separator, quote))];
                int usual = Usual(counts.Where(count => count > 0), 0);
                double share = usual == 0 ? 0 : (double)counts.Count(count => count == usual) / counts.Length;
                // Texts contain blanks too, so only numbers may be separated by blanks.
                bool isAllowed = separator != ' '
                    || looked.Skip(1).Take(20).All(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .All(word => Numbers.IsMissingNumber(word) || Numbers.TryParse(word, out _)));
                return (separator, Share: isAllowed ? share : 0);
            })
            .OrderByDescending(pair => Math.Min(Math.Round(pair.Share, 1), 0.9))
            .Select(pair => pair.Share > 0 ? pair.separator : ',')
            .First();
    }

    private static int Outside(string line, char separator, char quote)
    {
        int count = 0;
        bool isQuoted = false;
        foreach (char c in line)
        {
            isQuoted ^= c == quote;
            count += c == separator && !isQuoted ? 1 : 0;
        }

        return count;
    }

    private static int Usual(IEnumerable<int> counts, int otherwise) =>
        counts.CountBy(count => count).OrderByDescending(pair => pair.Value).Select(pair => pair.Key)
            .FirstOrDefault(otherwise);

    /// <summary>
    /// Reads scikit-learn's first line: the numbers of rows and columns, then the names of the classes.
    /// </summary>
    private static string[] CountsLine(string[] row, int columns) =>
        row.Length > 3 && int.TryParse(row[0], out _) && int.TryParse(row[1], out int features)
            && features == columns - 1
            && row[2..].All(word => word.Length > 0 && !Numbers.TryParse(word, out _))
            ? row[2..]
            : [];

    /// <summary>
    /// Returns whether the first row names the columns: it has no number, and differs from the rows below. Years may be
    /// names, if another name stands above numbers.
    /// </summary>
    private static bool IsHeader(List<string[]> rows, CsvDialect dialect)
    {
        if (rows.Count == 0)
        {
            return false;
        }

        string[] first = rows[0];
        string[] numbers = [.. first.Where(word => word.Length > 0 && dialect.IsBareNumber(word))];
        if (numbers.Length > 0)
        {
            return numbers.All(word => word.All(char.IsAsciiDigit)) && first.Distinct().Count() == first.Length
                && Enumerable.Range(0, first.Length)
                    .Any(i => !Numbers.IsMissingNumber(first[i]) && !dialect.IsBareNumber(first[i])
                    && rows.Skip(1).Any(row => i < row.Length && dialect.IsNumber(row[i]))
                    && rows.Skip(1)
                        .All(row => i < row.Length && (Numbers.IsMissingNumber(row[i]) || dialect.IsNumber(row[i]))));
        }

        bool hasNumbers = Enumerable.Range(0, first.Length).Any(i =>
            rows.Skip(1).Count(row => i < row.Length && dialect.IsNumber(row[i])) > (rows.Count - 1) / 2);
        bool isRepeated = Enumerable.Range(0, first.Length).Any(i =>
            first[i].Length > 0 && rows.Skip(2).Count(row => i < row.Length && row[i] == first[i]) > 1);
        return (hasNumbers || !isRepeated) && first.Any(word => word.Length > 0);
    }

    /// <summary>
    /// Returns whether the second row has words in each column that has numbers below: units, or names in another
    /// language.
    /// </summary>
    private static bool IsSecondHeader(List<string[]> rows, CsvDialect dialect)
    {
        if (rows.Count < 4)
        {
            return false;
        }

        string[] second = rows[1];
        int[] numbered = [.. Enumerable.Range(0, dialect.Columns).Where(i =>
            rows.Skip(2).All(row => i < row.Length && (Numbers.IsMissingNumber(row[i]) || dialect.IsNumber(row[i])))
            && rows.Skip(2).Any(row => dialect.IsNumber(row[i])))];
        bool isValue = Enumerable.Range(0, dialect.Columns).Except(numbered).Any(i =>
            i < second.Length && rows.Skip(2).Any(row => i < row.Length && row[i] == second[i]));
        return numbered.Length > 0 && !isValue
            && numbered.All(
                i => i < second.Length && !Numbers.IsMissingNumber(second[i]) && !dialect.IsNumber(second[i]));
    }

    [GeneratedRegex(@"^(\[\s*[\[{]|\{\s*"")")]
    private static partial Regex Json();

    [GeneratedRegex(@"(^|[,;\t ])'[^']*'([,;\t ]|$)")]
    private static partial Regex SingleQuoted();

    [GeneratedRegex(@"^(#+@?|//+|%(?= ))")]
    private static partial Regex Mark();

    [GeneratedRegex(@"^""?sep=([^\w""'\\]|\t)""?\1*$", RegexOptions.IgnoreCase)]
    private static partial Regex SeparatorLine();
}
