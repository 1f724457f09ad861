using System.Text.Json.Serialization;

namespace Engine.Data;

/// <summary>
/// Computes the tf-idf vector of a text (term frequency times inverse document frequency, as scikit-learn's
/// <c>TfidfVectorizer</c> defines it; K. Spärck Jones, A statistical interpretation of term specificity, 1972), scaled
/// to a fixed norm. Missing texts, and words that no training text has, give zeros.
/// </summary>
/// <param name="Column">The column's name.</param>
/// <param name="Vocabulary">The words, in lower case.</param>
/// <param name="Weights">How much each tells: ln((1 + texts) / (1 + texts with it)) + 1.</param>
public sealed record WordCounts(string Column, IReadOnlyList<string> Vocabulary, IReadOnlyList<float> Weights)
    : Transform(Column)
{
    /// <summary>The largest size of the vocabulary; the words that most texts have are kept.</summary>
    private const int MaxWords = 2_000;

    /// <summary>The smallest mean number of words of sentences; shorter texts are names.</summary>
    private const int FewestWords = 5;

    /// <summary>The number of texts that decide whether a column has sentences or names.</summary>
    private const int Looked = 1_000;

    /// <summary>The Euclidean length of a text's vector: that of about ten words of about 1 each.</summary>
    internal const double Length = 3;

    private readonly Lazy<Dictionary<string, int>> _indices =
        new(() => Vocabulary.Index().ToDictionary(one => one.Item, one => one.Index));

    /// <inheritdoc/>
    [JsonIgnore]
    public override Shape Dimensions => [Vocabulary.Count];

    /// <inheritdoc/>
    [JsonIgnore]
    public override string Words => $"which of {Vocabulary.Count} words: {Table.Some(Vocabulary)}";

    /// <summary>Returns whether a column has sentences, not categories or names.</summary>
    public static bool AreSentences(TextColumn column)
    {
        ArgumentNullException.ThrowIfNull(column);
        string[] some = [.. column.Words.Take(Looked)];
        return some.Length > 0 && some.Average(text => Split(text).Count()) >= FewestWords;
    }

    /// <summary>Learns the vocabulary and the weights from the texts that are not missing.</summary>
    /// <exception cref="EngineException">The texts have no words.</exception>
    public static WordCounts Fit(TextColumn column)
    {
        ArgumentNullException.ThrowIfNull(column);
        string[] texts = [.. Enumerable.Range(0, column.Count).Select(column.Text).OfType<string>()];
        KeyValuePair<string, int>[] counts =
            [.. texts.SelectMany(text => Split(text).Distinct()).CountBy(word => word)];
        // A word of only one text says nothing about others.
        KeyValuePair<string, int>[] often = [.. counts.Where(pair => pair.Value > 1)];
        KeyValuePair<string, int>[] kept =
        [
            .. (often.Length > 0 ? often : counts).OrderByDescending(pair => pair.Value)
            .ThenBy(pair => pair.Key, StringComparer.Ordinal)
                .Take(MaxWords).OrderBy(pair => pair.Key, StringComparer.Ordinal),
        ];
        return kept.Length > 0
            ? new WordCounts(
                column.Name, [.. kept.Select(pair => pair.Key)],
                [.. kept.Select(pair => (float)(Math.Log((1.0 + texts.Length) / (1 + pair.Value)) + 1))])
            : throw new EngineException($"The column '{column.Name}' has no word in the samples that train.");
    }

    /// <inheritdoc/>
    public override void Apply(Column column, int row, Span<float> to)
    {
        ArgumentNullException.ThrowIfNull(column);
        to.Clear();
        foreach (string word in Split(column.Text(row) ?? ""))
        {
            if (_indices.Value.TryGetValue(word, out int index))
            {
                to[index] += Weights[index];
            }
        }

        double squares = 0;
        foreach (float x in to)
        {
            squares += (double)x * x;
        }

        if (squares > 0)
        {
            float scale = (float)(Length / Math.Sqrt(squares));
            foreach (ref float x in to)
            {
                x *= scale;
            }
        }
    }

    /// <summary>Returns whether both compute the same.</summary>
    public bool Equals(WordCounts? other) => other is not null && Column == other.Column
        && Vocabulary.SequenceEqual(other.Vocabulary) && Weights.SequenceEqual(other.Weights);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Column, Vocabulary.Count);

    /// <summary>Returns the words of a text: runs of letters and digits, in lower case.</summary>
    private static IEnumerable<string> Split(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            int start = i;
            while (i < text.Length && char.IsLetterOrDigit(text[i]))
            {
                i++;
            }

            if (i > start)
            {
                yield return text[start..i].ToLowerInvariant();
            }
        }
    }
}
