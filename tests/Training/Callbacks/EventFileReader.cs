using System.Buffers.Binary;
using System.Text;

namespace Engine.Tests.Training;

/// <summary>An event in a file for TensorBoard.</summary>
internal sealed record LoggedEvent(
    double WallTime, long Step, string? FileVersion, IReadOnlyList<(string Tag, float Value)> Figures);

/// <summary>
/// Reads event files according to the format's description and shares no code with the writer. It checks every length,
/// checksum, field number and wire type, and anything unknown is an error.
/// </summary>
internal static class EventFileReader
{
    public static List<LoggedEvent> Read(string path)
    {
        ReadOnlySpan<byte> rest = File.ReadAllBytes(path);
        var events = new List<LoggedEvent>();
        while (rest.Length > 0)
        {
            ReadOnlySpan<byte> length = rest[..8];
            Check(rest[8..12], length);
            int bytes = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(length));
            ReadOnlySpan<byte> message = rest.Slice(12, bytes);
            Check(rest.Slice(12 + bytes, 4), message);
            events.Add(Event(message));
            rest = rest[(16 + bytes)..];
        }

        return events;
    }

    /// <summary>
    /// Computes CRC-32C bit by bit: the polynomial 0x1EDC6F41 reflected, with ones as the start, inverted at the end.
    /// </summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }

    private static void Check(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> bytes)
    {
        uint crc = Crc32C(bytes);
        uint masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
        Assert.That(BinaryPrimitives.ReadUInt32LittleEndian(stored), Is.EqualTo(masked), "a masked checksum");
    }

    private static LoggedEvent Event(ReadOnlySpan<byte> message)
    {
        double wallTime = 0;
        long step = 0;
        string? version = null;
        var figures = new List<(string, float)>();
        while (message.Length > 0)
        {
            switch (Varint(ref message))
            {
                case (1 << 3) | 1:
                    wallTime = BinaryPrimitives.ReadDoubleLittleEndian(Take(ref message, 8));
                    break;
                case (2 << 3) | 0:
                    step = (long)Varint(ref message);
                    break;
                case (3 << 3) | 2:
                    version = Encoding.UTF8.GetString(Delimited(ref message));
                    break;
                case (5 << 3) | 2:
                    ReadOnlySpan<byte> summary = Delimited(ref message);
                    while (summary.Length > 0)
                    {
                        Assert.That(Varint(ref summary), Is.EqualTo((1 << 3) | 2), "Summary.value");
                        figures.Add(Value(Delimited(ref summary)));
                    }

                    break;
                case ulong other:
                    throw new AssertionException($"An event has the unknown key {other}.");
            }
        }

        return new LoggedEvent(wallTime, step, version, figures);
    }

    private static (string Tag, float Value) Value(ReadOnlySpan<byte> message)
    {
        string? tag = null;
        float? value = null;
        while (message.Length > 0)
        {
            switch (Varint(ref message))
            {
                case (1 << 3) | 2:
                    tag = Encoding.UTF8.GetString(Delimited(ref message));
                    break;
                case (2 << 3) | 5:
                    value = BinaryPrimitives.ReadSingleLittleEndian(Take(ref message, 4));
                    break;
                case ulong other:
                    throw new AssertionException($"A value has the unknown key {other}.");
            }
        }

        return (tag!, value!.Value);
    }

    private static ReadOnlySpan<byte> Delimited(ref ReadOnlySpan<byte> message) =>
        Take(ref message, checked((int)Varint(ref message)));

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> message, int count)
    {
        ReadOnlySpan<byte> taken = message[..count];
        message = message[count..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> message)
    {
        ulong number = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte group = Take(ref message, 1)[0];
            number |= (ulong)(group & 0x7F) << shift;
            if (group < 0x80)
            {
                return number;
            }
        }
    }
}
