using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>
/// Computes the gamma functions to about 28 digits: recurrences lead to arguments for which the series at infinity
/// converge; for x below 0 it uses reflection.
/// </summary>
internal static class GammaReference
{
    /// <summary>From this x on, 15 terms of the series give all digits.</summary>
    private const double Far = 40;

    private static readonly DoubleDouble s_pi = DoubleDouble.Sum(Math.PI, 1.2246467991473532e-16);
    private static readonly DoubleDouble s_halfLogOfTwoPi = DoubleDouble.Log(2 * s_pi) / 2;

    /// <summary>Bernoulli's numbers B₂, B₄, … as fractions.</summary>
    private static readonly (double Numerator, double Denominator)[] s_bernoulli =
    [
        (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330),
        (854513, 138), (-236364091, 2730), (8553103, 6), (-23749461029, 870), (8615841276005, 14322),
    ];

    /// <summary>Computes log |Γ(x)|.</summary>
    public static DoubleDouble Log(double x)
    {
        if (!double.IsFinite(x))
        {
            return x * x;
        }

        if (x <= 0)
        {
            return x == Math.Round(x)
                ? double.PositiveInfinity

                // Γ(x) is 1 / x − γ + …; closer to 0 the sine would lose digits.
                : x > -1e-30 ? -DoubleDouble.Log(-x)
                : DoubleDouble.Log(s_pi / DoubleDouble.Abs(Turn(x).Sine)) - DoubleDouble.Log(-x) - Log(-x);
        }

        // Γ(x) = Γ(x + n) / (x(x + 1)…(x + n − 1)).
        DoubleDouble at = x, product = 1;
        for (; at.High < Far; at += 1)
        {
            product *= at;
        }

        // It multiplies by log x − 1, because x·log x may overflow. This loses no digits.
        DoubleDouble sum = ((at - 0.5) * (DoubleDouble.Log(at) - 1)) - 0.5 + s_halfLogOfTwoPi;
        DoubleDouble power = 1 / at, square = power * power;
        for (int j = 1; j <= s_bernoulli.Length; j++, power *= square)
        {
            sum += Bernoulli(j) * power / (2 * j * ((2 * j) - 1));
        }

        return sum - DoubleDouble.Log(product);
    }

    /// <summary>Computes ψ(x).</summary>
    public static DoubleDouble Digamma(double x)
    {
        if (x <= 0 || double.IsNaN(x))
        {
            if (x == 0)
            {
                return -1 / x;
            }

            (DoubleDouble sine, DoubleDouble cosine) = Turn(x);
            return x == Math.Round(x) || double.IsNaN(x)
                ? double.NaN
                : OfPositive(1 - (DoubleDouble)x) - (s_pi * cosine / sine);
        }

        return OfPositive(x);

        static DoubleDouble OfPositive(DoubleDouble at)
        {
            DoubleDouble sum = 0;
            for (; at.High < Far; at += 1)
            {
                sum -= 1 / at;
            }

            sum += DoubleDouble.Log(at) - (1 / (2 * at));
            DoubleDouble square = 1 / (at * at), power = square;
            for (int j = 1; j <= s_bernoulli.Length; j++, power *= square)
            {
                sum -= Bernoulli(j) * power / (2 * j);
            }

            return sum;
        }
    }

    /// <summary>Returns the derivative of ψ of an order, which is rounded.</summary>
    public static DoubleDouble Polygamma(double order, double x)
    {
        int n = (int)Math.Round(order);
        if (!(order > 0.5 && n <= GammaMath.MaxOrder) || double.IsNaN(x))
        {
            return double.NaN;
        }

        if (x == 0)
        {
            return n % 2 == 1 ? double.PositiveInfinity : -1 / x;
        }

        if (x < 0)
        {
            DoubleDouble sine = Turn(x).Sine;
            return n % 2 == 1 && x == Math.Round(x) ? double.PositiveInfinity
                : n > 1 || x == Math.Round(x) ? double.NaN
                : (s_pi * s_pi / (sine * sine)) - OfPositive(1, 1 - (DoubleDouble)x);
        }

        return (n % 2 == 1 ? 1 : -1) * OfPositive(n, x);

        // n!·Σ (x + k)⁻ⁿ⁻¹, where the Euler-Maclaurin series replaces the terms from some x + k on.
        static DoubleDouble OfPositive(int n, DoubleDouble at)
        {
            DoubleDouble sum = 0;
            for (; at.High < Far + n; at += 1)
            {
                sum += Powers(n, at) / at;
            }

            DoubleDouble lead = Powers(n - 1, at) / at, square = 1 / (at * at);
            sum += lead * (1 + (n / (2 * at)));
            DoubleDouble power = lead * n * (n + 1) / 2 * square;
            for (int j = 1; j <= s_bernoulli.Length; j++)
            {
                sum += Bernoulli(j) * power;
                power *= square * ((2 * j) + n) * ((2 * j) + n + 1) / (((2 * j) + 1) * ((2 * j) + 2));
            }

            return sum;
        }

        // n! / xⁿ.
        static DoubleDouble Powers(int n, DoubleDouble x)
        {
            DoubleDouble product = 1;
            for (int k = 1; k <= n; k++)
            {
                product *= k / x;
            }

            return product;
        }
    }

    private static DoubleDouble Bernoulli(int j) =>
        (DoubleDouble)s_bernoulli[j - 1].Numerator / s_bernoulli[j - 1].Denominator;

    /// <summary>
    /// Computes sine and cosine of πx without their common sign, from their series for x minus the nearest integer.
    /// </summary>
    private static (DoubleDouble Sine, DoubleDouble Cosine) Turn(double x)
    {
        DoubleDouble angle = s_pi * (x - Math.Round(x)), sine = 0, cosine = 0, term = 1;
        for (int n = 1; n < 36; n += 2)
        {
            cosine += term;
            term = term * angle / n;
            sine += term;
            term = -(term * angle) / (n + 1);
        }

        return (sine, cosine);
    }
}
