namespace Engine.Ops;

/// <summary>
/// Computes random values on the host as functions of a key: initial values of parameters, and orders of samples.
/// </summary>
internal static class Seeded
{
    /// <summary>Returns a key for one purpose, from a seed and the purpose's name.</summary>
    public static ulong Key(ulong seed, string name)
    {
        const ulong FnvBasis = 0xCBF29CE484222325, FnvPrime = 0x100000001B3;
        ulong hash = FnvBasis;
        foreach (char letter in name)
        {
            hash = (hash ^ letter) * FnvPrime;
        }

        return Low(Block(hash, seed));
    }

    /// <summary>
    /// Fills a span with uniform numbers in [0, 1), one for each index from 0 on, with 53 random bits each.
    /// </summary>
    public static void Uniform(ulong key, Span<double> destination)
    {
        for (int i = 0; i < destination.Length; i += 2)
        {
            PhiloxBlock block = Block((ulong)i / 2, key);
            destination[i] = Unit(Low(block));
            if (i + 1 < destination.Length)
            {
                destination[i + 1] = Unit(High(block));
            }
        }
    }

    /// <summary>
    /// Fills a span with numbers of the standard normal distribution, by the method of Box and Muller.
    /// </summary>
    public static void Normal(ulong key, Span<double> destination)
    {
        for (int i = 0; i < destination.Length; i += 2)
        {
            PhiloxBlock block = Block((ulong)i / 2, key);
            double radius = Math.Sqrt(-2 * Math.Log(1 - Unit(Low(block))));
            (double sin, double cos) = Math.SinCos(2 * Math.PI * Unit(High(block)));
            destination[i] = radius * cos;
            if (i + 1 < destination.Length)
            {
                destination[i + 1] = radius * sin;
            }
        }
    }

    /// <summary>
    /// Returns the numbers from 0 to <paramref name="count"/> (exclusive) in random order (Fisher and Yates).
    /// </summary>
    public static int[] Permutation(ulong key, int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            int j = (int)Math.BigMul(Low(Block((ulong)i, key)), (ulong)i + 1, out _);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    private static PhiloxBlock Block(ulong counter, ulong key) =>
        Philox.Block(new PhiloxBlock((uint)counter, (uint)(counter >> 32), 0, 0), (uint)key, (uint)(key >> 32));

    private static ulong Low(PhiloxBlock block) => ((ulong)block.W1 << 32) | block.W0;

    private static ulong High(PhiloxBlock block) => ((ulong)block.W3 << 32) | block.W2;

    private static double Unit(ulong bits) => (bits >> 11) * (1.0 / (1ul << 53));
}
