using System.Globalization;

namespace Engine.Data;

/// <summary>Represents a named value of every sample of a <see cref="Table"/>.</summary>
public abstract class Column
{
    private protected Column(string name, int count) => (Name, Count) = (name, count);

    /// <summary>Gets the name.</summary>
    public string Name { get; }

    /// <summary>Gets the number of samples.</summary>
    public int Count { get; }

    /// <summary>Returns the samples with these indices, in this order.</summary>
    public abstract Column Rows(ReadOnlySpan<int> indices);

    /// <summary>Returns a sample's value as text; null if it is missing.</summary>
    public abstract string? Text(int row);

    /// <summary>Returns the values of this column and then those of other columns of the same type.</summary>
    internal abstract Column Joined(IReadOnlyList<Column> columns);

    /// <summary>Gets the number of samples without a value.</summary>
    public int Missing => Enumerable.Range(0, Count).Count(row => Text(row) is null);

    private protected static T[] Pick<T>(T[] values, ReadOnlySpan<int> indices)
    {
        var picked = new T[indices.Length];
        for (int i = 0; i < picked.Length; i++)
        {
            picked[i] = values[indices[i]];
        }

        return picked;
    }
}

/// <summary>Represents a number for each sample; nan if it is missing.</summary>
/// <param name="name">The name of the column.</param>
/// <param name="values">The numbers, which are not copied.</param>
public sealed class NumberColumn(string name, double[] values) : Column(name, values.Length)
{
    /// <summary>Gets the numbers.</summary>
    public ReadOnlySpan<double> Values => values;

    /// <summary>Gets or sets the unit that each number is written with: %, $, kg; null for none.</summary>
    public string? Unit { get; init; }

    /// <summary>Gets or sets how the numbers are written if they may be names; null for the shortest way.</summary>
    internal TextColumn? Written { get; init; }

    /// <inheritdoc/>
    public override Column Rows(ReadOnlySpan<int> indices) =>
        new NumberColumn(Name, Pick(values, indices)) { Unit = Unit, Written = (TextColumn?)Written?.Rows(indices) };

    internal override Column Joined(IReadOnlyList<Column> columns) =>
        new NumberColumn(Name, [.. columns.SelectMany(column => ((NumberColumn)column).Values.ToArray())])
        {
            Unit = Unit,
            Written = columns.All(column => ((NumberColumn)column).Written is null) ? null
                : new TextColumn(
                    Name, columns.SelectMany(column => Enumerable.Range(0, column.Count).Select(column.Text))),
        };

    /// <inheritdoc/>
    public override string? Text(int row) => Written is null ? TextOf(values[row]) : Written.Text(row);

    /// <summary>Returns a number as it appears in names of classes; null for nan.</summary>
    internal static string? TextOf(double value) =>
        double.IsNaN(value) ? null : value.ToString("R", CultureInfo.InvariantCulture);
}

/// <summary>Represents a word for each sample. Each distinct word is stored once.</summary>
public sealed class TextColumn : Column
{
    private readonly int[] _codes;

    /// <summary>Creates a column of words.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="values">The words; null for missing ones.</param>
    public TextColumn(string name, IEnumerable<string?> values) : this(name, Encode(values))
    {
    }

    /// <summary>Creates a column of words by their numbers.</summary>
    /// <param name="name">The name of the column.</param>
    /// <param name="codes">The number of each sample's word; -1 if it is missing.</param>
    /// <param name="words">The words.</param>
    internal TextColumn(string name, int[] codes, IReadOnlyList<string> words) : base(name, codes.Length) =>
        (_codes, Words) = (codes, words);

    private TextColumn(string name, (int[] Codes, List<string> Words) encoded)
        : this(name, encoded.Codes, encoded.Words)
    {
    }

    /// <summary>Gets all possible words.</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Gets the index of each sample's word in <see cref="Words"/>; -1 if it is missing.</summary>
    public ReadOnlySpan<int> Codes => _codes;

    /// <inheritdoc/>
    public override Column Rows(ReadOnlySpan<int> indices) => new TextColumn(Name, Pick(_codes, indices), Words);

    internal override Column Joined(IReadOnlyList<Column> columns) =>
        new TextColumn(Name, columns.SelectMany(column => Enumerable.Range(0, column.Count).Select(column.Text)));

    /// <inheritdoc/>
    public override string? Text(int row) => _codes[row] < 0 ? null : Words[_codes[row]];

    private static (int[] Codes, List<string> Words) Encode(IEnumerable<string?> values)
    {
        var numbers = new Dictionary<string, int>();
        var words = new List<string>();
        var codes = new List<int>();
        foreach (string? value in values)
        {
            int code = -1;
            if (value is not null && !numbers.TryGetValue(value, out code))
            {
                numbers.Add(value, code = words.Count);
                words.Add(value);
            }

            codes.Add(code);
        }

        return ([.. codes], words);
    }
}
