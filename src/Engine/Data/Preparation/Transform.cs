using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>
/// Describes how the values of a column become numbers around 0 for a network. It is fitted on the training samples and
/// then the same for all samples.
/// </summary>
/// <param name="Column">The column's name.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ScaledNumber), "number")]
[JsonDerivedType(typeof(OneHot), "one_hot")]
[JsonDerivedType(typeof(ScaledPlanes), "planes")]
[JsonDerivedType(typeof(WordCounts), "words")]
[JsonDerivedType(typeof(CustomTransform), "custom")]
public abstract record Transform(string Column)
{
    /// <summary>Gets the shape of its result for one sample.</summary>
    [JsonIgnore]
    public abstract Shape Dimensions { get; }

    /// <summary>Gets a description of the transform in words.</summary>
    [JsonIgnore]
    public abstract string Words { get; }

    /// <summary>Writes its result for one sample.</summary>
    /// <param name="column">The column. Its type may differ from the one that the transform was fitted on.</param>
    /// <param name="row">The index of the sample.</param>
    /// <param name="to">Receives as many numbers as <see cref="Dimensions"/> has.</param>
    /// <exception cref="EngineException">The value is invalid for this column.</exception>
    public abstract void Apply(Column column, int row, Span<float> to);
}

/// <summary>Computes (x - mean) / deviation. Missing values count as the median.</summary>
/// <param name="Column">The column's name.</param>
/// <param name="Mean">The mean of the training samples.</param>
/// <param name="Std">Their standard deviation; 1 if they are all equal.</param>
/// <param name="Median">Their median.</param>
public sealed record ScaledNumber(
    string Column, double Mean, [property: JsonPropertyName("deviation")] double Std, double Median) : Transform(Column)
{
    /// <summary>Numbers that are more deviations away than this are clamped to it.</summary>
    private const double FarthestOff = 1e15;

    /// <summary>
    /// Gets or sets the unit that each number was written with in training: %, $, kg; null for none. Texts may have
    /// it, too.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Unit { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape Dimensions => [1];

    /// <inheritdoc/>
    [JsonIgnore]
    public override string Words => FormattableString.Invariant($"(x - {Mean:G4}) / {Std:G4}, missing: {Median:G4}")
        + (Unit is null ? "" : $", x in {Unit}");

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(ScaledNumber), PrintMembers);

    /// <summary>Fits a transform to the numbers that are not missing.</summary>
    public static ScaledNumber Fit(NumberColumn column)
    {
        ArgumentNullException.ThrowIfNull(column);
        double[] known = [.. column.Values.ToArray().Where(double.IsFinite).Order()];
        // The squares of very large or very small numbers overflow or underflow, so divide by the largest first.
        double largest = known.Length == 0 ? 1 : Math.Max(Math.Abs(known[0]), Math.Abs(known[^1]));
        double unit = largest is 0 or (> 1e-100 and < 1e100) ? 1 : largest;
        double mean = known.Select(x => x / unit).DefaultIfEmpty(0).Average();
        double std =
            Math.Sqrt(known.Select(x => ((x / unit) - mean) * ((x / unit) - mean)).DefaultIfEmpty(0).Average()) * unit;
        // Equal numbers differ from their mean by its rounding error.
        bool isConstant = known.Length == 0 || known[0] == known[^1] || std == 0;
        double median = known.Length == 0
            ? 0
            : unit * (((known[(known.Length - 1) / 2] / unit) + (known[known.Length / 2] / unit)) / 2);
        return new ScaledNumber(column.Name, isConstant && known.Length > 0 ? known[0] : mean * unit,
            isConstant ? 1 : std, median)
        {
            Unit = column.Unit,
        };
    }

    /// <inheritdoc/>
    public override void Apply(Column column, int row, Span<float> to)
    {
        double value = column switch
        {
            NumberColumn numbers => numbers.Values[row],
            _ when column.Text(row) is not { } text || Numbers.IsMissingNumber(text) => double.NaN,
            _ => TryParse(column.Text(row)!, out double parsed) ? parsed : throw new EngineException(
                $"'{Column}' of row {row + 1} is '{column.Text(row)}', which is no number: "
                + "in training all of its values were."),
        };
        value = double.IsFinite(value) ? value : Median;
        double scaled = (value - Mean) / Std;
        scaled = double.IsFinite(scaled) ? scaled : (value / Std) - (Mean / Std);
        // No training sample is so far away, and a network gives no probabilities for infinity.
        to[0] = (float)Math.Clamp(scaled, -FarthestOff, FarthestOff);
    }

    /// <summary>Reads a text as a value: a number with the unit or without, or a boolean.</summary>
    internal bool TryParse(ReadOnlySpan<char> text, out double value) =>
        (Numbers.TryParse(text, out value, '.', '\0', out ReadOnlySpan<char> unit) && Units.Fit(unit, Unit))
            || Numbers.TryParseFlag(text, out value);
}

