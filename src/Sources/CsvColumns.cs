using System.Runtime.InteropServices;

namespace Engine.Data;

/// <summary>The values of a file, column by column: numbers, or the indices of texts.</summary>
internal sealed class CsvColumns
{
    private const int MaxTold = 5;

    /// <summary>Numbers with more names than this are not classes.</summary>
    private const int MaxNames = 1_000;

    /// <summary>Texts that are no more than this share of a column of numbers may be slips.</summary>
    private const double MaxOdd = 0.25;

    private readonly List<bool> _areSureNumbers = [], _keepNA = [];
    private readonly List<List<double>?> _numbers = [];
    private readonly List<(List<int> Codes, Dictionary<string, int> Words)?> _texts = [];
    private readonly List<string?> _units = [];
    private readonly Dictionary<string, int> _missing = [];
    private int _commentCount, _short, _repeated, _widest, _target = -1;
    private int _maxNames = MaxNames;
    private NumberNames? _names;
    private string? _comment;

    /// <summary>Gets the names of the columns.</summary>
    public List<string> Names { get; } = [];

    public int Rows { get; private set; }

    /// <summary>Gets the first rows that have more values than there are columns.</summary>
    public List<long> Broken { get; } = [];

    /// <summary>Gets the number of such rows.</summary>
    public int BrokenCount { get; private set; }

    /// <summary>Gets the columns that were taken for numbers and have a text.</summary>
    public HashSet<int> TextColumns { get; } = [];

    /// <summary>Gets whether the file must be read again, because the target's names were given up too early.</summary>
    public bool NeedsNames { get; private set; }

    /// <summary>Gets the column to predict; null if the file is read without one.</summary>
    public string? Target => (uint)_target < (uint)Names.Count ? Names[_target] : null;

    /// <summary>Gets the words for missing values of the target, with the number of each.</summary>
    public IReadOnlyDictionary<string, int> Missing => _missing;

    /// <summary>Gets how numbers are written.</summary>
    public DecimalStyle Decimals { get; private init; }

    /// <summary>Gets the notes about the file.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Reads all rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="dialect">The format of the file.</param>
    /// <param name="texts">The columns that are known to be texts; all others are read as numbers.</param>
    /// <param name="wishes">The columns whose types are known.</param>
    /// <param name="target">
    /// Returns the index of the column to predict, given the names; null to read without one.
    /// </param>
    /// <param name="keepsNames">Whether all names of the target's numbers are kept, however many they are.</param>
    public static CsvColumns Read(
        IEnumerable<string[]> rows, CsvDialect dialect, HashSet<int> texts, Csv wishes, Func<List<string>, int>? target,
        bool keepsNames)
    {
        const int MaxColumns = 20_000;
        var read = new CsvColumns
        {
            _maxNames = keepsNames ? int.MaxValue : MaxNames,
            _comment = dialect.Comments.Count > 0 ? dialect.Comments[0] : null,
            _commentCount = dialect.Comments.Count,
            Decimals = dialect.Decimals,
        };
        using IEnumerator<string[]> each = rows.Where(row => read.IsValues(row, dialect)).GetEnumerator();
        string[]? header = dialect.Names.Count > 0
            ? [.. dialect.Names]
            : dialect.HasHeader && each.MoveNext() ? each.Current : null;
        string[]? second = dialect.HasSecondHeader && each.MoveNext() ? each.Current : null;
        bool hasRow = each.MoveNext();
        if (!hasRow)
        {
            return read;
        }

        header = header is not null && dialect.HasRowNames ? ["", .. header] : header;
        int width = header?.Length ?? Math.Max(each.Current.Length, dialect.Columns);
        if (width > MaxColumns)
        {
            throw new DataFormatException(
                FormattableString.Invariant(
                    $"it has {width:N0} columns, and {MaxColumns:N0} is the most that are read"));
        }

        read.Begin(header, width, texts, wishes);
        read._target = target?.Invoke(read.Names) ?? -1;
        read._names = read._target >= 0 && read._numbers[read._target] is not null ? new NumberNames() : null;
        long number = (dialect.HasHeader ? 2 : 1) + (second is null ? 0 : 1);
        if (second is not null)
        {
            read.Notes.Add($"The second line, {Table.Some(second)}, names units or columns again and is ignored.");
        }

        do
        {
            read.Add(each.Current, dialect, header, number++);
        }
        while (each.MoveNext());

        read.Say(dialect, wishes);
        return read;
    }

