using System.Security.Cryptography;
using System.Text;

namespace Engine.Distributed;

/// <summary>Checks that things that must be equal on all ranks are equal.</summary>
internal static class Agreement
{
    private const int HashBytes = 32;

    /// <summary>Throws if a rank has a different value.</summary>
    /// <param name="communicator">The ranks, all of which call it with the same names.</param>
    /// <param name="things">The values that must be equal, by name, as a text or as data.</param>
    /// <exception cref="EngineException">A value differs; all ranks throw this.</exception>
    public static void Require(Communicator communicator, IReadOnlyList<(string Name, object Value)> things)
    {
        byte[] own = new byte[HashBytes * things.Count];
        for (int i = 0; i < things.Count; i++)
        {
            Hash(things[i].Value, own.AsSpan(i * HashBytes, HashBytes));
        }

        Tensor all = communicator.AllGather(Tensor.From(own));
        for (int i = 0; i < things.Count; i++)
        {
            string[] hashes = [.. Enumerable.Range(0, communicator.Size).Select(rank => Convert.ToHexString(
                all.AsSpan<byte>().Slice((rank * own.Length) + (i * HashBytes), HashBytes)))];
            int[] other = [.. Enumerable.Range(0, hashes.Length).Where(rank => hashes[rank] != hashes[0])];
            if (other.Length > 0)
            {
                string own0 = things[i].Value is string text ? $" On rank {communicator.Rank}: {text}." : "";
                throw new EngineException(
                    $"The ranks do not train the same: {things[i].Name} of rank {string.Join(", ", other)} "
                    + $"{(other.Length == 1 ? "is" : "are")} not what rank 0 has. Start all with the same program, "
                    + $"options, network and data.{own0}");
            }
        }
    }

    private static void Hash(object value, Span<byte> into)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (Tensor tensor in value as IEnumerable<Tensor> ?? (value is Tensor one ? [one] : []))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(tensor.TypeText));
            const long Part = 1 << 26;
            for (long at = 0; at < tensor.ByteCount; at += Part)
            {
                hash.AppendData(tensor.BytesFrom(at)[..(int)Math.Min(Part, tensor.ByteCount - at)]);
            }
        }

        if (value is string text)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text));
        }

        hash.GetHashAndReset(into);
    }
}
