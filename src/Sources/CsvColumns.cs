using System.Runtime.InteropServices;

namespace Engine.Data;

/// <summary>The values of a file, column by column: numbers, or the indices of texts.</summary>
internal sealed class CsvColumns
{
    private const int MaxTold = 5;

    private readonly List<List<double>?> _numbers = [];
    private readonly List<(List<int> Codes, Dictionary<string, int> Words)?> _texts = [];
    private int _short, _repeated, _widest;

    /// <summary>Gets the names of the columns.</summary>
    public List<string> Names { get; } = [];

    public int Rows { get; private set; }

    /// <summary>Gets the first rows that have more values than there are columns.</summary>
    public List<long> Broken { get; } = [];

    /// <summary>Gets the number of such rows.</summary>
    public int BrokenCount { get; private set; }

    /// <summary>Gets the columns that were taken for numbers and have a text.</summary>
    public HashSet<int> TextColumns { get; } = [];

    /// <summary>Gets the notes about the file.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Reads all rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="dialect">The format of the file.</param>
    /// <param name="texts">The columns that are known to be texts; all others are read as numbers.</param>
    /// <param name="maxColumns">The greatest number of columns.</param>
    public static CsvColumns Read(IEnumerable<string[]> rows, CsvDialect dialect, HashSet<int> texts, int maxColumns)
    {
        var read = new CsvColumns();
        using IEnumerator<string[]> each = rows.GetEnumerator();
        string[]? header = dialect.HasHeader && each.MoveNext() ? each.Current : null;
        string[]? second = dialect.HasSecondHeader && each.MoveNext() ? each.Current : null;
        bool hasRow = each.MoveNext();
        if (!hasRow)
        {
            return read;
        }

        // R writes no name for the column of row names.
        header = header is not null && header.Length == dialect.Columns - 1 ? ["", .. header] : header;
        int width = header?.Length ?? Math.Max(each.Current.Length, dialect.Columns);
        if (width > maxColumns)
        {
            throw new DataFormatException(
                FormattableString.Invariant($"it has {width:N0} columns, and {maxColumns:N0} is the most that are read"));
        }

        read.Begin(header, width, texts);
        long number = (header is null ? 1 : 2) + (second is null ? 0 : 1);
        if (second is not null)
        {
            read.Notes.Add($"The second line, {Table.Some(second)}, names units or columns again and is ignored.");
        }

        do
        {
            read.Add(each.Current, dialect, header, number++);
        }
        while (each.MoveNext());

        read.Say(dialect);
        return read;
    }

    /// <summary>Returns the columns as a table.</summary>
    public Table ToTable() => new(Names.Select((name, i) => _numbers[i] is { } numbers
        ? new NumberColumn(name, [.. numbers])
        : (Column)new TextColumn(name, [.. _texts[i]!.Value.Codes], [.. _texts[i]!.Value.Words.Keys])));

    private void Begin(string[]? header, int width, HashSet<int> texts)
    {
        for (int i = 0; i < width; i++)
        {
            string name = header?[i].TrimStart('#').Trim() is { Length: > 0 } given ? given : $"column{i + 1}";
            string own = name;
            for (int again = 2; Names.Contains(own); again++)
            {
                own = $"{name}_{again}";
            }

            Names.Add(own);
            _numbers.Add(texts.Contains(i) ? null : []);
            _texts.Add(texts.Contains(i) ? ([], []) : null);
        }
    }

    private void Add(string[] row, CsvDialect dialect, string[]? header, long number)
    {
        if (row.Length > Names.Count && row.Skip(Names.Count).Any(value => value.Length > 0))
        {
            BrokenCount++;
            if (Broken.Count < MaxTold)
            {
                Broken.Add(number);
            }

            return;
        }

        if (header is not null && row.AsSpan().SequenceEqual(header))
        {
            _repeated++;
            return;
        }

        _widest = Math.Max(_widest, Math.Min(row.Length, Names.Count));
        _short += row.Length < Names.Count ? 1 : 0;
        for (int i = 0; i < Names.Count; i++)
        {
            string value = i < row.Length ? row[i] : "";
            bool isMissing = Numbers.IsMissing(value);
            if (_numbers[i] is { } numbers)
            {
                double parsed = double.NaN;
                if (!isMissing && !dialect.TryParse(value, out parsed))
                {
                    TextColumns.Add(i);
                }

                numbers.Add(double.IsFinite(parsed) ? parsed : double.NaN);
            }
            else
            {
                (List<int> codes, Dictionary<string, int> words) = _texts[i]!.Value;
                int code = -1;
                if (!isMissing)
                {
                    ref int place = ref CollectionsMarshal.GetValueRefOrAddDefault(words, value, out bool isKnown);
                    code = place = isKnown ? place : words.Count - 1;
                }

                codes.Add(code);
            }
        }

        Rows++;
    }

    private void Say(CsvDialect dialect)
    {
        if (_widest < Names.Count)
        {
            Notes.Add($"The header has {Names.Count} names for {_widest} columns: the last {Names.Count - _widest} are ignored.");
            Names.RemoveRange(_widest, Names.Count - _widest);
            _short = 0;
        }

        if (_short > 0)
        {
            Notes.Add($"Fewer values than the {Names.Count} columns: in {Table.Counted(_short, "row")}; what is lacking counts as missing.");
        }

        if (_repeated > 0)
        {
            Notes.Add($"Ignored: {Table.Counted(_repeated, "row")} with the header again.");
        }

        if (BrokenCount > 0)
        {
            Notes.Add($"Ignored: {Table.Counted(BrokenCount, "row")} with more values than columns, such as row {string.Join(", ", Broken)}.");
        }

        // scikit-learn's first line has the names of the classes 0, 1 … of the last column.
        if (dialect.ClassNames is { Count: > 1 } names && _numbers[Names.Count - 1] is { } labels
            && labels.All(label => label >= 0 && label < names.Count && label == Math.Round(label)))
        {
            _texts[Names.Count - 1] = ([.. labels.Select(label => (int)label)], names.Index().ToDictionary(one => one.Item, one => one.Index));
            _numbers[Names.Count - 1] = null;
            Notes.Add($"The first line names the classes of the last column: {string.Join(", ", names)}.");
        }
    }
}
