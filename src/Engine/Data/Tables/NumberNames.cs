using System.Runtime.InteropServices;

namespace Engine.Data;

/// <summary>
/// Collects how the numbers of a column are written, because they may be names: 007 is not 7. Other spellings of one
/// number, 1 and 1.0, are one name, the first one.
/// </summary>
internal sealed class NumberNames
{
    private readonly List<int> _codes = [];
    private readonly Dictionary<string, int> _texts = [];
    private readonly Dictionary<double, int> _values = [];
    private readonly List<string> _names = [];

    /// <summary>Gets the number of names.</summary>
    public int Count => _names.Count;

    /// <summary>Gets whether a number is written as only names are.</summary>
    public bool HasCodes { get; private set; }

    /// <summary>Adds a number.</summary>
    /// <param name="text">How it is written; null if it is missing.</param>
    /// <param name="value">The number.</param>
    public void Add(string? text, double value)
    {
        if (text is null)
        {
            _codes.Add(-1);
            return;
        }

        ref int code = ref CollectionsMarshal.GetValueRefOrAddDefault(_texts, text, out bool isKnown);
        if (!isKnown)
        {
            bool isCode = Numbers.IsCode(text);
            HasCodes |= isCode;
            if (isCode || !_values.TryGetValue(value, out code))
            {
                code = _names.Count;
                _names.Add(text);
                _ = isCode || _values.TryAdd(value, code);
            }
        }

        _codes.Add(code);
    }

    /// <summary>Returns the names of all numbers of a column; null if the numbers themselves tell them apart.</summary>
    public static TextColumn? Of(string name, IEnumerable<string?> texts, ReadOnlySpan<double> values)
    {
        var names = new NumberNames();
        bool isNeeded = false;
        foreach (string? text in texts)
        {
            names.Add(text, values[names._codes.Count]);
            isNeeded |= text is not null && !char.IsAsciiDigit(text[^1]);
        }

        return isNeeded || names.HasCodes ? names.ToColumn(name) : null;
    }

    /// <summary>Returns the column of names.</summary>
    public TextColumn ToColumn(string name) => new(name, [.. _codes], _names);
}
