namespace Engine.Tests.IO;

/// <summary>Changes files like accidents and attackers do.</summary>
internal static class Damage
{
    private static readonly long[] s_telling =
        [0, 1, -1, 127, 128, 255, 256, short.MaxValue, 65535, int.MaxValue, int.MinValue, uint.MaxValue, long.MaxValue];

    /// <summary>Returns a copy with one to three changes.</summary>
    public static byte[] Do(byte[] whole, Random random)
    {
        byte[] copy = [.. whole];
        for (int changes = random.Next(1, 4); changes > 0 && copy.Length > 0; changes--)
        {
            int place = random.Next(copy.Length);
            copy = random.Next(8) switch
            {
                0 => copy[..place],
                1 => [.. copy[..place], .. copy[random.Next(place, copy.Length)..], 0],
                2 => [.. copy[..place], (byte)random.Next(256), .. copy[place..]],
                3 => Set(copy, place, (byte)"0123456789{}[](),:'\"-.TFL"[random.Next(25)]),
                4 => Set(copy, place, (byte)(copy[place] ^ (1 << random.Next(8)))),
                5 => SetNumber(copy, place, random),
                6 => [.. copy[..place], .. copy[random.Next(copy.Length)..]],
                _ => Set(copy, place, (byte)random.Next(256)),
            };
        }

        return copy;
    }

    private static byte[] Set(byte[] bytes, int place, byte value)
    {
        bytes[place] = value;
        return bytes;
    }

    /// <summary>Sets a number of 1, 2, 4 or 8 bytes that is a plausible size.</summary>
    private static byte[] SetNumber(byte[] bytes, int place, Random random)
    {
        byte[] number = BitConverter.GetBytes(s_telling[random.Next(s_telling.Length)]);
        int length = Math.Min(1 << random.Next(4), bytes.Length - place);
        number.AsSpan(0, length).CopyTo(bytes.AsSpan(place));
        return bytes;
    }
}
