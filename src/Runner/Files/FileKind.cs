using Engine.IO;

namespace Engine.Runner;

/// <summary>Tells what a file is that was named in another's place, so that a message can say so.</summary>
internal static class FileKind
{
    private const int Looked = 512;

    /// <summary>A file of a training's history, in either of its formats.</summary>
    public const string History = "a training's history";

    /// <summary>A network's parameters.</summary>
    public const string Model = "a saved network (safetensors)";

    /// <summary>What an .npz file is, whatever is in it.</summary>
    public const string Zip = "a zip archive, as .npz files are";

    /// <summary>What CIFAR-10 comes in.</summary>
    public const string Gzip = "a packed archive (gzip)";

    /// <summary>A table of values in text.</summary>
    public const string Table = "a table of values (CSV)";

    /// <summary>Refuses what is known to be something else.</summary>
    /// <param name="path">What was named.</param>
    /// <param name="wanted">What is due instead, in a sentence.</param>
    /// <param name="allowed">The kinds that are due.</param>
    /// <exception cref="EngineException">It is there, and something else.</exception>
    public static void Require(string path, string wanted, params ReadOnlySpan<string> allowed)
    {
        if (Of(path) is { } kind && !allowed.Contains(kind))
        {
            throw new EngineException($"{path} is {kind}. {wanted}");
        }
    }

    /// <summary>What there is at a path, by its first bytes; null where there is nothing, or nothing that is told apart.</summary>
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
            return Zip;
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

        return ending.Equals(".csv", StringComparison.OrdinalIgnoreCase)
            || ending.Equals(".tsv", StringComparison.OrdinalIgnoreCase) ? Table : null;
    }
}
