using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>
/// Describes how samples become a network's input. It is fitted on the training samples only, so it knows nothing of
/// the test samples. It is saved with the model.
/// </summary>
/// <param name="Transforms">
/// The transforms of columns: one of pictures or vectors, or several of numbers and words, whose results are
/// concatenated.
/// </param>
public sealed record Preparation(IReadOnlyList<Transform> Transforms)
{
    /// <summary>Of more categories than the first, rare ones are left out; so are those beyond the second.</summary>
    private const int FewCategories = 64, MaxCategories = 1_000;

    /// <summary>
    /// Of many categories, those of one sample say nothing of others; they stand for what is new instead.
    /// </summary>
    private const int MinSamples = 2;

    private const int RowsAtOnce = 64;

    /// <summary>Gets the shape of a prepared sample.</summary>
    [JsonIgnore]
    public Shape Dimensions => Transforms is [{ Dimensions: { Rank: > 1 } dimensions }]
        ? dimensions
        : [(int)Transforms.Sum(transform => transform.Dimensions.Count)];

    /// <summary>Gets or sets the unused columns of the table, one sentence per column.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> Unused { get; init; } = [];

    /// <summary>Fits a preparation to the columns of the training samples.</summary>
    /// <param name="train">The samples that train, without those that validate or test.</param>
    /// <param name="target">The column to predict, which is not used as input.</param>
    /// <exception cref="EngineException">Nothing can be learned from any column.</exception>
    public static Preparation Fit(Table train, string target) => Fit(train, target, rows: null);

    /// <summary>Fits a preparation to some samples of a table; null for all.</summary>
    internal static Preparation Fit(Table train, string target, int[]? rows)
    {
        ArgumentNullException.ThrowIfNull(train);
        var transforms = new List<Transform>();
        var unused = new List<string>();
        foreach (Column all in train.Columns.Where(column => column.Name != target))
        {
            Column column = rows is null || all is VectorColumn ? all : all.Rows(rows);
            string? why = WhyUnused(column, train.Count);
            if (why is not null)
            {
                unused.Add($"'{column.Name}' is not used: {why}.");
                continue;
            }

            transforms.Add(column switch
            {
                NumberColumn numbers => ScaledNumber.Fit(numbers),
                VectorColumn vectors => ScaledPlanes.Fit(vectors, rows),
                TextColumn texts when AreMany(texts) && WordCounts.AreSentences(texts) => WordCounts.Fit(texts),
                TextColumn texts when Count(texts).Distinct > FewCategories =>
                    OneHot.Fit(texts, MinSamples, MaxCategories),
                _ => OneHot.Fit(column),
            });
        }

        return transforms.Count switch
        {
            0 => throw new EngineException(
                $"There is no column to learn '{target}' "
                + $"from: {(unused.Count == 0 ? "the table has no other." : string.Join(' ', unused))}"),
            > 1 when transforms.Any(transform => transform.Dimensions.Rank > 1) => throw new EngineException(
                "Pictures and other columns cannot be learned from together: leave out "
                + $"{Table.Some(transforms.Where(transform => transform.Dimensions.Rank == 1).Select(transform => transform.Column))}."),
            _ => new Preparation(transforms) { Unused = unused },
        };
    }

    /// <summary>Returns the samples prepared for the network, float32 (n, …).</summary>
    /// <exception cref="EngineException">A column is missing, or a value is invalid.</exception>
    public Tensor Apply(Table table) => Apply(table, buffer: null);

    /// <summary>Returns the prepared samples in an existing array of their length.</summary>
    internal Tensor Apply(Table table, float[]? buffer)
    {
        ArgumentNullException.ThrowIfNull(table);
        Column[] columns = ColumnsOf(table);
        int width = (int)Dimensions.Count;
        if ((long)table.Count * width > Shape.MaxElements)
        {
            throw new EngineException(FormattableString.Invariant(
                $"{table.Count:N0} samples of {width:N0} numbers are more than one tensor holds: take fewer, or smaller ones."));
        }

        float[] prepared = buffer ?? GC.AllocateUninitializedArray<float>(table.Count * width);
        try
        {
            Parallel.For(0, (table.Count + RowsAtOnce - 1) / RowsAtOnce, Apply);
        }
        catch (AggregateException errors) when (errors.InnerException is EngineException error)
        {
            ExceptionDispatchInfo.Throw(error);
        }

        return Tensor.From(prepared, [table.Count, .. Dimensions]);

        void Apply(int block)
        {
            for (int row = block * RowsAtOnce; row < Math.Min((block + 1) * RowsAtOnce, table.Count); row++)
            {
                int at = row * width;
                for (int i = 0; i < columns.Length; i++)
                {
                    int length = (int)Transforms[i].Dimensions.Count;
                    Transforms[i].Apply(columns[i], row, prepared.AsSpan(at, length));
                    at += length;
                }
            }
        }
    }