/// <summary>
/// Computes a one-hot encoding: 1 for the value, 0 for all others. Missing values count as the most frequent one. A
/// rare or new value gives only zeros.
/// </summary>
/// <param name="Column">The column's name.</param>
/// <param name="Values">The values of the training samples, or the most frequent ones of many.</param>
/// <param name="Mode">The index of the most frequent one.</param>
public sealed record OneHot(string Column, IReadOnlyList<string> Values, int Mode) : Transform(Column)
{
    private readonly Lazy<NameIndex> _values = new(() => new NameIndex(Values));

    /// <summary>Gets or sets the number of rarer values in training, which are not among <see cref="Values"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Others { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape Dimensions => [Values.Count];

    /// <inheritdoc/>
    [JsonIgnore]
    public override string Words => Others == 0
        ? $"one of {Values.Count}: {Table.Some(Values)}, missing: '{Values[Mode]}'"
        : FormattableString.Invariant(
            $"one of {Values.Count:N0}, {Others:N0} rarer ones are alike: {Table.Some(Values)}, missing: '{Values[Mode]}'");

    /// <summary>Fits a transform to the values that are not missing.</summary>
    /// <param name="column">The column.</param>
    /// <param name="minCount">The smallest number of samples that a kept value has, if any value has so many.</param>
    /// <param name="maxValues">
    /// The largest number of kept values: the most frequent ones, as <c>min_frequency</c> and <c>max_categories</c> of
    /// scikit-learn's <c>OneHotEncoder</c> say it, but without a column for the others.
    /// </param>
    /// <exception cref="EngineException">There is no value.</exception>
    public static OneHot Fit(Column column, int minCount = 1, int maxValues = int.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(column);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxValues, 1);
        Dictionary<string, int> counts = Enumerable.Range(0, column.Count).Select(column.Text).OfType<string>()
            .CountBy(text => text).ToDictionary();
        int min = Math.Min(minCount, counts.Values.DefaultIfEmpty().Max());
        string[] values =
        [
            .. counts.Where(pair => pair.Value >= min)
                .OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)
                .Take(maxValues).Select(pair => pair.Key).Order(StringComparer.Ordinal),
        ];
        return values.Length == 0
            ? throw new EngineException($"The column '{column.Name}' has no value in the samples that train.")
            : new OneHot(column.Name, values, Array.IndexOf(values, values.MaxBy(value => counts[value])))
            {
                Others = counts.Count - values.Length,
            };
    }

    /// <inheritdoc/>
    public override void Apply(Column column, int row, Span<float> to)
    {
        to.Clear();
        int index = _values.Value.Find(column, row, ignoresCase: true);
        index = index < 0 && (column.Text(row) is not { } text || Numbers.IsMissingNumber(text)) ? Mode : index;
        if (index >= 0)
        {
            to[index] = 1;
        }
    }

    /// <summary>Returns whether both compute the same.</summary>
    public bool Equals(OneHot? other) =>
        other is not null && Column == other.Column && Mode == other.Mode && Values.SequenceEqual(other.Values);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Mode, Values.Count);
}

