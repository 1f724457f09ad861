namespace Engine;

/// <summary>
/// Philox 4×32 with ten rounds: random numbers that are a function of a counter and a key, so that nothing need be kept
/// between them (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011).
/// </summary>
internal static class Philox
{
    /// <summary>The four numbers of one counter.</summary>
    public static (uint A, uint B, uint C, uint D) Block(ulong counterLow, ulong counterHigh, ulong key)
    {
        uint a = (uint)counterLow, b = (uint)(counterLow >> 32), c = (uint)counterHigh, d = (uint)(counterHigh >> 32);
        uint key0 = (uint)key, key1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong product0 = 0xD2511F53ul * a, product1 = 0xCD9E8D57ul * c;
            (a, b, c, d) = (
                (uint)(product1 >> 32) ^ b ^ key0, (uint)product1, (uint)(product0 >> 32) ^ d ^ key1, (uint)product0);
            key0 += 0x9E3779B9;
            key1 += 0xBB67AE85;
        }

        return (a, b, c, d);
    }

    /// <summary>A key for one purpose out of a seed and the purpose's name.</summary>
    public static ulong Key(ulong seed, string name)
    {
        const ulong FnvPrime = 0x100000001B3;
        ulong hash = 0xCBF29CE484222325;
        foreach (char letter in name)
        {
            hash = (hash ^ letter) * FnvPrime;
        }

        (uint a, uint b, _, _) = Block(hash, 0, seed);
        return ((ulong)b << 32) | a;
    }

    /// <summary>Numbers spread evenly over [0, 1), one for each index from 0 on, with 53 random bits each.</summary>
    public static void Uniform(ulong key, Span<double> destination)
    {
        for (int i = 0; i < destination.Length; i += 2)
        {
            (uint a, uint b, uint c, uint d) = Block((ulong)i / 2, 0, key);
            destination[i] = Unit(a, b);
            if (i + 1 < destination.Length)
            {
                destination[i + 1] = Unit(c, d);
            }
        }
    }

    /// <summary>Numbers with the standard normal distribution, by the method of Box and Muller.</summary>
    public static void Normal(ulong key, Span<double> destination)
    {
        for (int i = 0; i < destination.Length; i += 2)
        {
            (uint a, uint b, uint c, uint d) = Block((ulong)i / 2, 0, key);
            double radius = Math.Sqrt(-2 * Math.Log(1 - Unit(a, b)));
            (double sin, double cos) = Math.SinCos(2 * Math.PI * Unit(c, d));
            destination[i] = radius * cos;
            if (i + 1 < destination.Length)
            {
                destination[i + 1] = radius * sin;
            }
        }
    }

    /// <summary>The numbers from 0 up to <paramref name="count"/> in random order (Fisher and Yates).</summary>
    public static int[] Permutation(ulong key, int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            (uint a, uint b, _, _) = Block((ulong)i, 0, key);
            int j = (int)((((UInt128)b << 32) | a) * (uint)(i + 1) >> 64);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    private static double Unit(uint low, uint high) => ((((ulong)high << 32) | low) >> 11) * (1.0 / (1ul << 53));
}
