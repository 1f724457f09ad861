namespace Engine.Build;

/// <summary>
/// Divides the whole suite into parts for parallel processes, by folder of tests/ or class: a test belongs to the first
/// part that names it, and to the last part if none does.
/// </summary>
internal static class TestParts
{
    // The longest come first, so that short ones fill the remaining time; ./build.sh test prints the time of each.
    private static readonly (string Name, string[] Places)[] s_parts =
    [
        ("cuda-ops", ["Devices.Cuda.CudaOpTests"]),
        ("ops", ["Ops"]),
        ("devices", ["Devices", "Simt"]),
        ("networks", ["Layers", "Models", "Onnx", "Training", "Threads"]),
        ("programs", ["Build", "Docs", "Runner", "Server"]),
    ];

    /// <summary>
    /// Returns the parts of the tests of a kind, each with its filter; with a user's filter, only one part with the
    /// matching tests.
    /// </summary>
    /// <param name="words">The user's filter; empty for all.</param>
    /// <param name="kind">The filter of the kind.</param>
    public static IReadOnlyList<(string Name, string Filter)> Of(string words, string kind)
    {
        // A process takes seconds to start.
        if (words.Length > 0)
        {
            return [("tests", TestFilter.Both(words, kind))];
        }

        var parts = new List<(string, string)>();
        string rest = kind;
        foreach ((string name, string[] places) in s_parts)
        {
            string own = string.Join('|', places.Select(place => $"FullyQualifiedName~{Full(place)}"));
            parts.Add((name, TestFilter.Both(rest, own)));
            rest = string.Join('&', places.Select(place => $"FullyQualifiedName!~{Full(place)}").Prepend(rest));
        }

        return [.. parts, ("tests", rest)];
    }

    private static string Full(string place) => $"Engine.Tests.{place}.";
}