/// <summary>
/// Computes (x - mean) / deviation with a mean and a deviation for each plane: a channel of pictures, or an index of
/// vectors.
/// </summary>
/// <param name="Column">The column's name.</param>
/// <param name="Size">The shape of one sample, with the planes first.</param>
/// <param name="Mean">The mean of each plane over the training samples.</param>
/// <param name="Std">The standard deviation of each; 1 if all values are equal.</param>
public sealed record ScaledPlanes(
    string Column, IReadOnlyList<int> Size, IReadOnlyList<float> Mean,
    [property: JsonPropertyName("deviation")] IReadOnlyList<float> Std) : Transform(Column)
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape Dimensions => Shape.Create([.. Size]);

    /// <inheritdoc/>
    [JsonIgnore]
    public override string Words => Size.Count == 3
        ? $"{Size[0]} channel{(Size[0] == 1 ? "" : "s")} of {Size[1]}x{Size[2]}, each brought to 0 ± 1"
        : $"{Size[0]} numbers, each brought to 0 ± 1";

    /// <summary>Fits a transform to pictures or vectors.</summary>
    public static ScaledPlanes Fit(VectorColumn column) => Fit(column, rows: null);

    /// <summary>Fits a transform to some pictures or vectors, which are not copied; null for all.</summary>
    internal static ScaledPlanes Fit(VectorColumn column, int[]? rows)
    {
        ArgumentNullException.ThrowIfNull(column);
        Shape shape = column.Dimensions;
        int planes = shape[0], area = shape.Product(1, shape.Rank);
        double[] sums = new double[planes], squares = new double[planes];
        float[] sample = new float[planes * area];
        int samples = rows?.Length ?? column.Count;
        for (int i = 0; i < samples; i++)
        {
            int row = rows?[i] ?? i;
            if ((column as StoredColumn)?.SumsOf(row) is { } known)
            {
                for (int plane = 0; plane < planes; plane++)
                {
                    (sums[plane], squares[plane]) =
                        (sums[plane] + known[plane], squares[plane] + known[(known.Length / 2) + plane]);
                }

                continue;
            }

            column.Read(row, sample);
            for (int plane = 0; plane < planes; plane++)
            {
                double sum = 0, square = 0;
                foreach (float x in sample.AsSpan(plane * area, area))
                {
                    sum += x;
                    square += (double)x * x;
                }

                (sums[plane], squares[plane]) = (sums[plane] + sum, squares[plane] + square);
            }
        }

        double count = Math.Max((double)samples * area, 1);
        double[] means = [.. sums.Select(sum => sum / count)];
        double[] stds =
            [.. squares.Zip(means, (square, mean) => Math.Sqrt(Math.Max((square / count) - (mean * mean), 0)))];
        // An element of vectors that hardly varies would be scaled up until its noise is as large as the other
        // elements.
        double min = Math.Max(stds.Max() * 1e-2, 1e-12);
        return new ScaledPlanes(
            column.Name, [.. shape], [.. means.Select(mean => (float)mean)],
            [.. stds.Select(std => std < min ? (float)Math.Max(stds.Max(), 1e-6) : (float)std)]);
    }

    /// <inheritdoc/>
    public override void Apply(Column column, int row, Span<float> to)
    {
        if (column is not VectorColumn vectors || !vectors.Dimensions.SequenceEqual(Size))
        {
            throw new EngineException(
                $"'{Column}' is to be {string.Join('x', Size)} a sample, and is "
                + $"{(column is VectorColumn own ? string.Join('x', own.Dimensions) : "of texts or numbers")}.");
        }

        vectors.Read(row, to);
        int area = to.Length / Mean.Count;
        for (int plane = 0; plane < Mean.Count; plane++)
        {
            float mean = Mean[plane], scale = 1 / Std[plane];
            foreach (ref float x in to.Slice(plane * area, area))
            {
                x = (x - mean) * scale;
            }
        }
    }

    /// <summary>Returns whether both compute the same.</summary>
    public bool Equals(ScaledPlanes? other) => other is not null && Column == other.Column
        && Size.SequenceEqual(other.Size) && Mean.SequenceEqual(other.Mean) && Std.SequenceEqual(other.Std);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Size.Count, Mean.Count);
}
