namespace Engine.Configuration;

/// <summary>Gathers what of Theano's configuration cannot be as it says, to tell it in few lines.</summary>
internal sealed class TheanoNotes
{
    private readonly List<string> _passedOver = [], _unknown = [], _sources = [], _replaced = [];

    /// <summary>Gets what stands behind a section on its line.</summary>
    public List<string> Dropped { get; } = [];

    /// <summary>A key is passed over.</summary>
    /// <param name="source">Where it stands.</param>
    /// <param name="key">The key.</param>
    /// <param name="isKnown">Whether it is Theano's.</param>
    public void PassOver(string source, string key, bool isKnown)
    {
        _sources.Add(source.Split(", line ")[0]);
        (isKnown ? _passedOver : _unknown).Add(key);
    }

    /// <summary>A value has another one in its place; the sentence says which, and why.</summary>
    public void Replace(string sentence) => _replaced.Add(sentence);

    /// <summary>Writes them: a line for what is passed over, and one for each value that is replaced.</summary>
    public void WriteTo(TextWriter notes)
    {
        string[] parts =
        [
            Part("nothing of the kind is here: ", _passedOver), Part("Theano does not know them either: ", _unknown),
            Part("", Dropped),
        ];
        if (parts.Any(part => part.Length > 0))
        {
            string where = string.Join(" and ", _sources.Distinct());
            notes.WriteLine(
                $"NOTE: passed over of Theano's configuration{(where.Length == 0 ? "" : $" in {where}")}: "
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
