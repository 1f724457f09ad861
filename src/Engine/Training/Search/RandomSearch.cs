namespace Engine.Training;

/// <summary>
/// Settings drawn at random, which in as many trials try more values of each setting than a grid does (J. Bergstra, Y. Bengio,
/// Random Search for Hyper-Parameter Optimization, 2012). What is drawn is of whatever type the function makes, as in
/// <see cref="GridSearch"/>, which tries them; so does <see cref="SuccessiveHalving"/>:
/// <code>
/// var candidates = RandomSearch.Draw(20, seed: 1, draw => new { Rate = draw.LogBetween(0.003, 0.03), Hidden = draw.OneOf(50, 100) });
/// </code>
/// </summary>
public static class RandomSearch
{
    private const int MaxTries = 100;

    /// <summary>Draws settings, each once.</summary>
    /// <typeparam name="T">Their type: equal ones count as one.</typeparam>
    /// <param name="trials">How many are wanted; where there are not as many, all there are.</param>
    /// <param name="seed">The same seed gives the same settings; more trials give these and more.</param>
    /// <param name="draw">Makes one.</param>
    /// <exception cref="EngineException">None are wanted.</exception>
    public static IReadOnlyList<T> Draw<T>(int trials, int seed, Func<SearchDraw, T> draw)
    {
        ArgumentNullException.ThrowIfNull(draw);
        if (trials < 1)
        {
            throw new EngineException($"A search tries one candidate or more, not {trials}.");
        }

        var source = new SearchDraw(new Random(seed));
        var known = new HashSet<T>();
        var drawn = new List<T>();
        for (int misses = 0; drawn.Count < trials && misses < MaxTries;)
        {
            T one = draw(source);
            if (known.Add(one))
            {
                drawn.Add(one);
                misses = 0;
            }
            else
            {
                misses++;
            }
        }

        return drawn;
    }
}

/// <summary>Draws the values of a candidate's settings.</summary>
public sealed class SearchDraw
{
    private readonly Random _random;

    internal SearchDraw(Random random) => _random = random;

    /// <summary>Returns a number between two, each as likely.</summary>
    public double Between(double least, double most) => least + (_random.NextDouble() * (most - least));

    /// <summary>Returns a number between two greater than 0, each order of magnitude as likely.</summary>
    /// <exception cref="EngineException">One is not greater than 0.</exception>
    public double LogBetween(double least, double most) => least > 0 && most > 0
        ? Math.Exp(Between(Math.Log(least), Math.Log(most)))
        : throw new EngineException(FormattableString.Invariant(
            $"Orders of magnitude need numbers greater than 0, not {least} and {most}: take Between."));

    /// <summary>Returns a whole number between two, both of which it may be.</summary>
    public int Whole(int least, int most) => (int)_random.NextInt64(least, (long)most + 1);

    /// <summary>Returns one of several values.</summary>
    public T OneOf<T>(params ReadOnlySpan<T> values) => values[_random.Next(values.Length)];
}
