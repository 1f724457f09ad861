namespace Engine.Data;

/// <summary>Finds the indices of names in a list, however another file writes them.</summary>
internal sealed class NameIndex
{
    private const int Twice = -2;

    private readonly Dictionary<string, int> _exact, _alike = new(StringComparer.OrdinalIgnoreCase);
    private readonly Dictionary<double, int> _numbers = [];

    public NameIndex(IReadOnlyList<string> names)
    {
        _exact = names.Index().ToDictionary(one => one.Item, one => one.Index);
        foreach ((int index, string name) in names.Index())
        {
            _alike[name] = _alike.ContainsKey(name) ? Twice : index;
            if (Numbers.TryParse(name, out double number) && double.IsFinite(number))
            {
                _numbers[number] = _numbers.ContainsKey(number) ? Twice : index;
            }
        }
    }

    /// <summary>
    /// Returns the index of a sample's text: the same text, or else the only one that is the same number (1.0 for 1);
    /// -1 if there is none.
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

        double number = column is NumberColumn numbers ? numbers.Values[row]
            : Numbers.TryParse(text, out double parsed) ? parsed : double.NaN;
        return _numbers.TryGetValue(number, out index) && index >= 0 ? index
            : ignoresCase && _alike.TryGetValue(text, out index) && index >= 0 ? index
            : -1;
    }
}
