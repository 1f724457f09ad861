namespace Engine.Data;

/// <summary>Finds the indices of names in a list, however another file writes them.</summary>
internal sealed class NameIndex
{
    private const int Twice = -2;

    private readonly Dictionary<string, int> _exact, _alike = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<double, int> _numbers = [];
    private readonly bool _areFlags;

    public NameIndex(IReadOnlyList<string> names)
    {
        _areFlags = names.All(name => Numbers.TryParseFlag(name, out _)
            || (Numbers.TryParse(name, out double number) && number is 0 or 1));
        _exact = names.Index().ToDictionary(one => one.Item, one => one.Index);
        foreach ((int index, string name) in names.Index())
        {
            _alike[name] = _alike.ContainsKey(name) ? Twice : index;
            if (Number(name) is var number && double.IsFinite(number))
            {
                _numbers[number] = _numbers.ContainsKey(number) ? Twice : index;
            }
        }
    }

    /// <summary>
    /// Returns the index of a sample's text: the same text, or else the only one that is the same number (1.0 for 1)
    /// or boolean (1 for True); -1 if there is none.
    /// </summary>
    /// <param name="column">The column.</param>
    /// <param name="row">The index of the sample.</param>
    /// <param name="ignoresCase">Whether the only text that differs in letter case alone is found, too.</param>
    public int Find(Column column, int row, bool ignoresCase)
    {
        string? text = column.Text(row);
        if (text is null)
        {
            return -1;
        }

        if (_exact.TryGetValue(text, out int index))
        {
            return index;
        }

        double number = column is NumberColumn numbers ? numbers.Values[row] : Number(text);
        return _numbers.TryGetValue(number, out index) && index >= 0 ? index
            : ignoresCase && _alike.TryGetValue(text, out index) && index >= 0 ? index
            : -1;
    }

    private double Number(string name) => Numbers.TryParse(name, out double number)
        || (_areFlags && Numbers.TryParseFlag(name, out number)) ? number : double.NaN;
}
