namespace Engine.Build;

/// <summary>
/// The whole suite in parts for processes that run side by side: by folder of tests/, which are namespaces. Each is about
/// as long as the others.
/// </summary>
internal static class TestParts
{
    // What a part of tests/ has grown to is in the lines of ./build.sh test; the longest first, so that short ones fill up.
    private static readonly (string Name, string[] Folders)[] s_parts =
    [
        ("devices", ["Devices", "Simt"]),
        ("ops", ["Ops"]),
        ("models", ["Layers", "Models", "Onnx", "Training", "Threads"]),
    ];

    /// <summary>
    /// The parts of the tests that both filters hold, each with its own; those of no folder above are a part, too. Where
    /// words were asked for there is one: a process costs seconds.
    /// </summary>
    public static IReadOnlyList<(string Name, string Filter)> Of(string words, string kind)
    {
        if (words.Length > 0)
        {
            return [("tests", TestFilter.Both(words, kind))];
        }

        IEnumerable<string> others = s_parts.SelectMany(part => part.Folders).Select(folder => $"FullyQualifiedName!~{Namespace(folder)}");
        return
        [
            .. s_parts.Select(part => (part.Name, TestFilter.Both(
                kind, string.Join('|', part.Folders.Select(folder => $"FullyQualifiedName~{Namespace(folder)}"))))),
            ("tests", TestFilter.Both(kind, string.Join('&', others))),
        ];
    }

    private static string Namespace(string folder) => $"Engine.Tests.{folder}.";
}
