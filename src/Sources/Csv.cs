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

    /// <summary>
    /// Gets or sets the column to predict. By default it is a column named target, label, class or y, or the last one
    /// if columns have no names.
    /// </summary>
    public string? Target { get; init; }

    /// <summary>Gets or sets columns to leave out.</summary>
    public IReadOnlyList<string> Drop { get; init; } = [];

    /// <summary>Gets or sets a file with the rows to test with.</summary>
    public string? TestPath { get; init; }

    /// <summary>
    /// Gets or sets columns of texts, even if all their values are numbers. By default a column has numbers if all its
    /// values are.
    /// </summary>
    public IReadOnlyCollection<string> Texts { get; init; } = [];

    /// <summary>Gets or sets columns of numbers, in which any other text is an error.</summary>
    public IReadOnlyCollection<string> Numbers { get; init; } = [];

    /// <summary>Gets or sets the units of those numbers that were written with one; they may have it again.</summary>
    internal IReadOnlyDictionary<string, string> Units { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Gets or sets columns of texts in which only an empty value is missing. By default NA, null and the like are
    /// missing values, and no names.
    /// </summary>
    public IReadOnlyCollection<string> KeepNA { get; init; } = [];

    /// <summary>Gets or sets the separator of values, a blank for any run of blanks; null to detect it.</summary>
    public char? Separator { get; init; }

    /// <summary>Gets or sets whether the first row has the columns' names; null to detect it.</summary>
    public bool? HasHeader { get; init; }

    /// <summary>Gets or sets whether the decimal separator is a comma; null to detect it.</summary>
    public bool? DecimalComma { get; init; }

    /// <summary>
    /// Gets or sets how numbers are written in the table that a model learned from; it holds for numbers that can be
    /// read in two ways.
    /// </summary>
    internal DecimalStyle? UsualDecimals { get; init; }

    /// <summary>Gets or sets the encoding; null to detect it.</summary>
    public Encoding? Encoding { get; init; }

    /// <summary>Reads a table without a target.</summary>
    /// <exception cref="DataFormatException">It is no table.</exception>
    public static Table Read(string path) => new Csv(path).Read();

    /// <summary>Reads the table without a target.</summary>
    /// <exception cref="DataFormatException">It is no table.</exception>
    public Table Read() => Read(TargetOf, isWanted: false).ToTable();

    /// <summary>Returns how the table's numbers are written.</summary>
    internal DecimalStyle DetectDecimals() => DetectDialect().Decimals;

    /// <summary>Returns how the table is written.</summary>
    /// <exception cref="DataFormatException">It is no table, or damaged.</exception>
    internal CsvDialect DetectDialect() => NamingFile(() => CsvDialect.Of(Path, this));

    /// <summary>
    /// Returns this table with the types of the columns that a preparation and a target were fitted to, so that a file
    /// whose texts all happen to be numbers is read alike.
    /// </summary>
    internal Csv As(Preparation inputs, Target target) => this with
    {
        Texts =
        [
            .. inputs.Transforms.Where(transform => transform is OneHot or WordCounts)
            .Select(transform => transform.Column),
            .. target is ClassTarget { Classes: var names }
                && !names.All(name => Engine.Data.Numbers.TryParse(name, out _))
                ? [target.Column] : (string[])[],
        ],
        Numbers =
        [
            .. inputs.Transforms.OfType<ScaledNumber>().Select(transform => transform.Column),
            .. target is ValueTarget ? [target.Column] : (string[])[],
        ],
        Units = UnitsOf(
        [
            .. inputs.Transforms.OfType<ScaledNumber>().Select(number => (number.Column, number.Unit)),
            (target.Column, (target as ValueTarget)?.Unit),
        ]),
        KeepNA = KeptNA(inputs, target),
    };

    private static Dictionary<string, string> UnitsOf(IEnumerable<(string Column, string? Unit)> columns) =>
        columns.Where(one => one.Unit is not null)
            .ToDictionary(one => one.Column, one => one.Unit!, StringComparer.OrdinalIgnoreCase);

    /// <summary>
    /// Returns the columns in which a preparation and a target know a name that means a missing value elsewhere.
    /// </summary>
    internal static IReadOnlyCollection<string> KeptNA(Preparation inputs, Target target) =>
    [
        .. inputs.Transforms.OfType<OneHot>().Where(transform => transform.Values.Any(Engine.Data.Numbers.IsMissing))
            .Select(transform => transform.Column),
        .. target is ClassTarget { Classes: var names } && names.Any(Engine.Data.Numbers.IsMissing)
            ? [target.Column]
            : (string[])[],
    ];

    /// <inheritdoc/>
    public DataSet Load()
    {
        CsvColumns read = Read(TargetOf, isWanted: true);
        Table all = read.ToTable();
        string target = read.Target
            ?? throw new DataFormatException($"{Path}: the column to predict has a name, but no values.");
        List<string> notes = read.Notes;
        all = all.Without([.. Drop.Where(name => all[name] is not null)]);
        Table train = WithTarget(all, target, Path, notes, read.Missing);
        Table? test = null;
        if (TestPath is not null)
        {
            Csv like = this with
            {
                Path = TestPath,
                UsualDecimals = read.Decimals,
                Texts = [.. all.Columns.OfType<TextColumn>().Select(column => column.Name)],
                Numbers = [.. all.Columns.OfType<NumberColumn>().Where(column => column.Name != target)
                    .Select(column => column.Name)],
                Units = UnitsOf(all.Columns.OfType<NumberColumn>().Select(column => (column.Name, column.Unit))),
            };
            CsvColumns other = like.Read((names, _) => names.IndexOf(target), isWanted: true);
            notes.AddRange(other.Notes);
            _ = other.Target ?? throw new DataFormatException(
                $"{TestPath} has no column '{target}': there are {Table.Some(other.Names)}.");
            test = WithTarget(other.ToTable().Without([.. Drop]), target, TestPath, notes, other.Missing);
        }

        return new DataSet(NameOf(Path), train, target)
        {
            Test = test,
            Notes = notes,
            Warnings = [.. TargetWarnings.Of(train[target])],
        };
    }

    /// <summary>Returns a file's name, without its folder and extensions.</summary>
    private static string NameOf(string path)
    {
        string name = System.IO.Path.GetFileName(path);
        int dot = name.IndexOf('.', 1);
        return dot < 0 ? name : name[..dot];
    }

    private CsvColumns Read(Func<List<string>, bool, int> target, bool isWanted)
    {
        CsvDialect dialect = DetectDialect();
        return NamingFile(() => Read(dialect, isWanted ? names => target(names, dialect.HasNames) : null));
    }

    /// <summary>Reads the file; errors name it.</summary>
    private T NamingFile<T>(Func<T> read)
    {
        try
        {
            return read();
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

    private CsvColumns Read(CsvDialect dialect, Func<List<string>, int>? target)
    {
        // If a column that looked like numbers contains texts, the file is read again.
        HashSet<int> texts = [];
        CsvColumns read;
        bool keepsNames = false, isAgain;
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

                return CsvColumns.Read(CsvRows.Of(text, dialect), dialect, texts, this, target, keepsNames);
            });
            isAgain = texts.Count < (texts = [.. texts, .. read.TextColumns]).Count || (read.NeedsNames && !keepsNames);
            keepsNames |= read.NeedsNames;
        }
        while (isAgain);

        if (read.Rows == 0)
        {
            throw new DataFormatException($"{Path} has no rows of values.");
        }

        if (read.BrokenCount > (read.Rows + read.BrokenCount) * MaxBroken)
        {
            throw new DataFormatException(read.Names.Count == 1
                ? $"{Path} is no table: nothing stands between values in most lines; if something does, "
                    + "give it as the separator."
                : $"{Path}: {read.BrokenCount} of {read.Rows + read.BrokenCount} rows have more values than "
                + $"the {read.Names.Count} columns, the first is row {read.Broken[0]}: give the separator, "
                + $"if '{dialect.Separator}' is not it.");
        }

        string rows = FormattableString.Invariant($"{read.Rows:N0} rows");
        read.Notes.Insert(
            0, $"{System.IO.Path.GetFileName(Path)}: {rows}; {dialect.Describe(read.Names.Count, new FileInfo(Path).Length)}.");
        return read;
    }

    private static void SkipLine(StreamReader text)
    {
        for (int c = text.Read(); c is not ('\n' or -1); c = text.Read())
        {
        }
    }

    private int TargetOf(List<string> names, bool hasNames)
    {
        if (Target is not null)
        {
            int[] alike = [.. Enumerable.Range(0, names.Count)
                .Where(i => names[i].Equals(Target, StringComparison.OrdinalIgnoreCase))];
            return names.IndexOf(Target) is >= 0 and int exact
                ? exact
                : alike is [int only] ? only : throw new EngineException(
                $"There is no column '{Target}': there are {Table.Some(names)}.");
        }

        string[] usual = ["target", "label", "class", "y"];
        return !hasNames ? names.Count - 1
            : usual.Select(one => names.FindIndex(name => name.Equals(one, StringComparison.OrdinalIgnoreCase)))
                .FirstOrDefault(i => i >= 0, -1) is >= 0 and int found
            ? found
            : throw new DataFormatException(
                $"{Path}: which column is to be predicted? Name it as the target: {Table.Some(names)}.");
    }

    /// <summary>Returns the rows with a known target.</summary>
    private static Table WithTarget(
        Table table, string target, string path, List<string> notes, IReadOnlyDictionary<string, int> missing)
    {
        Column column = table[target];
        int[] known = [.. Enumerable.Range(0, table.Count).Where(row => column.Text(row) is not null)];
        if (known.Length == 0)
        {
            throw new DataFormatException($"{path}: the target '{target}' has no value in any row.");
        }

        if (known.Length < table.Count)
        {
            string[] words = [.. missing.Keys.Where(word => word.Length > 0)];
            notes.Add(
                $"Left out: {Table.Counted(table.Count - known.Length, "row")} without a value of the target '{target}'"
                    + (words.Length > 0 ? $", which is empty or {Table.Some(words)} there. "
                    + "If that is the name of a class, keep it in this column (KeepNA, --keep-na)."
                        : "."));
        }

        return known.Length == table.Count ? table : table.Rows(known);
    }
}
