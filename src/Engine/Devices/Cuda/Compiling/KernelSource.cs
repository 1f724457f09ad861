using System.Collections.Concurrent;
using System.Text;
using System.Text.RegularExpressions;

namespace Engine.Devices.Cuda;

/// <summary>The sources of src/Kernels, which are resources of the assembly.</summary>
internal static partial class KernelSource
{
    private static readonly ConcurrentDictionary<string, string> s_files = new();

    /// <summary>Gets the names of all kernel files: <c>gemm.cu</c> …</summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. typeof(KernelSource).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => name[Prefix.Length..])
            .Where(name => name.EndsWith(".cu", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];

    private const string Prefix = "Kernels/";

    /// <summary>
    /// Returns a file as one text: first the macros, then the text with each <c>#include "…"</c> replaced by that file,
    /// once. Compiler messages still give the lines of each file.
    /// </summary>
    public static string Expand(string file, IReadOnlyList<string> defines) => Expand(file, Read(file), defines);

    /// <summary>Does the same for a text outside src/Kernels, under the name for messages.</summary>
    public static string Expand(string file, string contents, IReadOnlyList<string> defines)
    {
        var text = new StringBuilder();
        foreach (string define in defines)
        {
            text.Append("#define ").Append(define).Append('\n');
        }

        Append(text, file, contents, []);
        return text.ToString();
    }

    private static void Append(StringBuilder text, string file, string contents, HashSet<string> included)
    {
        included.Add(file);
        text.Append($"#line 1 \"{file}\"\n");
        int number = 0;
        foreach (string line in contents.Split('\n'))
        {
            number++;
            if (Include().Match(line) is { Success: true } include)
            {
                string name = include.Groups[1].Value;
                if (!included.Contains(name))
                {
                    Append(text, name, Read(name), included);
                }

                text.Append($"#line {number + 1} \"{file}\"\n");
            }
            else
            {
                text.Append(line).Append('\n');
            }
        }
    }

    private static string Read(string file) => s_files.GetOrAdd(file, static name =>
    {
        using Stream stream = typeof(KernelSource).Assembly.GetManifestResourceStream(Prefix + name)
            ?? throw new EngineException($"There is no kernel source {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    });

    [GeneratedRegex("""^\s*#include\s+"([^"]+)"\s*$""")]
    private static partial Regex Include();
}
