using System.Globalization;
using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>
/// Describes the column to predict and its encoding as numbers. It is fitted on the training samples.
/// </summary>
/// <param name="Column">The column's name.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ClassTarget), "classes")]
[JsonDerivedType(typeof(ValueTarget), "values")]
public abstract record Target(string Column)
{
    /// <summary>Integers with more values than this are measurements, not classes.</summary>
    private const int MaxNumberedClasses = 20;

    /// <summary>Gets the number of network outputs for it.</summary>
    [JsonIgnore]
    public abstract int Outputs { get; }

    /// <summary>
    /// Returns the encoded column: the number of each class, int32 (n), or scaled values, float32 (n, 1).
    /// </summary>
    /// <exception cref="EngineException">A value is missing, or belongs to no class.</exception>
    public abstract Tensor Apply(Column column);

    /// <summary>Returns samples with the names of classes as they were trained: 1 for 1.0.</summary>
    internal virtual Table Named(Table samples) => samples;

    /// <summary>Throws if a test sample has no value, or a class without training samples.</summary>
    /// <exception cref="EngineException">There is such a sample.</exception>
    internal virtual void Check(Column test) => Apply(test);

    /// <summary>
    /// Fits a target. Texts are classes, and so are numbers that are written as names are (007, or with more than 15
    /// digits). Integers are classes if they have at most 20 values, each at least twice. Other numbers are values.
    /// </summary>
    /// <param name="column">The column of the training samples.</param>
    /// <param name="areValues">Whether they are values; null to detect it.</param>
    /// <exception cref="EngineException">
    /// The column has fewer than two values, or has texts although values are wanted.
    /// </exception>
    public static Target Fit(Column column, bool? areValues = null)
    {
        ArgumentNullException.ThrowIfNull(column);
        string[] distinct = [.. Enumerable.Range(0, column.Count).Select(column.Text).OfType<string>().Distinct()];
        if (column is VectorColumn || distinct.Length < 2)
        {
            throw new EngineException(column is VectorColumn
                ? $"'{column.Name}' is a picture or a vector of each sample, which cannot be the target."
                : distinct.Length == 0 ? $"The target '{column.Name}' has no value in any row."
                : $"The target '{column.Name}' is '{Table.Short(distinct[0])}' in every row: "
                    + "there is nothing to tell apart.");
        }

        if (!(areValues ?? LooksLikeValues(column, distinct)))
        {
            IEnumerable<string> classes = column is NumberColumn { } ordered
                ? Enumerable.Range(0, column.Count).Where(row => column.Text(row) is not null).DistinctBy(column.Text)
                    .OrderBy(row => ordered.Values[row]).ThenBy(column.Text, StringComparer.Ordinal)
                    .Select(row => column.Text(row)!)
                : distinct.Order(StringComparer.Ordinal);
            return new ClassTarget(column.Name, [.. classes]);
        }

        return column is NumberColumn values ? ValueTarget.Fit(values) : throw new EngineException(
            $"The target '{column.Name}' has texts, '{Table.Short(distinct[0])}' say, and is to be learned as values: "
            + "those are numbers.");
    }

    /// <summary>Returns whether a column has values, not classes, if nobody says which.</summary>
    internal static bool LooksLikeValues(Column column) =>
        column is NumberColumn && LooksLikeValues(
            column, [.. Enumerable.Range(0, column.Count).Select(column.Text).OfType<string>().Distinct()]);

    private static bool LooksLikeValues(Column column, string[] distinct) => column is NumberColumn numbers
        && !(numbers.Written is not null && distinct.Any(text => Numbers.IsCode(text)))
        && (distinct.Length > Math.Min(MaxNumberedClasses, column.Count / 2)
            || numbers.Values.ToArray().Any(x => double.IsFinite(x) && x != Math.Round(x)));
}

