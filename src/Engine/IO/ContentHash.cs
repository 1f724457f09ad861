using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Engine.IO;

/// <summary>
/// Computes the SHA-256 of a file's contents: its texts and its tensors, each sorted by name. So it is the same however
/// a tool orders them or lays out the header. The hash is of the numbers of texts and of tensors, then of each text's
/// name and text, then of each tensor. A tensor is its name, the dtype's name, the number of dimensions, the dimensions
/// and the bytes of the elements. Numbers are 4 bytes in little endian. Names and texts are UTF-8, after the number of
/// their bytes.
/// </summary>
internal static class ContentHash
{
    /// <summary>The name of the text with the hash in hexadecimal digits.</summary>
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
            foreach (int dimension in tensor.Shape.Dimensions)
            {
                Append(hash, dimension);
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
