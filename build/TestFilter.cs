namespace Engine.Build;

/// <summary>Translates the words after <c>test</c> into the filter language of the test platform.</summary>
internal static class TestFilter
{
    /// <summary>
    /// Selects tests whose full name contains any of the words; a word that is already an expression, such as
    /// <c>TestCategory=gpu</c>, is kept.
    /// </summary>
    public static string Of(IReadOnlyList<string> words) => string.Join('|', words.Select(Term));

    /// <summary>Selects the tests that match both expressions; an empty one matches all.</summary>
    public static string Both(string a, string b) => a.Length == 0 ? b : b.Length == 0 ? a : $"({a})&({b})";

    private static string Term(string word) =>
        word.AsSpan().ContainsAny("=~!") ? $"({word})" : $"FullyQualifiedName~{word}";
}
