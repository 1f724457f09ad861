using System.Runtime.CompilerServices;

namespace Engine;

/// <summary>
/// A number as the sum of two doubles, the first of which is the rounded sum: some 106 bits. The references of ops use
/// it where float64 would round (Dekker: A floating-point technique for extending the available precision. 1971; Hida,
/// Li, Bailey: Algorithms for quad-double precision floating point arithmetic. 2001).
/// </summary>
internal readonly struct DoubleDouble
{
    private static readonly DoubleDouble s_ln2 = new(0.6931471805599453, 2.3190468138462996e-17);

    private DoubleDouble(double high, double low)
    {
        High = high;
        Low = low;
    }

    /// <summary>Gets the rounded number.</summary>
    public double High { get; }

    /// <summary>Gets the rounding error.</summary>
    public double Low { get; }

    public static implicit operator DoubleDouble(double value) => new(value, 0);

    public static explicit operator double(DoubleDouble value) => value.High;

    public static DoubleDouble operator -(DoubleDouble x) => new(-x.High, -x.Low);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DoubleDouble operator +(DoubleDouble a, DoubleDouble b)
    {
        DoubleDouble high = Sum(a.High, b.High);
        if (a.Low == 0 && b.Low == 0)
        {
            return high;
        }

        DoubleDouble low = Sum(a.Low, b.Low);
        high = Renormalized(high.High, high.Low + low.High);
        return Renormalized(high.High, high.Low + low.Low);
    }

    public static DoubleDouble operator -(DoubleDouble a, DoubleDouble b) => a + -b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DoubleDouble operator *(DoubleDouble a, DoubleDouble b)
    {
        DoubleDouble product = Product(a.High, b.High);
        return double.IsFinite(product.High)
            ? Renormalized(product.High, product.Low + ((a.High * b.Low) + (a.Low * b.High)))
            : product;
    }

    public static DoubleDouble operator /(DoubleDouble a, DoubleDouble b)
    {
        double quotient = a.High / b.High;
        if (!double.IsFinite(quotient) || quotient == 0)
        {
            return quotient;
        }

        DoubleDouble rest = a - (quotient * b);
        if (!double.IsFinite(rest.High))
        {
            return quotient;
        }

        double next = rest.High / b.High;
        rest -= next * b;
        return Sum(quotient, next) + (rest.High / b.High);
    }

    /// <summary>Computes a + b exactly.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DoubleDouble Sum(double a, double b)
    {
        double sum = a + b, other = sum - a;
        return double.IsFinite(sum) ? new DoubleDouble(sum, (a - (sum - other)) + (b - other)) : sum;
    }

    /// <summary>Computes a·b exactly, unless it underflows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static DoubleDouble Product(double a, double b)
    {
        double product = a * b;
        return double.IsFinite(product) ? new DoubleDouble(product, Math.FusedMultiplyAdd(a, b, -product)) : product;
    }

    public static DoubleDouble Abs(DoubleDouble x) => x.High < 0 ? -x : x;

    /// <summary>Computes eˣ.</summary>
    public static DoubleDouble Exp(DoubleDouble x)
    {
        if (!(Math.Abs(x.High) < 750))
        {
            return Math.Exp(x.High);
        }

        double n = Math.Round(x.High / s_ln2.High);
        return Scaled(1 + ExpM1OfLittle(x - (n * s_ln2)), (int)n);
    }

    /// <summary>Computes eˣ − 1, exact also near 0.</summary>
    public static DoubleDouble ExpM1(DoubleDouble x) =>
        Math.Abs(x.High) < 0.35 ? ExpM1OfLittle(x) : Exp(x) - 1;

    /// <summary>Returns the natural logarithm.</summary>
    public static DoubleDouble Log(DoubleDouble x)
    {
        if (!(x.High > 0 && double.IsFinite(x.High)))
        {
            return Math.Log(x.High);
        }

        int exponent = Math.ILogB(x.High);
        exponent += Math.ScaleB(x.High, -exponent) > 1.4 ? 1 : 0;
        return (exponent * s_ln2) + LogOfOneAnd(Scaled(x, -exponent) - 1);
    }

    /// <summary>Computes log(1 + x), exact also near 0.</summary>
    public static DoubleDouble Log1P(DoubleDouble x) =>
        Math.Abs(x.High) < 0.25 ? LogOfOneAnd(x) : Log(1 + x);

    public override string ToString() => FormattableString.Invariant($"{High:R} + {Low:R}");

    /// <summary>Uses the series at x / 2⁹, and then e²ˣ − 1 = 2(eˣ − 1) + (eˣ − 1)² nine times.</summary>
    private static DoubleDouble ExpM1OfLittle(DoubleDouble x)
    {
        const int Doublings = 9, Terms = 10;
        if (IsAsGoodAsNone(x))
        {
            return x;
        }

        x = Scaled(x, -Doublings);
        DoubleDouble sum = x, term = x;
        for (int n = 2; n <= Terms; n++)
        {
            term = term * x / n;
            sum += term;
        }

        for (int i = 0; i < Doublings; i++)
        {
            sum = (sum * sum) + (2 * sum);
        }

        return sum;
    }

    /// <summary>Computes log(1 + f) for small f, with one step of Halley's method from the result of float64.</summary>
    private static DoubleDouble LogOfOneAnd(DoubleDouble f)
    {
        if (IsAsGoodAsNone(f))
        {
            return f;
        }

        double first = Math.Log(1 + f.High);
        DoubleDouble power = ExpM1OfLittle(first);
        return first + (2 * (f - power) / (2 + (f + power)));
    }

    /// <summary>Whether the square of a number is too small to affect the result.</summary>
    private static bool IsAsGoodAsNone(DoubleDouble x) => Math.Abs(x.High) < 1e-40;

    private static DoubleDouble Scaled(DoubleDouble x, int exponent)
    {
        double high = Math.ScaleB(x.High, exponent);
        return new(high, double.IsFinite(high) ? Math.ScaleB(x.Low, exponent) : 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static DoubleDouble Renormalized(double high, double low)
    {
        double sum = high + low;
        return double.IsFinite(sum) ? new DoubleDouble(sum, low - (sum - high)) : sum;
    }
}
