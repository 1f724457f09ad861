namespace Engine.Training;

/// <summary>Names parameters that have only a number, as <c>numpy.savez</c> saves Lasagne's.</summary>
internal static class NumberedParameters
{
    private const string Prefix = "arr_";

    /// <summary>
    /// Returns the parameters under a network's names if all of them are numbered; else returns them unchanged.
    /// </summary>
    /// <exception cref="EngineException">There are more or fewer than the network has.</exception>
    public static IReadOnlyList<KeyValuePair<string, Tensor>> Named(
        IReadOnlyList<KeyValuePair<string, Tensor>> given, IReadOnlyList<string> names)
    {
        Dictionary<string, Tensor> byName = given.DistinctBy(pair => pair.Key).ToDictionary();
        string[] numbered = [.. Enumerable.Range(0, given.Count).Select(i => $"{Prefix}{i}")];
        if (given.Count == 0 || !numbered.All(byName.ContainsKey))
        {
            return given;
        }

        return numbered.Length == names.Count
            ? [.. names.Zip(numbered, (name, number) => KeyValuePair.Create(name, byName[number]))]
            : throw new EngineException(
                $"The parameters are of another network: they are {numbered.Length}, and this one has {names.Count}: "
                + $"{string.Join(", ", names)}.");
    }
}