    /// <summary>Throws if <see cref="Apply(Table)"/> would throw, without preparing the table.</summary>
    /// <exception cref="EngineException">A column is missing, or a value is invalid.</exception>
    internal void Check(Table table)
    {
        Column[] columns = ColumnsOf(table);
        for (int i = 0; i < columns.Length; i++)
        {
            float[] one = new float[Transforms[i].Dimensions.Count];
            // All pictures of a column have the same form, so the first one is enough.
            for (int row = 0; row < (columns[i] is VectorColumn ? Math.Min(table.Count, 1) : table.Count); row++)
            {
                Transforms[i].Apply(columns[i], row, one);
            }
        }
    }

    private Column[] ColumnsOf(Table table)
    {
        Column?[] columns = [.. Transforms.Select(transform => table.FindAlike(transform.Column))];
        string[] missing = [.. Transforms.Where((_, i) => columns[i] is null).Select(transform => transform.Column)];
        return missing.Length == 0 ? [.. columns.OfType<Column>()] : throw new EngineException(
            $"The column{(missing.Length == 1 ? "" : "s")} {Table.Some(missing)} that the model was trained with "
            + $"{(missing.Length == 1 ? "is" : "are")} missing: "
            + $"there are {Table.Some(table.Columns.Select(column => column.Name))}.");
    }

    /// <summary>Returns whether both compute the same.</summary>
    public bool Equals(Preparation? other) => other is not null && Transforms.SequenceEqual(other.Transforms);

    /// <inheritdoc/>
    public override int GetHashCode() => Transforms.Count;

    /// <summary>Returns why nothing can be learned from a column; null if something can.</summary>
    /// <param name="column">The column.</param>
    /// <param name="whole">The number of samples of the table of which the column may be a part.</param>
    private static string? WhyUnused(Column column, int whole)
    {
        switch (column)
        {
            case NumberColumn { Values: var values }:
                bool isCounter = values.Length > 2;
                int known = 0;
                for (int i = 0; i < values.Length; i++)
                {
                    known += double.IsNaN(values[i]) ? 0 : 1;
                }

                return known == 0
                    ? "it has no value"
                    : isCounter && IsNumbering(values, whole) ? "it numbers the rows" : null;
            case TextColumn text:
                bool areMany = AreMany(text);
                return Count(text).Distinct == 0 ? "it has no value"
                    : areMany && AreDates(text)
                    ? "it has dates: write what matters of them as numbers, the year or the days since one say"
                    : areMany && text.Words.All(IsPicture)
                    ? "it names pictures, which are not in the table's folder nor in one beside the table"
                    : AreNames(text) && !WordCounts.AreSentences(text)
                    ? $"most rows have another of its {Count(text).Distinct} texts, as a name of each would be"
                    : null;
            default:
                return null;
        }
    }

    /// <summary>Returns whether most of the first texts are dates or times.</summary>
    private static bool AreDates(TextColumn text)
    {
        string[] some = [.. text.Words.Take(100)];
        return some.Count(word => DateTime.TryParse(word, CultureInfo.InvariantCulture, out _)) > some.Length / 2;
    }

    private static bool IsPicture(string name) =>
        Path.GetExtension(name).ToUpperInvariant() is ".PNG" or ".JPG" or ".JPEG";

    /// <summary>Returns whether texts may be dates, names or sentences, and are not only some categories.</summary>
    private static bool AreMany(TextColumn text) => Count(text).Distinct > FewCategories || AreNames(text);

    /// <summary>Returns whether most of the texts that are not missing are different.</summary>
    private static bool AreNames(TextColumn text)
    {
        (int known, int distinct) = Count(text);
        return distinct > 8 && distinct > known / 2;
    }

    /// <summary>Counts the texts that are not missing, and the different ones of them.</summary>
    private static (int Known, int Distinct) Count(TextColumn text)
    {
        bool[] isThere = new bool[text.Words.Count];
        int known = 0;
        foreach (int code in text.Codes)
        {
            if (code >= 0)
            {
                (isThere[code], known) = (true, known + 1);
            }
        }

        return (known, isThere.Count(isThis => isThis));
    }

    /// <summary>Returns whether every whole number from the smallest to the largest is there once.</summary>
    private static bool IsNumbering(ReadOnlySpan<double> values, int whole)
    {
        double[] sorted = values.ToArray();
        Array.Sort(sorted);
        for (int i = 1; i < sorted.Length; i++)
        {
            // Some numbers are missing, because some of the rows test or validate.
            if (!(sorted[i] > sorted[i - 1]) || sorted[i] != Math.Round(sorted[i]))
            {
                return false;
            }
        }

        return sorted[^1] - sorted[0] < 2.0 * whole && sorted.Length > 30 && sorted[0] is 0 or 1 or 2 or 3;
    }
}
