using System.Text;
using Engine.IO;

namespace Engine.Data;

/// <summary>
/// Represents a table in a text file, compressed by gzip or not. The separator, the quotes, the encoding, the header
/// line and decimal commas are detected unless they are set.
/// </summary>
/// <param name="Path">The file.</param>
public sealed record Csv(string Path) : IDataSource
{
    /// <summary>The share of broken rows that may be skipped; with more, the file is not a table.</summary>
    private const double MaxBroken = 0.1;

    /// <summary>The greatest number of columns of a table.</summary>
    private const int MaxColumns = 20_000;

    /// <summary>
    /// Gets or sets the column to predict. By default it is a column named target, label, class or y, or the last one
    /// if columns have no names.
    /// </summary>
    public string? Target { get; init; }

    /// <summary>Gets or sets columns to leave out.</summary>
    public IReadOnlyList<string> Drop { get; init; } = [];

    /// <summary>Gets or sets a file with the rows to test with.</summary>
    public string? TestPath { get; init; }

    /// <summary>Gets or sets the separator of values, a blank for any run of blanks; null to detect it.</summary>
    public char? Separator { get; init; }

    /// <summary>Gets or sets whether the first row has the columns' names; null to detect it.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>Gets or sets whether the decimal separator is a comma; null to detect it.</summary>
    public bool? DecimalComma { get; init; }

    /// <summary>Gets or sets the encoding; null to detect it.</summary>
    public Encoding? Encoding { get; init; }

    /// <summary>Reads a table without a target.</summary>
    /// <exception cref="DataFormatException">It is no table.</exception>
    public static Table Read(string path) => new Csv(path).Read();

    /// <summary>Reads the table without a target.</summary>
    /// <exception cref="DataFormatException">It is no table.</exception>
    public Table Read() => Read(out _, out _);

    /// <inheritdoc/>
    public DataSet Load()
    {
        Table all = Read(out List<string> notes, out bool hasNames);
        string target = TargetOf(all, hasNames);
        all = all.Without([.. Drop.Where(name => all[name] is not null)]);
        Table train = WithTarget(all, target, Path, notes);
        Table? test = null;
        if (TestPath is not null)
        {
            Table other = (this with { Path = TestPath, TestPath = null }).Read(out List<string> ofTest, out _);
            notes.AddRange(ofTest);
            _ = other.Find(target) ?? throw new DataFormatException(
                $"{TestPath} has no column '{target}': there are {Table.Some(other.Columns.Select(column => column.Name))}.");
            test = WithTarget(other.Without([.. Drop]), target, TestPath, notes);
        }

        return new DataSet(NameOf(Path), train, target) { Test = test, Notes = notes, Warnings = [.. Warnings(train, target)] };
    }

    /// <summary>Returns a file's name, without its folder and extensions.</summary>
    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(path);
        int dot = name.IndexOf('.', 1);
        return dot < 0 ? name : name[..dot];
    }

    private Table Read(out List<string> notes, out bool hasNames)
    {
        CsvDialect dialect;
        try
        {
            dialect = CsvDialect.Of(Path, this);
            return Read(dialect, out notes, out hasNames);
        }
        catch (InvalidDataException error)
        {
            throw new DataFormatException($"{Path} is damaged: it is packed by gzip and cannot be unpacked.", error);
        }
        catch (DataFormatException error) when (!error.Message.Contains(Path, StringComparison.Ordinal))
        {
            throw new DataFormatException($"{Path}: {error.Message}.", error);
        }
    }

    private Table Read(CsvDialect dialect, out List<string> notes, out bool hasNames)
    {
        // If a column that looked like numbers contains texts, the file is read again.
        HashSet<int> texts = [];
        CsvColumns read;
        do
        {
            read = ReadableFile.Read(Path, (file, _) =>
            {
                using Stream stream = CsvDialect.Unpacked(file);
                using var text = new StreamReader(stream, dialect.Encoding, detectEncodingFromByteOrderMarks: true);
                for (int i = 0; i < dialect.Skipped; i++)
                {
                    SkipLine(text);
                }

                return CsvColumns.Read(CsvRows.Of(text, dialect), dialect, texts, MaxColumns);
            });
        }
        while (read.TextColumns.Count > 0 && texts.Count < (texts = [.. texts, .. read.TextColumns]).Count);

        if (read.Rows == 0)
        {
            throw new DataFormatException($"{Path} has no rows of values.");
        }

        if (read.BrokenCount > (read.Rows + read.BrokenCount) * MaxBroken)
        {
            throw new DataFormatException(read.Names.Count == 1
                ? $"{Path} is no table: nothing stands between values in most lines; if something does, give it as the separator."
                : $"{Path}: {read.BrokenCount} of {read.Rows + read.BrokenCount} rows have more values than the {read.Names.Count} columns, the "
                + $"first is row {read.Broken[0]}: give the separator, if '{dialect.Separator}' is not it.");
        }

        hasNames = dialect.HasHeader;
        string rows = FormattableString.Invariant($"{read.Rows:N0} rows");
        notes = [$"{System.IO.Path.GetFileName(Path)}: {rows}; {dialect.Describe(read.Names.Count, new FileInfo(Path).Length)}."];
        notes.AddRange(read.Notes);
        return read.ToTable();
    }

    private static void SkipLine(StreamReader text)
    {
        for (int c = text.Read(); c is not ('\n' or -1); c = text.Read())
        {
        }
    }

    private string TargetOf(Table table, bool hasNames)
    {
        if (Target is not null)
        {
            return (table.FindAlike(Target) ?? table[Target]).Name;
        }

        string[] usual = ["target", "label", "class", "y"];
        return !hasNames ? table.Columns[^1].Name
            : table.Columns.FirstOrDefault(column => usual.Contains(column.Name, StringComparer.OrdinalIgnoreCase))?.Name
            ?? throw new DataFormatException(
                $"{Path}: which column is to be predicted? Name it as the target: {Table.Some(table.Columns.Select(column => column.Name))}.");
    }

    /// <summary>Returns the rows with a known target.</summary>
    private static Table WithTarget(Table table, string target, string path, List<string> notes)
    {
        Column column = table[target];
        int[] known = [.. Enumerable.Range(0, table.Count).Where(row => column.Text(row) is not null)];
        if (known.Length == 0)
        {
            throw new DataFormatException($"{path}: the target '{target}' has no value in any row.");
        }

        if (known.Length < table.Count)
        {
            notes.Add($"Left out: {Table.Counted(table.Count - known.Length, "row")} without a value of the target '{target}'.");
        }

        return known.Length == table.Count ? table : table.Rows(known);
    }

    private static IEnumerable<string> Warnings(Table table, string target)
    {
        Column column = table[target];
        string[] values = [.. Enumerable.Range(0, table.Count).Select(row => column.Text(row)!)];
        int distinct = values.Distinct().Count();
        double[] numbers = column is NumberColumn own ? own.Values.ToArray() : [];
        bool isNumbering = numbers.Length > 0 && numbers.All(x => x == Math.Round(x)) && numbers.Max() - numbers.Min() < 2.0 * distinct;
        if (distinct == table.Count && distinct > 10 && (column is TextColumn || isNumbering))
        {
            yield return FormattableString.Invariant($"The target '{target}' is another in each of the {distinct:N0} rows, ")
                + "as a number or name of each would be: is it the right column?";
        }
    }
}
