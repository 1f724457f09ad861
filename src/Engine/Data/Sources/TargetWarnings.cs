using System.Text.RegularExpressions;

namespace Engine.Data;

/// <summary>Finds targets that look like the numbers or names of the samples, which nothing can predict.</summary>
internal static partial class TargetWarnings
{
    /// <summary>With fewer samples, each may well have its own value.</summary>
    private const int FewestSamples = 11;

    /// <summary>Random numbers of samples have at least this many digits.</summary>
    private const double MinRandomRange = 1e5;

    /// <summary>Returns the warnings about a target, one sentence each.</summary>
    public static IEnumerable<string> Of(Column target)
    {
        string[] values = [.. Enumerable.Range(0, target.Count).Select(target.Text).OfType<string>()];
        int distinct = values.Distinct().Count();
        if (values.Length < FewestSamples || target is VectorColumn)
        {
            yield break;
        }

        string every = distinct == values.Length ? FormattableString.Invariant($"in each of the {distinct:N0} rows")
            : FormattableString.Invariant($"in {distinct:N0} of {values.Length:N0} rows");
        if (target is NumberColumn numbers && !values.Any(text => Numbers.IsCode(text))
            ? distinct == values.Length
                && AreIds(target.Name, [.. numbers.Values.ToArray().Where(x => !double.IsNaN(x))])
            : distinct > values.Length / 2)
        {
            yield return $"The target '{target.Name}' is another {every}, as a number or name of each would be: "
                + "is it the right column?";
        }
    }

    /// <summary>
    /// Returns whether different whole numbers are numbers of samples: by their name, because they are dense, or
    /// because they are spread evenly, as random ones are and measurements are not.
    /// </summary>
    private static bool AreIds(string name, double[] numbers)
    {
        if (!numbers.All(x => x == Math.Round(x)))
        {
            return false;
        }

        Array.Sort(numbers);
        double min = numbers[0], range = numbers[^1] - min;
        // Kolmogorov and Smirnov's distance from the uniform distribution, with their limit at 5 %.
        double off = numbers.Select((x, i) => Math.Abs(((x - min) / range) - ((i + 0.5) / numbers.Length))).Max();
        return range < 2.0 * numbers.Length || IdName().IsMatch(name)
            || (range >= MinRandomRange && off < 1.36 / Math.Sqrt(numbers.Length)
                && numbers.Count(x => x % 10 == 0) < 0.3 * numbers.Length);
    }

    [GeneratedRegex(@"(?i:(^|[^a-z])(id|uuid|guid)([^a-z]|$))|[a-z]I[dD]$")]
    private static partial Regex IdName();
}
