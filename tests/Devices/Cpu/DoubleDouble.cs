namespace Engine.Tests.Devices.Cpu;

/// <summary>
/// A number as the sum of two doubles, to about 100 bits, and the elementary functions of doubles by their series: what
/// the kernels' results are compared with.
/// </summary>
internal readonly record struct DoubleDouble(double High, double Low)
{
    private static readonly DoubleDouble s_ln2 = new(0.6931471805599453, 2.3190468138462996e-17);

    /// <summary>The digits of π/2 in four numbers.</summary>
    private static readonly double[] s_halfPi =
        [1.5707963267948966, 6.123233995736766e-17, -1.4973849048591833e-33, 4.320569562893192e-50];

    public static implicit operator DoubleDouble(double x) => new(x, 0);

    public static DoubleDouble operator -(DoubleDouble a) => new(-a.High, -a.Low);

    public static DoubleDouble operator +(DoubleDouble a, DoubleDouble b)
    {
        (double sum, double lost) = Sum(a.High, b.High);
        (double low, double lower) = Sum(a.Low, b.Low);
        (sum, lost) = FastSum(sum, lost + low);
        return Normal(sum, lost + lower);
    }

    public static DoubleDouble operator -(DoubleDouble a, DoubleDouble b) => a + -b;

    public static DoubleDouble operator *(DoubleDouble a, DoubleDouble b)
    {
        double product = a.High * b.High;
        double lost = Math.FusedMultiplyAdd(a.High, b.High, -product);
        return Normal(product, lost + ((a.High * b.Low) + (a.Low * b.High)));
    }

    public static DoubleDouble operator /(DoubleDouble a, DoubleDouble b)
    {
        double first = a.High / b.High;
        DoubleDouble rest = a - (b * first);
        double second = rest.High / b.High;
        rest -= b * second;
        return (DoubleDouble)first + second + (rest.High / b.High);
    }

    /// <summary>The nearest double to the number times 2ⁿ.</summary>
    public double Scaled(int n) => Math.ScaleB(High + Low, n);

    /// <summary>eˣ, as a number and an exponent of 2.</summary>
    public static (DoubleDouble Value, int Exponent) Exp(DoubleDouble x)
    {
        int n = (int)Math.Round(x.High / s_ln2.High);
        return (ExpM1Series(x - (s_ln2 * n)) + 1, n);
    }

    public static DoubleDouble ExpM1(double x)
    {
        if (Math.Abs(x) < 0.7)
        {
            return ExpM1Series(x);
        }

        (DoubleDouble value, int n) = Exp(x);
        DoubleDouble power = new(Math.ScaleB(value.High, n), Math.ScaleB(value.Low, n));
        return power - 1;
    }

    /// <summary>log x for positive x.</summary>
    public static DoubleDouble Log(DoubleDouble x)
    {
        int n = Math.ILogB(x.High);
        DoubleDouble m = new(Math.ScaleB(x.High, -n), Math.ScaleB(x.Low, -n));
        if (m.High > 1.4)
        {
            m *= 0.5;
            n++;
        }

        // log m = 2·artanh((m - 1) / (m + 1)).
        return (Artanh((m - 1) / (m + 1)) * 2) + (s_ln2 * n);
    }

    public static DoubleDouble Log1P(DoubleDouble x) =>
        Math.Abs(x.High) < 0.4 ? Artanh(x / (x + 2)) * 2 : Log(x + 1);

    public static DoubleDouble Tanh(double x)
    {
        DoubleDouble m = ExpM1(2 * Math.Min(Math.Abs(x), 40));
        DoubleDouble y = m / (m + 2);
        return x < 0 ? -y : y;
    }

    /// <summary>sin or cos, for |x| up to 2³¹.</summary>
    public static DoubleDouble SinOrCos(double x, bool isCos)
    {
        long n = (long)Math.Round(Math.Abs(x) / s_halfPi[0]);
        DoubleDouble r = Math.Abs(x);
        foreach (double part in s_halfPi)
        {
            r -= (DoubleDouble)part * n;
        }

        long quarter = (isCos ? n + 1 : n) & 3;
        DoubleDouble z = r * r, term = (quarter & 1) == 0 ? r : 1, sum = term;
        for (int i = (quarter & 1) == 0 ? 2 : 1; i < 30; i += 2)
        {
            term = -(term * z) / (i * (i + 1.0));
            sum += term;
        }

        return (quarter >= 2) != (!isCos && x < 0) ? -sum : sum;
    }

    public static (DoubleDouble Value, int Exponent) Power(double x, double y) => Exp(Log(x) * y);

    /// <summary>eʳ - 1 of a small number: of a 256th of it, made twice as much eight times.</summary>
    private static DoubleDouble ExpM1Series(DoubleDouble r)
    {
        DoubleDouble s = new(r.High / 256, r.Low / 256), term = s, sum = s;
        for (int i = 2; i < 14; i++)
        {
            term = term * s / i;
            sum += term;
        }

        for (int i = 0; i < 8; i++)
        {
            sum = (sum * 2) + (sum * sum);
        }

        return sum;
    }

    private static DoubleDouble Artanh(DoubleDouble t)
    {
        DoubleDouble z = t * t, power = t, sum = t;
        for (int i = 3; i < 60; i += 2)
        {
            power *= z;
            sum += power / i;
        }

        return sum;
    }

    private static (double Sum, double Lost) Sum(double a, double b)
    {
        double sum = a + b, part = sum - a;
        return (sum, (a - (sum - part)) + (b - part));
    }

    private static (double Sum, double Lost) FastSum(double a, double b)
    {
        double sum = a + b;
        return (sum, b - (sum - a));
    }

    private static DoubleDouble Normal(double a, double b)
    {
        (double sum, double lost) = FastSum(a, b);
        return double.IsFinite(sum) ? new(sum, lost) : new(sum, 0);
    }
}
