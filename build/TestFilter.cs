namespace Engine.Build;

/// <summary>Turns the words after <c>test</c> into the filter language of the test platform.</summary>
internal static class TestFilter
{
    /// <summary>
    /// Tests whose full name holds any of the words; a word that is an expression already, such as
    /// <c>TestCategory=gpu</c>, stays one.
    /// </summary>
    public static string Of(IReadOnlyList<string> words) => string.Join('|', words.Select(Term));

    /// <summary>The tests that both expressions hold; an empty one holds all.</summary>
    public static string Both(string a, string b) => a.Length == 0 ? b : b.Length == 0 ? a : $"({a})&({b})";

    private static string Term(string word) =>
        word.AsSpan().ContainsAny("=~!") ? $"({word})" : $"FullyQualifiedName~{word}";
}