    /// <summary>Returns the columns as a table.</summary>
    public Table ToTable() => new(Names.Select((name, i) => _numbers[i] is { } numbers
        ? new NumberColumn(name, [.. numbers])
        {
            Unit = _units[i] is { Length: > 0 } unit ? unit : null,
            Written = i == _target ? _names?.ToColumn(name) : null,
        }
        : (Column)new TextColumn(name, [.. _texts[i]!.Value.Codes], [.. _texts[i]!.Value.Words.Keys])));

    private void Begin(string[]? header, int width, HashSet<int> texts, Csv wishes)
    {
        for (int i = 0; i < width; i++)
        {
            string name = header is not null && CsvDialect.Unmarked(header[i]) is { Length: > 0 } given
                ? given
                : $"column{i + 1}";
            string own = name;
            for (int again = 2; Names.Contains(own); again++)
            {
                own = $"{name}_{again}";
            }

            Names.Add(own);
            _keepNA.Add(wishes.KeepNA.Contains(own, StringComparer.OrdinalIgnoreCase));
            bool isText = texts.Contains(i) || _keepNA[i]
                || wishes.Texts.Contains(own, StringComparer.OrdinalIgnoreCase);
            _areSureNumbers.Add(wishes.Numbers.Contains(own, StringComparer.OrdinalIgnoreCase));
            _numbers.Add(isText ? null : []);
            _texts.Add(isText ? ([], []) : null);
            _units.Add(_areSureNumbers[i] ? wishes.Units.GetValueOrDefault(own, "") : null);
        }
    }

    /// <summary>Returns whether a row has values, and counts those that are comments.</summary>
    private bool IsValues(string[] row, CsvDialect dialect)
    {
        if (!dialect.IsComment(row))
        {
            return true;
        }

        _commentCount++;
        _comment ??= string.Join(dialect.Separator, row);
        return false;
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
            bool isMissing = _keepNA[i]
                ? value.Length == 0
                : _numbers[i] is null ? Numbers.IsMissing(value) : Numbers.IsMissingNumber(value);
            if (isMissing && i == _target)
            {
                _missing[value] = _missing.GetValueOrDefault(value) + 1;
            }

            if (_numbers[i] is { } numbers)
            {
                double parsed = double.NaN;
                if (!isMissing && !IsNumber(i, value, dialect, out parsed))
                {
                    RequireText(i, value);
                    TextColumns.Add(i);
                }

                parsed = double.IsFinite(parsed) ? parsed : double.NaN;
                numbers.Add(parsed);
                if (i == _target)
                {
                    AddName(double.IsNaN(parsed) ? null : value, parsed);
                }
            }
            else
            {
                (List<int> codes, Dictionary<string, int> words) = _texts[i]!.Value;
                int code = -1;
                if (!isMissing)
                {
                    ref int index = ref CollectionsMarshal.GetValueRefOrAddDefault(words, value, out bool isKnown);
                    code = index = isKnown ? index : words.Count - 1;
                }

                codes.Add(code);
            }
        }

