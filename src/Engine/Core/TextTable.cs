using System.Globalization;
using System.Text;

namespace Engine;

/// <summary>A table as text: columns as wide as their contents, separated by two spaces.</summary>
/// <param name="columns">
/// The headings; <c>&gt;</c> at the beginning marks a column of numbers, which is aligned to the right.
/// </param>
internal sealed class TextTable(params IReadOnlyList<string> columns)
{
    private readonly List<IReadOnlyList<string>> _rows = [];

    /// <summary>Adds a row with a text for each column.</summary>
    public void Add(params IReadOnlyList<string> row) =>
        _rows.Add(
            [.. row.Select(cell =>
                cell.Any(char.IsControl) ? string.Concat(cell.Select(c => char.IsControl(c) ? ' ' : c)) : cell)]);

    public override string ToString()
    {
        string[] heads = [.. columns.Select(column => column.TrimStart('>'))];
        int[] widths = [.. heads.Select((head, i) => _rows.Select(row => row[i].Length).Append(head.Length).Max())];
        var text = new StringBuilder();
        Append(heads);
        Append([.. widths.Select(width => new string('-', width))]);
        _rows.ForEach(Append);
        return text.ToString();

        void Append(IReadOnlyList<string> row)
        {
            IEnumerable<string> cells = row.Select((cell, i) =>
                columns[i].StartsWith('>') ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }
    }

    /// <summary>Returns a number with three digits and its prefix: <c>1.23 M</c>.</summary>
    public static string Short(double value, string unit = "")
    {
        string[] letters = ["", "k", "M", "G", "T"];
        int thousands = 0;
        for (; Math.Abs(value) >= 999.5 && thousands < letters.Length - 1; thousands++)
        {
            value /= 1000;
        }

        string digits = value.ToString(
            value == Math.Floor(value) && thousands == 0 ? "0" : value < 9.995 ? "0.00" : value < 99.95 ? "0.0" : "0",
            CultureInfo.InvariantCulture);
        return $"{digits} {letters[thousands]}{unit}".TrimEnd();
    }

    /// <summary>Returns a whole number in groups of three digits, the same in every language: <c>40,000</c>.</summary>
    public static string Digits(Int128 number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Returns a time in microseconds: <c>12.3</c>.</summary>
    public static string Microseconds(double seconds) => (seconds * 1e6).ToString(
        seconds < 99.95e-6 ? "0.00" : "0", CultureInfo.InvariantCulture);

    /// <summary>Returns names with repeated ones counted and long ones cut: <c>add, 3 × dot</c>.</summary>
    public static string Counted(IEnumerable<string> names, string separator)
    {
        const int MaxOfOne = 40, Max = 72;
        return Cut(string.Join(separator, names.CountBy(name => name).Select(pair =>
            (pair.Value > 1 ? $"{pair.Value} × " : "") + Cut(pair.Key, MaxOfOne))), Max);

        static string Cut(string text, int max) => text.Length > max ? $"{text[..(max - 1)].TrimEnd()}…" : text;
    }
}
