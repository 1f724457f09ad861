namespace Engine.Training;

/// <summary>
/// Draws settings at random. In the same number of trials, this tries more values of each setting than a grid (J.
/// Bergstra, Y. Bengio, Random Search for Hyper-Parameter Optimization, 2012). The settings have the type that the
/// function returns. <see cref="GridSearch"/> or <see cref="SuccessiveHalving"/> then tries them:
/// <code>
/// var candidates = RandomSearch.Draw(
///     20, seed: 1, draw => new { Rate = draw.LogBetween(0.003, 0.03), Hidden = draw.OneOf(50, 100) });
/// </code>
/// </summary>
public static class RandomSearch
{
    private const int MaxTries = 100;

    /// <summary>Draws distinct settings.</summary>
    /// <typeparam name="T">The type of the settings. Equal settings count once.</typeparam>
    /// <param name="trials">The number of settings. If there are fewer distinct ones, all of them are returned.</param>
    /// <param name="seed">The seed. The same seed gives the same settings; more trials add settings to them.</param>
    /// <param name="draw">Draws one setting.</param>
    /// <exception cref="EngineException">The number of trials is not positive.</exception>
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

    /// <summary>Returns a uniformly distributed number between two.</summary>
    public double Between(double min, double max) => min + (_random.NextDouble() * (max - min));

    /// <summary>Returns a number between two positive ones, with its logarithm uniformly distributed.</summary>
    /// <exception cref="EngineException">One is not greater than 0.</exception>
    public double LogBetween(double min, double max) => min > 0 && max > 0
        ? Math.Exp(Between(Math.Log(min), Math.Log(max)))
        : throw new EngineException(FormattableString.Invariant(
            $"Orders of magnitude need numbers greater than 0, not {min} and {max}: take Between."));

    /// <summary>Returns an integer from min to max, both included.</summary>
    public int Whole(int min, int max) => (int)_random.NextInt64(min, (long)max + 1);

    /// <summary>Returns one of several values.</summary>
    public T OneOf<T>(params ReadOnlySpan<T> values) => values[_random.Next(values.Length)];
}
