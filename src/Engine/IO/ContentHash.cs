using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Engine.IO;

/// <summary>
/// SHA-256 of what a file holds: its texts and its tensors, each sorted by name, so that it stays the same however a
/// tool orders them or lays out the header. Counted are the numbers of both; of a text the name and the text; of a
/// tensor the name, the dtype's name, the number of sides, the sides and the elements' bytes. Numbers are 4 bytes in
/// little endian, and before a name or text, which are UTF-8, stands the number of its bytes.
/// </summary>
internal static class ContentHash
{
    /// <summary>Represents the name of the text that holds it, in hexadecimal digits.</summary>
    public const string Name = "engine.sha256";

    public static string Of(
        IEnumerable<KeyValuePair<string, Tensor>> tensors, IEnumerable<KeyValuePair<string, string>> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        KeyValuePair<string, string>[] sortedTexts =
            [.. texts.Where(text => text.Key != Name).OrderBy(text => text.Key, StringComparer.Ordinal)];
        KeyValuePair<string, Tensor>[] sorted = [.. tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal)];
        Append(hash, sortedTexts.Length);
        foreach ((string name, string text) in sortedTexts)
        {
            Append(hash, name);
            Append(hash, text);
        }

        Append(hash, sorted.Length);
        foreach ((string name, Tensor tensor) in sorted)
        {
            Append(hash, name);
            Append(hash, tensor.DType.Name());
            Append(hash, tensor.Shape.Rank);
            foreach (int side in tensor.Shape.Sides)
            {
                Append(hash, side);
            }

            hash.AppendData(tensor.Bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Append(hash, bytes.Length);
        hash.AppendData(bytes);
    }

    private static void Append(IncrementalHash hash, int number)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, number);
        hash.AppendData(bytes);
    }
}
