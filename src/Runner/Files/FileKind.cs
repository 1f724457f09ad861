using System.Text;
using Engine.IO;

namespace Engine.Runner;

/// <summary>Recognizes a file of the wrong kind, so that a message can name its kind.</summary>
internal static class FileKind
{
    private const int Looked = 512;

    /// <summary>A file of a training's history, in either of its formats.</summary>
    public const string History = "a training's history";

    /// <summary>A network's parameters.</summary>
    public const string Model = "a saved network (safetensors)";

    /// <summary>An .npz file, with any contents.</summary>
    public const string Zip = "a zip archive, as .npz files are";

    /// <summary>A file of CIFAR-10.</summary>
    public const string Gzip = "a packed archive (gzip)";

    /// <summary>A text table of values.</summary>
    public const string Table = "a table of values (CSV)";

    /// <summary>Samples, or a history that is cut or wrong: a list of objects, one a line.</summary>
    public const string Rows = "a list of rows in JSON";

    private static readonly string[] s_workbooks = [".xlsx", ".xlsm", ".ods"];

    /// <summary>How files of tables begin that are not read, in Latin-1.</summary>
    private static readonly (string Begin, string Kind)[] s_others =
    [
        ("PAR1", "a table in Parquet"), ("ARROW1", "a table in Arrow (Feather)"), ("FEA1", "a table in Feather"),
        ("\u00D0\u00CF\u0011\u00E0", "a workbook of Excel"), ("SQLite format 3", "a database (SQLite)"),
        ("\u0089HDF", "a file in HDF5"), ("BZh", "a file packed by bzip2"), ("\u00FD7zXZ", "a file packed by xz"),
        ("\u0028\u00B5\u002F\u00FD", "a file packed by zstd"), ("\u0080\u0004\u0095", "a pickle of Python"),
        ("\u0080\u0005\u0095", "a pickle of Python"), ("[{", Rows),
        ("@relation", "a table in ARFF"),
    ];

    /// <summary>Refuses a file that is known to be of another kind.</summary>
    /// <param name="path">The path of the file.</param>
    /// <param name="wanted">The expected file, for the message.</param>
    /// <param name="allowed">The expected kinds.</param>
    /// <exception cref="EngineException">The file exists and is of another kind.</exception>
    public static void Require(string path, string wanted, params ReadOnlySpan<string> allowed)
    {
        if (Of(path) is { } kind && !allowed.Contains(kind))
        {
            throw new EngineException($"{path} is {kind}. {wanted}");
        }
    }

    /// <summary>
    /// Returns the kind of the file at a path, by its first bytes; null if there is no file, or its kind is unknown.
    /// </summary>
    public static string? Of(string path)
    {
        if (Directory.Exists(path))
        {
            return "a folder";
        }

        try
        {
            return ReadableFile.Read(path, (stream, _) =>
            {
                byte[] bytes = new byte[Looked];
                int read = stream.ReadAtLeast(bytes, Looked, throwOnEndOfStream: false);
                return Of(bytes.AsSpan(0, read), Path.GetExtension(path));
            });
        }
        catch (EngineException)
        {
            return null;
        }
    }

    private static string? Of(ReadOnlySpan<byte> bytes, string ending)
    {
        if (bytes is [0x89, (byte)'P', (byte)'N', (byte)'G', ..] or [0xFF, 0xD8, 0xFF, ..])
        {
            return "a picture";
        }

        if (bytes is [(byte)'P', (byte)'K', 3, 4, ..])
        {
            return s_workbooks.Contains(ending, StringComparer.OrdinalIgnoreCase) ? "a workbook of Excel" : Zip;
        }

        if (bytes is [0x1F, 0x8B, ..])
        {
            return Gzip;
        }

        if (bytes is [_, _, _, _, _, 0, 0, 0, (byte)'{', ..])
        {
            return Model;
        }

        if (bytes.StartsWith("epoch,"u8) || (bytes is [(byte)'{', ..] && bytes.IndexOf("\"epoch\":"u8) >= 0))
        {
            return History;
        }

        string begin = Encoding.Latin1.GetString(bytes);
        if (s_others.FirstOrDefault(other => begin.StartsWith(other.Begin, StringComparison.OrdinalIgnoreCase)).Kind is
            { } kind)
        {
            return kind;
        }

        if (ending.Equals(".jsonl", StringComparison.OrdinalIgnoreCase))
        {
            return Rows;
        }

        return ending.Equals(".csv", StringComparison.OrdinalIgnoreCase)
            || ending.Equals(".tsv", StringComparison.OrdinalIgnoreCase) ? Table : null;
    }
}
