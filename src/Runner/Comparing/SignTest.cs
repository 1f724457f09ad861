namespace Engine.Runner;

/// <summary>
/// How likely it is that of two that are equally good one wins so often: the exact sign test, which of right and wrong answers is
/// McNemar's (Q. McNemar, Note on the sampling error of the difference between correlated proportions, 1947).
/// </summary>
internal static class SignTest
{
    /// <summary>Returns the chance, two-sided: twice the binomial distribution's lower tail.</summary>
    /// <param name="first">How often the first wins.</param>
    /// <param name="second">How often the second wins.</param>
    public static double Of(int first, int second)
    {
        int all = first + second, few = Math.Min(first, second);
        // The logarithm of each term, for 2⁻ⁿ itself is 0 in float64 from n = 1075 on.
        double term = -all * Math.Log(2), sum = 0;
        for (int k = 0; k <= few; k++)
        {
            sum += Math.Exp(term);
            term += Math.Log((double)(all - k) / (k + 1));
        }

        return Math.Min(2 * sum, 1);
    }
}
