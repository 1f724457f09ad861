namespace Engine.Build;

/// <summary>
/// The whole suite in parts for processes that run side by side, by folder of tests/ or class: a test belongs to the first
/// part that names it, and to the last if none does.
/// </summary>
internal static class TestParts
{
    // The longest first, so that short ones fill up what is left: what each takes, ./build.sh test says.
    private static readonly (string Name, string[] Places)[] s_parts =
    [
        ("cuda-ops", ["Devices.Cuda.CudaOpTests"]),
        ("ops", ["Ops"]),
        ("devices", ["Devices", "Simt"]),
        ("networks", ["Layers", "Models", "Onnx", "Training", "Threads"]),
        ("programs", ["Build", "Docs", "Runner", "Server"]),
    ];

    /// <summary>The parts of the tests of a kind, each with its filter; only one of those that hold words that were asked for.</summary>
    /// <param name="words">The filter that was asked for; empty for all.</param>
    /// <param name="kind">The filter of the kind.</param>
    public static IReadOnlyList<(string Name, string Filter)> Of(string words, string kind)
    {
        // A process takes seconds to begin.
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
