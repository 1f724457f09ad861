namespace Engine.Tests.IO;

/// <summary>Changes files as accidents and attackers do.</summary>
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
            int position = random.Next(copy.Length);
            copy = random.Next(8) switch
            {
                0 => copy[..position],
                1 => [.. copy[..position], .. copy[random.Next(position, copy.Length)..], 0],
                2 => [.. copy[..position], (byte)random.Next(256), .. copy[position..]],
                3 => Set(copy, position, (byte)"0123456789{}[](),:'\"-.TFL"[random.Next(25)]),
                4 => Set(copy, position, (byte)(copy[position] ^ (1 << random.Next(8)))),
                5 => SetNumber(copy, position, random),
                6 => [.. copy[..position], .. copy[random.Next(copy.Length)..]],
                _ => Set(copy, position, (byte)random.Next(256)),
            };
        }

        return copy;
    }

    private static byte[] Set(byte[] bytes, int position, byte value)
    {
        bytes[position] = value;
        return bytes;
    }

    /// <summary>Writes a number of 1, 2, 4 or 8 bytes that a reader may take for a size.</summary>
    private static byte[] SetNumber(byte[] bytes, int position, Random random)
    {
        byte[] number = BitConverter.GetBytes(s_telling[random.Next(s_telling.Length)]);
        int length = Math.Min(1 << random.Next(4), bytes.Length - position);
        number.AsSpan(0, length).CopyTo(bytes.AsSpan(position));
        return bytes;
    }
}