        Rows++;
    }

    /// <summary>Reads a number with the column's unit, or a boolean where a model learned from numbers.</summary>
    private bool IsNumber(int column, string value, CsvDialect dialect, out double number) =>
        (dialect.TryParse(value, out number, out ReadOnlySpan<char> unit) && IsUnit(column, unit))
            || (_areSureNumbers[column] && Numbers.TryParseFlag(value, out number));

    /// <summary>
    /// Returns whether a column's numbers have this unit: that of the first one, or, as for a model, that of training
    /// or none.
    /// </summary>
    private bool IsUnit(int column, ReadOnlySpan<char> unit)
    {
        string known = _units[column] ??= unit.ToString();
        return unit.SequenceEqual(known) || (_areSureNumbers[column] && unit.IsEmpty);
    }

    /// <summary>Refuses a text in a column that is known to have numbers.</summary>
    private void RequireText(int column, string value)
    {
        if (_areSureNumbers[column])
        {
            throw new DataFormatException(FormattableString.Invariant(
                $"'{Names[column]}' of row {Rows + 1} is '{Table.Short(value)}', which is no number{(_units[column] is { Length: > 0 } unit ? $" in {unit}" : "")}, as all values were that were trained with"));
        }
    }

    /// <summary>
    /// Adds the name of the target's number. Many are not classes, and their names are given up unless they are needed.
    /// </summary>
    private void AddName(string? name, double value)
    {
        _names?.Add(name, value);
        NeedsNames |= _names is null && name is not null && Numbers.IsCode(name);
        if (_names is { HasCodes: false } && _names.Count > _maxNames)
        {
            _names = null;
        }
    }

    /// <summary>Returns the numbers of a column that may be read as texts.</summary>
    private List<double> Labels(int column)
    {
        if (_numbers[column] is { } numbers)
        {
            return numbers;
        }

        (List<int> codes, Dictionary<string, int> words) = _texts[column]!.Value;
        double[] values = [.. words.Keys.Select(word => Numbers.TryParse(word, out double value) ? value : double.NaN)];
        return [.. codes.Select(code => code < 0 ? double.NaN : values[code])];
    }

    /// <summary>
    /// Returns a note about a column that only few of its values make one of texts; null if it is none.
    /// </summary>
    private string? OddTexts(int column, CsvDialect dialect)
    {
        if (_texts[column] is not { } texts)
        {
            return null;
        }

        (List<int> codes, Dictionary<string, int> words) = texts;
        string[] names = [.. words.Keys];
        string?[] units = [.. names.Select(
            word => dialect.TryParse(word, out _, out ReadOnlySpan<char> unit) ? unit.ToString() : null)];
        string? usual = codes.Where(code => code >= 0).Select(code => units[code]).OfType<string>()
            .CountBy(unit => unit)
            .OrderByDescending(pair => pair.Value).Select(pair => pair.Key).FirstOrDefault();
        bool[] areNumbers = [.. names.Select((word, i) => units[i] == usual || Numbers.IsMissingNumber(word))];
        int known = codes.Count(code => code >= 0), odd = codes.Count(code => code >= 0 && !areNumbers[code]);
        return usual is null || odd == 0 || odd > known * MaxOdd ? null : FormattableString.Invariant(
            $"'{Names[column]}' is taken for texts, though {known - odd:N0} of its {known:N0} values are numbers{(usual.Length > 0 ? $" in {usual}" : "")}: ")
            + $"{Table.Some(names.Where((_, i) => !areNumbers[i]))} {(odd == 1 ? "is" : "are")} none.";
    }

    private void Say(CsvDialect dialect, Csv wishes)
    {
        if (_comment is not null)
        {
            Notes.Add(
                $"Passed over: {Table.Counted(_commentCount, "line")} of comments, such as '{Table.Short(_comment)}'.");
        }

        if (_widest < Names.Count)
        {
            Notes.Add(
                $"The header has {Names.Count} names for {_widest} columns: the last {Names.Count - _widest} are "
                + $"ignored.");
            Names.RemoveRange(_widest, Names.Count - _widest);
            _short = 0;
        }

        if (_short > 0)
        {
            Notes.Add(
                $"Fewer values than the {Names.Count} columns: in {Table.Counted(_short, "row")}; "
                + $"what is lacking counts as missing.");
        }

        if (_repeated > 0)
        {
            Notes.Add($"Ignored: {Table.Counted(_repeated, "row")} with the header again.");
        }

        if (BrokenCount > 0)
        {
            Notes.Add(
                $"Ignored: {Table.Counted(BrokenCount, "row")} with more values than columns, "
                + $"such as row {string.Join(", ", Broken)}.");
        }

        Notes.AddRange(
            Names.Where((name, i) => i != _target && !wishes.Texts.Contains(name, StringComparer.OrdinalIgnoreCase))
                .Select(name => OddTexts(Names.IndexOf(name), dialect)).OfType<string>());

        // scikit-learn's first line has the names of the classes 0, 1 … of the last column.
        if (dialect.ClassNames is { Count: > 1 } names && Labels(Names.Count - 1) is var labels
            && labels.All(label => label >= 0 && label < names.Count && label == Math.Round(label)))
        {
            _texts[Names.Count - 1] = ([.. labels.Select(label => (int)label)],
                names.Index().ToDictionary(one => one.Item, one => one.Index));
            _numbers[Names.Count - 1] = null;
            Notes.Add($"The first line names the classes of the last column: {string.Join(", ", names)}.");
        }
    }
}
