using System.Globalization;
using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>Describes what is predicted, and how it is said in numbers: fitted on the samples that train.</summary>
/// <param name="Column">The column's name.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ClassTarget), "classes")]
[JsonDerivedType(typeof(ValueTarget), "values")]
public abstract record Target(string Column)
{
    /// <summary>Whole numbers of more values than this are measured, not named.</summary>
    private const int MaxNumberedClasses = 20;

    /// <summary>Gets how many numbers a network gives for it.</summary>
    [JsonIgnore]
    public abstract int Outputs { get; }

    /// <summary>
    /// Returns the column as a network learns it: the number of each class, int32 (n); scaled values, float32 (n, 1).
    /// </summary>
    /// <exception cref="EngineException">A value is missing, or of no class.</exception>
    public abstract Tensor Apply(Column column);

    /// <summary>Refuses samples to test with of a class that none of those that train has, or without a value.</summary>
    /// <exception cref="EngineException">There are such.</exception>
    internal virtual void Check(Column test) => Apply(test);

    /// <summary>
    /// Fits it: texts, and whole numbers of at most 20 values of which each comes twice or more, are classes; other numbers
    /// are values.
    /// </summary>
    /// <param name="column">The samples that train.</param>
    /// <param name="areValues">Whether they are values; null to look.</param>
    /// <exception cref="EngineException">The column has no two values, or texts where values are wanted.</exception>
    public static Target Fit(Column column, bool? areValues = null)
    {
        ArgumentNullException.ThrowIfNull(column);
        string[] distinct = [.. Enumerable.Range(0, column.Count).Select(column.Text).OfType<string>().Distinct()];
        if (column is VectorColumn || distinct.Length < 2)
        {
            throw new EngineException(column is VectorColumn
                ? $"'{column.Name}' is a picture or a vector of each sample, which cannot be the target."
                : distinct.Length == 0 ? $"The target '{column.Name}' has no value in any row."
                : $"The target '{column.Name}' is '{Table.Short(distinct[0])}' in every row: there is nothing to tell apart.");
        }

        bool looksLikeValues = column is NumberColumn numbers
            && (distinct.Length > Math.Min(MaxNumberedClasses, column.Count / 2)
                || numbers.Values.ToArray().Any(x => double.IsFinite(x) && x != Math.Round(x)));
        if (!(areValues ?? looksLikeValues))
        {
            IEnumerable<string> classes = column is NumberColumn
                ? distinct.OrderBy(text => double.Parse(text, CultureInfo.InvariantCulture))
                : distinct.Order(StringComparer.Ordinal);
            return new ClassTarget(column.Name, [.. classes]);
        }

        return column is NumberColumn values ? ValueTarget.Fit(values) : throw new EngineException(
            $"The target '{column.Name}' has texts, '{Table.Short(distinct[0])}' say, and is to be learned as values: those are numbers.");
    }
}

/// <summary>Represents one of several classes.</summary>
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
        Dictionary<string, int> places = Classes.Index().ToDictionary(one => one.Item, one => one.Index);
        var labels = new int[column.Count];
        for (int row = 0; row < labels.Length; row++)
        {
            string? name = column.Text(row);
            labels[row] = name is not null && places.TryGetValue(name, out int place) ? place : throw new EngineException(name is null
                ? $"'{Column}' of sample {row} is missing: leave out the rows without it."
                : $"'{name}' is no class that was trained: '{Column}' has {Table.Some(Classes)}.");
        }

        return Tensor.From(labels);
    }

    internal override void Check(Column test)
    {
        string[] unknown = [.. Enumerable.Range(0, test.Count).Select(test.Text).OfType<string>().Where(name => !Classes.Contains(name))];
        if (unknown.Length > 0)
        {
            throw new EngineException(
                $"{Table.Counted(unknown.Length, "sample")} to test with, of {test.Count}, {(unknown.Length == 1 ? "is" : "are")} of classes that no sample to train on "
                + $"has: {Table.Some(unknown.Distinct())}. They cannot be learned: leave them out, or give some to train on.");
        }

        Apply(test);
    }

    /// <summary>Equal in what it does.</summary>
    public bool Equals(ClassTarget? other) => other is not null && Column == other.Column && Classes.SequenceEqual(other.Classes);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Classes.Count);
}

/// <summary>Represents a value, learned as (y - mean) / deviation.</summary>
/// <param name="Column">The column's name.</param>
/// <param name="Mean">The mean of the samples that train.</param>
/// <param name="Deviation">Their standard deviation.</param>
public sealed record ValueTarget(string Column, double Mean, double Deviation) : Target(Column)
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override int Outputs => 1;

    /// <summary>Returns the record as text, with points in its numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(ValueTarget), PrintMembers);

    /// <summary>Fits it to the values that are there.</summary>
    public static ValueTarget Fit(NumberColumn column)
    {
        ScaledNumber scale = ScaledNumber.Fit(column);
        if (scale.Deviation is < 1e-100 or > 1e100)
        {
            throw new EngineException(FormattableString.Invariant(
                $"The target '{column.Name}' has values of about {Math.Max(Math.Abs(scale.Mean), scale.Deviation):G2}, too {(scale.Deviation > 1 ? "large" : "small")} to be learned: give it in another unit."));
        }

        return new ValueTarget(column.Name, scale.Mean, scale.Deviation);
    }

    /// <summary>Returns a value as the network gives it, in the target's own unit.</summary>
    public double Inverse(double scaled) => (scaled * Deviation) + Mean;

    /// <inheritdoc/>
    public override Tensor Apply(Column column)
    {
        if (column is not NumberColumn numbers)
        {
            throw new EngineException($"The target '{Column}' is to be of numbers.");
        }

        float[] scaled = [.. numbers.Values.ToArray().Select(y => (float)((y - Mean) / Deviation))];
        int missing = Array.FindIndex(scaled, y => !float.IsFinite(y));
        return missing < 0 ? Tensor.From(scaled, scaled.Length, 1) : throw new EngineException(
            $"'{Column}' of sample {missing} is missing: leave out the rows without it.");
    }
}