/// <summary>Represents a target that is one of several classes.</summary>
/// <param name="Column">The column's name.</param>
/// <param name="Classes">Their names, in the order of the network's outputs.</param>
public sealed record ClassTarget(string Column, IReadOnlyList<string> Classes) : Target(Column)
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override int Outputs => Classes.Count;

    /// <inheritdoc/>
    public override Tensor Apply(Column column)
    {
        ArgumentNullException.ThrowIfNull(column);
        var classes = new NameIndex(Classes);
        var labels = new int[column.Count];
        for (int row = 0; row < labels.Length; row++)
        {
            labels[row] = classes.Find(column, row, ignoresCase: false) is >= 0 and int index
                ? index
                : throw new EngineException(
                column.Text(row) is not { } name
                    ? $"'{Column}' of sample {row} is missing: leave out the rows without it."
                : $"'{name}' is no class that was trained: '{Column}' has {Table.Some(Classes)}.");
        }

        return Tensor.From(labels);
    }

    internal override Table Named(Table samples)
    {
        Column own = samples[Column];
        var classes = new NameIndex(Classes);
        var named = new TextColumn(Column, Enumerable.Range(0, own.Count).Select(
            row => classes.Find(own, row, ignoresCase: false) is >= 0 and int index ? Classes[index] : own.Text(row)));
        return new Table(samples.Columns.Select(column => column == own ? named : column));
    }

    internal override void Check(Column test)
    {
        var classes = new NameIndex(Classes);
        string[] unknown =
        [
            .. Enumerable.Range(0, test.Count)
            .Where(row => test.Text(row) is not null && classes.Find(test, row, ignoresCase: false) < 0)
                .Select(row => test.Text(row)!),
        ];
        if (unknown.Length > 0)
        {
            throw new EngineException(
                $"{Table.Counted(unknown.Length, "sample")} to test with, "
                + $"of {test.Count}, {(unknown.Length == 1 ? "is" : "are")} of classes that no sample to train on "
                + $"has: {Table.Some(unknown.Distinct())}. They cannot be learned: leave them out, "
                + "or give some to train on.");
        }

        Apply(test);
    }

    /// <summary>Returns whether both compute the same.</summary>
    public bool Equals(ClassTarget? other) =>
        other is not null && Column == other.Column && Classes.SequenceEqual(other.Classes);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Classes.Count);
}

/// <summary>Represents a target that is a value, learned as (y - mean) / deviation.</summary>
/// <param name="Column">The column's name.</param>
/// <param name="Mean">The mean of the training samples.</param>
/// <param name="Std">Their standard deviation.</param>
public sealed record ValueTarget(
    string Column, double Mean, [property: JsonPropertyName("deviation")] double Std) : Target(Column)
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override int Outputs => 1;

    /// <summary>
    /// Gets or sets the unit that each value was written with in training: %, $, kg; null for none. Predictions are in
    /// this unit.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Unit { get; init; }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(ValueTarget), PrintMembers);

    /// <summary>Fits a target to the values that are not missing.</summary>
    public static ValueTarget Fit(NumberColumn column)
    {
        ScaledNumber scale = ScaledNumber.Fit(column);
        if (scale.Std is < 1e-100 or > 1e100)
        {
            throw new EngineException(FormattableString.Invariant(
                $"The target '{column.Name}' has values of about {Math.Max(Math.Abs(scale.Mean), scale.Std):G2}, too {(scale.Std > 1 ? "large" : "small")} to be learned: give it in another unit."));
        }

        return new ValueTarget(column.Name, scale.Mean, scale.Std) { Unit = scale.Unit };
    }

    /// <summary>Converts a network's output to the target's own unit.</summary>
    public double Inverse(double scaled) => (scaled * Std) + Mean;

    /// <inheritdoc/>
    public override Tensor Apply(Column column)
    {
        if (column is not NumberColumn numbers)
        {
            throw new EngineException($"The target '{Column}' is to be of numbers.");
        }

        float[] scaled = [.. numbers.Values.ToArray().Select(y => (float)((y - Mean) / Std))];
        int missing = Array.FindIndex(scaled, y => !float.IsFinite(y));
        return missing < 0 ? Tensor.From(scaled, scaled.Length, 1) : throw new EngineException(
            $"'{Column}' of sample {missing} is missing: leave out the rows without it.");
    }
}
