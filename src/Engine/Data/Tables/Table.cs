using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text.Json;

namespace Engine.Data;

/// <summary>
/// Represents samples with named values: rows of a file, pictures with their classes, or your own records.
/// </summary>
public sealed class Table
{
    /// <summary>Numbers that are no primitive types.</summary>
    private static readonly Type[] s_otherNumbers =
        [typeof(decimal), typeof(Half), typeof(Int128), typeof(UInt128), typeof(System.Numerics.BigInteger)];

    /// <summary>Creates a table of these columns.</summary>
    /// <exception cref="EngineException">
    /// There are no columns, their lengths differ, or two have the same name.
    /// </exception>
    public Table(params IEnumerable<Column> columns)
    {
        Columns = [.. columns];
        if (Columns.Count == 0)
        {
            throw new EngineException("A table needs a column.");
        }

        foreach (Column column in Columns)
        {
            if (column.Count != Count)
            {
                throw new EngineException(
                    $"The columns are not of one length: '{Columns[0].Name}' has {Count} values, "
                    + $"'{column.Name}' {column.Count}.");
            }

            if (Columns.First(first => first.Name == column.Name) != column)
            {
                throw new EngineException($"Two columns are named '{column.Name}': give one of them another name.");
            }
        }
    }

    /// <summary>Gets the columns.</summary>
    public IReadOnlyList<Column> Columns { get; }

    /// <summary>Gets the number of samples.</summary>
    public int Count => Columns[0].Count;

    /// <summary>Gets the column of this name.</summary>
    /// <exception cref="EngineException">There is no such column; the message lists the columns.</exception>
    public Column this[string name] => Find(name) ?? throw new EngineException(
        $"There is no column '{name}': there are {Some(Columns.Select(column => column.Name))}.");

    /// <summary>Returns the column of this name; null if there is none.</summary>
    public Column? Find(string name) => Columns.FirstOrDefault(column => column.Name == name);

    /// <summary>
    /// Returns the column of this name, or else the only one whose name differs only in case, as from JSON; null if
    /// there is none.
    /// </summary>
    internal Column? FindAlike(string name) => Find(name)
        ?? (Columns.Where(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            .ToArray() is [Column only] ? only : null);

    /// <summary>
    /// Returns a table from your own records, with a column for each public property: numbers and booleans are numbers;
    /// texts, characters, enumerations and values that can be written as text (Guid, DateOnly) are texts. Arrays of
    /// bytes or floats become vectors.
    /// </summary>
    /// <typeparam name="T">The records' type.</typeparam>
    /// <exception cref="EngineException">A property has a type that cannot be a column.</exception>
    public static Table Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>(
        IEnumerable<T> records)
    {
        T[] all = [.. records];
        return new Table(typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.CanRead && property.GetIndexParameters().Length == 0)
            .Select(property => ColumnOf(property, [.. all.Select(record => property.GetValue(record))])));
    }

    /// <summary>
    /// Returns a table of one row from its values by name: texts, numbers and booleans, also as JsonElement; null for
    /// missing values.
    /// </summary>
    public static Table Row(IEnumerable<KeyValuePair<string, object?>> values) => new(values.Select(pair =>
        pair.Value is JsonElement { ValueKind: JsonValueKind.True or JsonValueKind.False } flag
            ? NumbersOf(pair.Key, [flag.GetBoolean()])
        : pair.Value is Tensor tensor ? new TensorColumn(pair.Key, tensor.Reshape([1, .. tensor.Shape]))
        : pair.Value is not null && IsNumber(pair.Value.GetType()) ? (Column)NumbersOf(pair.Key, [pair.Value])
        : new TextColumn(pair.Key, [TextOf(pair.Value)])));

    /// <summary>Returns the rows of several tables with the same columns, one table after the other.</summary>
    internal static Table Joined(IReadOnlyList<Table> tables) => tables.Count == 1 ? tables[0] : new(
        tables[0].Columns.Select((first, i) => first.Joined([.. tables.Select(table => table.Columns[i])])));

