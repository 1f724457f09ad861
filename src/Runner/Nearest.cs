namespace Engine.Runner;

/// <summary>Finds what a misspelt word was probably meant to be.</summary>
internal static class Nearest
{
    /// <summary>
    /// The known word with the fewest slips from this one, if they are few enough for its length; null if none is near. A
    /// word that begins as a known one does is near it, whatever is missing behind.
    /// </summary>
    public static string? To(string word, IEnumerable<string> known)
    {
        string bare = word.TrimStart('-');
        int most = Math.Max(1, bare.Length / 3);
        return known
            .Select(candidate => (candidate, Slips: Slips(bare, candidate.TrimStart('-'))))
            .Where(pair => pair.Slips <= most
                || (bare.Length > 1 && pair.candidate.TrimStart('-').StartsWith(bare, StringComparison.OrdinalIgnoreCase)))
            .OrderBy(pair => pair.Slips)
            .ThenBy(pair => pair.candidate, StringComparer.Ordinal)
            .Select(pair => pair.candidate)
            .FirstOrDefault();
    }

    /// <summary>
    /// How many letters must be put in, left out, replaced or exchanged with their neighbour to make the one of the other
    /// (the optimal string alignment distance); upper and lower case are the same.
    /// </summary>
    private static int Slips(string a, string b)
    {
        int[,] slips = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    slips[i, j] = i + j;
                    continue;
                }

                int replaced = IsSame(i, j) ? 0 : 1;
                slips[i, j] = Math.Min(
                    Math.Min(slips[i - 1, j], slips[i, j - 1]) + 1, slips[i - 1, j - 1] + replaced);
                if (i > 1 && j > 1 && IsSame(i, j - 1) && IsSame(i - 1, j))
                {
                    slips[i, j] = Math.Min(slips[i, j], slips[i - 2, j - 2] + 1);
                }
            }
        }

        return slips[a.Length, b.Length];

        bool IsSame(int i, int j) => char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]);
    }
}
