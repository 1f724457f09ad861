namespace Engine;

/// <summary>
/// Represents one tensor, or several by name, for networks with several inputs or outputs. A single tensor converts to
/// it: <c>net.Fit(x, y)</c>; several are <c>new Tensors { ["left"] = a, ["right"] = b }</c>.
/// </summary>
public sealed class Tensors
{
    /// <summary>The name of a single tensor that was given without a name.</summary>
    private const string Nameless = "";

    private readonly OrderedDictionary<string, Tensor> _byName = [];

    /// <summary>Gets the number of tensors.</summary>
    public int Count => _byName.Count;

    /// <summary>Gets the names, in the order in which they were given.</summary>
    public IReadOnlyList<string> Names => [.. _byName.Keys];

    /// <summary>Gets the only tensor, whatever its name is.</summary>
    /// <exception cref="EngineException">There are several, or none.</exception>
    public Tensor Single => Count == 1 ? _byName.GetAt(0).Value : throw new EngineException(
        $"There are {Count} tensors, and one is expected: take one by its name{NamesText}.");

    /// <summary>The tensors, in the order in which they were given.</summary>
    internal IReadOnlyList<Tensor> All => [.. _byName.Values];

    /// <summary>Whether it is one tensor without a name.</summary>
    internal bool IsNameless => Count == 1 && _byName.ContainsKey(Nameless);

    /// <summary>Gets or sets a tensor by its name.</summary>
    /// <exception cref="EngineException">There is no tensor of this name.</exception>
    public Tensor this[string name]
    {
        get => _byName.TryGetValue(name, out Tensor? tensor) ? tensor : throw new EngineException(
            $"There is no tensor '{name}'{NamesText}.");
        set => _byName[name] = value ?? throw new ArgumentNullException(nameof(value));
    }

    private string NamesText => IsNameless || Count == 0 ? "" : $"; there are {string.Join(", ", _byName.Keys)}";

    /// <summary>Returns some rows of each tensor.</summary>
    internal Tensors Rows(ReadOnlySpan<int> rows)
    {
        var some = new Tensors();
        foreach ((string name, Tensor tensor) in _byName)
        {
            some[name] = tensor.Rows(rows);
        }

        return some;
    }

    /// <summary>Joins the rows of several with the same names, one after the other.</summary>
    internal static Tensors Joined(IReadOnlyList<Tensors> parts)
    {
        var all = new Tensors();
        foreach (string name in parts[0].Names)
        {
            all[name] = Tensor.Joined([.. parts.Select(part => part[name])]);
        }

        return all;
    }

    /// <summary>
    /// Returns the tensors of these names, in their order; a tensor without a name stands for the first.
    /// </summary>
    internal IEnumerable<Tensor> InOrder(IReadOnlyList<string> names) =>
        names.Count == 1 && IsNameless ? [Single] : names.Select(name => this[name]);

    /// <summary>Creates tensors with these names, in their order; a single tensor gets no name.</summary>
    internal static Tensors Of(IReadOnlyList<string> names, IReadOnlyList<Tensor> tensors)
    {
        var all = new Tensors();
        for (int i = 0; i < names.Count; i++)
        {
            all[names.Count == 1 ? Nameless : names[i]] = tensors[i];
        }

        return all;
    }

    /// <summary>Converts a tensor to a single one without a name.</summary>
    public static implicit operator Tensors(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return new Tensors { [Nameless] = tensor };
    }

    /// <summary>Returns whether there is a tensor of this name.</summary>
    public bool Contains(string name) => _byName.ContainsKey(name);

    /// <summary>Returns the names and tensors, for <c>foreach</c>.</summary>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => _byName.GetEnumerator();

    /// <summary>Returns the names and types.</summary>
    public override string ToString() => string.Join(
        ", ", _byName.Select(pair => IsNameless ? pair.Value.TypeText : $"{pair.Key} {pair.Value.TypeText}"));
}
