namespace Engine.Runner;

/// <summary>
/// Computes the exact sign test: the probability that one of two equally good models wins at least so often. For right
/// and wrong answers it is McNemar's exact test (Q. McNemar, Note on the sampling error of the difference between
/// correlated proportions, 1947).
/// </summary>
internal static class SignTest
{
    /// <summary>Returns the two-sided probability: twice the binomial distribution's lower tail.</summary>
    /// <param name="first">How often the first wins.</param>
    /// <param name="second">How often the second wins.</param>
    public static double Of(int first, int second)
    {
        int all = first + second, few = Math.Min(first, second);
        // Terms are kept as logarithms, because 2⁻ⁿ is 0 in float64 from n = 1075 on.
        double term = -all * Math.Log(2), sum = 0;
        for (int k = 0; k <= few; k++)
        {
            sum += Math.Exp(term);
            term += Math.Log((double)(all - k) / (k + 1));
        }

        return Math.Min(2 * sum, 1);
    }
}