    /// <summary>Returns the table without the columns of these names.</summary>
    public Table Without(params IReadOnlyCollection<string> names) =>
        new(Columns.Where(column => !names.Contains(column.Name)));

    /// <summary>Returns the samples with these indices, in this order.</summary>
    public Table Rows(int[] indices) => new(Columns.Select(column => column.Rows(indices)));

    /// <summary>Returns the samples shuffled by the seed.</summary>
    public Table Shuffled(int seed) => Rows(DataSplit.Order(Count, seed));

    /// <summary>Returns the first few names of many, for messages.</summary>
    internal static string Some(IEnumerable<string> names)
    {
        const int Max = 12;
        string[] all = [.. names];
        return string.Join(", ", all.Take(Max).Select(name => $"'{Short(name)}'"))
            + (all.Length > Max ? $" … ({all.Length})" : "");
    }

    /// <summary>Returns a name for messages: in one line, and cut if it is long.</summary>
    internal static string Short(string name)
    {
        const int Max = 40;
        string line = string.Concat(name.Take(Max).Select(letter => char.IsControl(letter) ? ' ' : letter));
        return name.Length > Max ? $"{line}…" : line;
    }

    /// <summary>Returns a number with its noun: <c>1 row</c>, <c>1,000 rows</c>.</summary>
    internal static string Counted(long count, string noun) =>
        string.Create(CultureInfo.InvariantCulture, $"{count:N0} {noun}{(count == 1 ? "" : "s")}");

    private static Column ColumnOf(PropertyInfo property, object?[] values)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return type == typeof(byte[]) ? Vectors<byte>(property.Name, values)
            : type == typeof(float[]) ? Vectors<float>(property.Name, values)
            : IsNumber(type) ? NumbersOf(property.Name, values)
            : type.IsEnum || type == typeof(string) || type == typeof(char) || type.IsAssignableTo(typeof(IFormattable))
                ? new TextColumn(property.Name, values.Select(TextOf))
            : throw new EngineException(
                $"{property.DeclaringType?.Name}.{property.Name} is of type {type.Name}: a column has numbers, texts, "
                + "enumerations, or arrays of bytes or floats. Give the records without it, or converted.");
    }

    private static TensorColumn Vectors<T>(string name, object?[] values) where T : unmanaged
    {
        int length = ((T[]?)values.FirstOrDefault())?.Length ?? 0;
        int odd = Array.FindIndex(values, value => ((T[]?)value)?.Length != length);
        return odd >= 0
            ? throw new EngineException(
                $"The vectors of '{name}' are not of one length: that of sample {odd} is not {length} long.")
            : new TensorColumn(
                name, Tensor.From<T>([.. values.SelectMany(value => (T[])value!)], values.Length, length));
    }

    private static bool IsNumber(Type type) => (type.IsPrimitive && type != typeof(char))
        || s_otherNumbers.Contains(type);

    /// <summary>
    /// Returns a column of numbers that keeps the texts of booleans, and of numbers that float64 does not hold.
    /// </summary>
    private static NumberColumn NumbersOf(string name, object?[] values)
    {
        double[] numbers = [.. values.Select(value => value switch
        {
            null => double.NaN,
            bool isTrue => isTrue ? 1 : 0,
            IConvertible number => number.ToDouble(CultureInfo.InvariantCulture),
            _ => double.Parse(TextOf(value)!, NumberStyles.Float, CultureInfo.InvariantCulture),
        })];
        bool areExact = values.All(value => value is null or float or double or Half);
        return new NumberColumn(name, numbers)
        {
            Written = areExact ? null : NumberNames.Of(name, values.Select(TextOf), numbers),
        };
    }

    private static string? TextOf(object? value) =>
        value is IFormattable some and not Enum ? some.ToString(null, CultureInfo.InvariantCulture) : value?.ToString();
}
