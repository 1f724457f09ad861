namespace Engine.Configuration;

/// <summary>
/// Collects the parts of Theano's configuration that cannot be followed, to report them in a few lines.
/// </summary>
internal sealed class TheanoNotes
{
    private readonly List<string> _ignored = [], _unknown = [], _sources = [], _replaced = [];

    /// <summary>Gets the texts after a section on its line.</summary>
    public List<string> Dropped { get; } = [];

    /// <summary>Notes a key that is ignored.</summary>
    /// <param name="source">The source of the key.</param>
    /// <param name="key">The key.</param>
    /// <param name="isKnown">Whether Theano has it.</param>
    public void Ignore(string source, string key, bool isKnown)
    {
        _sources.Add(source.Split(", line ")[0]);
        (isKnown ? _ignored : _unknown).Add(key);
    }

    /// <summary>Notes a value that is replaced by another; the sentence says which, and why.</summary>
    public void Replace(string sentence) => _replaced.Add(sentence);

    /// <summary>Writes the notes: a line for all ignored keys, and one for each replaced value.</summary>
    public void WriteTo(TextWriter notes)
    {
        string[] parts =
        [
            Part("without an equivalent here: ", _ignored), Part("unknown to Theano, too: ", _unknown),
            Part("", Dropped),
        ];
        if (parts.Any(part => part.Length > 0))
        {
            string where = string.Join(" and ", _sources.Distinct());
            notes.WriteLine(
                $"NOTE: ignored of Theano's configuration{(where.Length == 0 ? "" : $" in {where}")}: "
                + $"{string.Join("; ", parts.Where(part => part.Length > 0))}.");
        }

        foreach (string sentence in _replaced)
        {
            notes.WriteLine($"NOTE: {sentence}");
        }
    }

    private static string Part(string what, List<string> keys) =>
        keys.Count == 0 ? "" : what + string.Join(", ", keys.Distinct());
}
