namespace Engine.Devices.Cpu;

/// <summary>The gamma functions in float64; <c>gamma.cuh</c> has the same code for those that CUDA lacks.</summary>
internal static class GammaMath
{
    /// <summary>
    /// The largest order of <see cref="Polygamma"/>: 100! is finite, and higher orders are not needed.
    /// </summary>
    public const int MaxOrder = 100;

    /// <summary>Between this number and 0, |Γ(x)| is −1 / x.</summary>
    private const double Little = -1e-20;

    /// <summary>The argument of the minimum of Γ, and log Γ there as the sum of two numbers.</summary>
    private const double Min = 1.46163214496836224576, LogOfMin = -0.121486290535849611461,
        LogOfMinLow = -3.63867699703950536541e-18;

    /// <summary>
    /// log |Γ(x)| (Sun's FDLIBM 5.3, e_lgamma_r.c, 1993: "Permission to use, copy, modify, and distribute this software
    /// is freely granted"): polynomials below 2 and quotients of polynomials up to 8, exact near the zeros 1 and 2;
    /// then Stirling's series; below 0 by reflection.
    /// </summary>
    internal readonly struct Log : IScalarFunction
    {
        public static double Of(double x, double y)
        {
            if (!double.IsFinite(x))
            {
                return x * x;
            }

            if (x <= 0)
            {
                return x == Math.Round(x) ? double.PositiveInfinity
                    : x > Little ? -Math.Log(-x)
                    : -Math.Log(Math.Abs(x * SineOfTurn(x)) / Math.PI) - OfPositive(-x);
            }

            return OfPositive(x);
        }

        internal static double OfPositive(double x) => x switch
        {
            < 0.9 => OfLess(x),
            < 2 => x >= 1.7316 ? Below2(2 - x) : x >= 1.23 ? AroundMin(x - Min) : Above1(x - 1),
            < 8 => From2To8(x),
            < 1L << 58 => Stirling(x),
            _ => x * (Math.Log(x) - 1),
        };

        /// <summary>Γ(x) = Γ(x + 1) / x.</summary>
        private static double OfLess(double x) => -Math.Log(x)
            + (x >= 0.7316 ? Below2(1 - x) : x >= 0.23164 ? AroundMin(x - (Min - 1)) : Above1(x));

        private static double Below2(double y)
        {
            double z = y * y;
            double even = Polynomial(z, [
                7.72156649015328655494e-2, 6.73523010531292681824e-2, 7.38555086081402883957e-3,
                1.19270763183362067845e-3, 2.20862790713908385557e-4, 2.52144565451257326939e-5]);
            double odd = z * Polynomial(z, [
                3.22467033424113591611e-1, 2.05808084325167332806e-2, 2.89051383673415629091e-3,
                5.10069792153511336608e-4, 1.08011567247583939954e-4, 4.48640949618915160150e-5]);
            return (y * even) + odd - (0.5 * y);
        }

        private static double AroundMin(double y)
        {
            double z = y * y, w = z * y;
            double first = Polynomial(w, [
                4.83836122723810047042e-1, -3.27885410759859649565e-2, 6.10053870246291332635e-3,
                -1.40346469989232843813e-3, 3.15632070903625950361e-4]);
            double second = Polynomial(w, [
                -1.47587722994593911752e-1, 1.79706750811820387126e-2, -3.68452016781138256760e-3,
                8.81081882437654011382e-4, -3.12754168375120860518e-4]);
            double third = Polynomial(w, [
                6.46249402391333854778e-2, -1.03142241298341437450e-2, 2.25964780900612472250e-3,
                -5.38595305356740546715e-4, 3.35529192635519073543e-4]);
            return LogOfMin + ((z * first) - (LogOfMinLow - (w * (second + (y * third)))));
        }

        private static double Above1(double y)
        {
            double numerator = y * Polynomial(y, [
                -7.72156649015328655494e-2, 6.32827064025093366517e-1, 1.45492250137234768737,
                9.77717527963372745603e-1, 2.28963728064692451092e-1, 1.33810918536787660377e-2]);
            double denominator = Polynomial(y, [
                1, 2.45597793713041134822, 2.12848976379893395361, 7.69285150456672783825e-1,
                1.04222645593369134254e-1, 3.21709242282423911810e-3]);
            return (-0.5 * y) + (numerator / denominator);
        }

        private static double From2To8(double x)
        {
            double y = x - Math.Floor(x), product = 1;
            for (double k = Math.Floor(x) - 1; k > 1; k--)
            {
                product *= y + k;
            }

            double numerator = y * Polynomial(y, [
                -7.72156649015328655494e-2, 2.14982415960608852501e-1, 3.25778796408930981787e-1,
                1.46350472652464452805e-1, 2.66422703033638609560e-2, 1.84028451407337715652e-3,
                3.19475326584100867617e-5]);
            double denominator = Polynomial(y, [
                1, 1.39200533467621045958, 7.21935547567138069525e-1, 1.71933865632803078993e-1,
                1.86459191715652901344e-2, 7.77942496381893596434e-4, 7.32668430744625636189e-6]);
            return (0.5 * y) + (numerator / denominator) + Math.Log(product);
        }

        private static double Stirling(double x)
        {
            double z = 1 / x;
            return ((x - 0.5) * (Math.Log(x) - 1)) + 4.18938533204672725052e-1 + (z * Polynomial(z * z, [
                8.33333333333329678849e-2, -2.77777777728775536470e-3, 7.93650558643019558500e-4,
                -5.95187557450339963135e-4, 8.36339918996282139126e-4, -1.63092934096575273989e-3]));
        }
    }

    /// <summary>
    /// ψ(x) (the Boost library's, J. Maddock, 2006). Recurrences lead to the range from 1 to 2, where it is the
    /// distance from its zero times a quotient of polynomials; from 10 on it is its series; below 0 it uses reflection.
    /// </summary>
    internal readonly struct Digamma : IScalarFunction
    {
        public static double Of(double x, double y)
        {
            if (x > 0)
            {
                return OfPositive(x);
            }

            double rest = x - Math.Round(x);
            return x == 0 ? -1 / x
                : rest == 0 || !double.IsFinite(x) ? double.NaN
                : OfPositive(1 - x) - (Math.PI * CotangentOfTurn(rest));
        }

        internal static double OfPositive(double x)
        {
            if (x >= 10)
            {
                double z = 1 / x / x;
                return Math.Log(x) - (0.5 / x) - (z * Polynomial(z, [
                    1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760, 1.0 / 12, -3617.0 / 8160]));
            }

            double sum = 0;
            for (; x > 2; sum += 1 / x)
            {
                x--;
            }

            if (x < 1)
            {
                sum = -1 / x;
                x++;
            }

            double distance = x - (1569415565.0 / (1 << 30)) - (381566830.0 / (1L << 60)) - 9.016312093258695919e-20;
            double numerator = Polynomial(x - 1, [
                0.25479851061131551, -0.32555031186804491, -0.65031853770896507, -0.28919126444774784,
                -0.045251321448739056, -0.0020713321167745952]);
            double denominator = Polynomial(x - 1, [
                1, 2.0767117023730469, 1.4606242909763515, 0.43593529692665969, 0.054151797245674225,
                0.0021284987017821144, -0.55789841321675513e-6]);
            return sum + ((distance * 0.99558162689208984) + (distance * numerator / denominator));
        }
    }

    /// <summary>
    /// The nth derivative of ψ, n!·Σ (x + k)⁻ⁿ⁻¹ without its sign: term by term, and then by the Euler-Maclaurin
    /// series.
    /// </summary>
    internal readonly struct Polygamma : IScalarFunction
    {
        /// <summary>Bernoulli's numbers B₂, B₄, ….</summary>
        private static ReadOnlySpan<double> Bernoulli =>
        [
            1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510, 43867.0 / 798,
            -174611.0 / 330,
        ];

        public static double Of(double order, double x)
        {
            int n = order > 0.5 && order < MaxOrder + 0.5 ? (int)Math.Round(order) : 0;
            bool isOdd = n % 2 == 1;
            if (n == 0 || double.IsNaN(x))
            {
                return double.NaN;
            }

            if (x > 0)
            {
                return isOdd ? OfPositive(n, x) : -OfPositive(n, x);
            }

            double sine = SineOfTurn(x);
            return isOdd && x == Math.Round(x) ? double.PositiveInfinity
                : x == 0 ? -1 / x
                : n == 1 ? (Math.PI / sine * (Math.PI / sine)) - OfPositive(1, 1 - x)
                : double.NaN;
        }

        private static double OfPositive(int n, double x)
        {
            double sum = 0;
            for (; x < 12 + n; x++)
            {
                sum += Powers(n, x) / x;
            }

            double lead = Powers(n - 1, x) / x, square = 1 / x / x, power = 0.5 * n * (n + 1) * square,
                rest = 0.5 * n / x;
            for (int j = 1; j <= Bernoulli.Length; j++)
            {
                rest += Bernoulli[j - 1] * power;
                power *= (double)((2 * j) + n) * ((2 * j) + n + 1) / (((2 * j) + 1) * ((2 * j) + 2)) * square;
            }

            return sum + (lead + (lead * rest));
        }

        /// <summary>n! / xⁿ, as a product whose intermediate results neither overflow nor vanish.</summary>
        private static double Powers(int n, double x)
        {
            double product = 1;
            for (int k = 1; k <= n; k++)
            {
                product *= k / x;
            }

            return product;
        }
    }

    /// <summary>Returns the magnitude of the two terms whose difference is log |Γ(x)| below 0; else 0.</summary>
    public static double TermsOfLog(double x) => x <= Little
        ? Math.Max(1, Math.Max(Math.Abs(Log.OfPositive(-x)), Math.Abs(Math.Log(Math.Abs(x * SineOfTurn(x)) / Math.PI))))
        : 0;

    /// <summary>Returns the magnitude of the two terms whose difference is ψ(x) below 0; else 0.</summary>
    public static double TermsOfDigamma(double x) => x < 0
        ? Math.Max(Math.Abs(Digamma.OfPositive(1 - x)), Math.Abs(Math.PI * CotangentOfTurn(x - Math.Round(x))))
        : 0;

    /// <summary>The sine of πx without its sign; the distance of x from a whole number is exact.</summary>
    private static double SineOfTurn(double x) => Math.Sin(Math.PI * (x - Math.Round(x)));

    /// <summary>
    /// The cotangent of πx for x from −½ to ½; near the ends, where it is 0, from the distance to the end.
    /// </summary>
    private static double CotangentOfTurn(double x) => Math.Abs(x) > 0.25
        ? Math.CopySign(Math.Tan(Math.PI * (0.5 - Math.Abs(x))), x)
        : 1 / Math.Tan(Math.PI * x);

    private static double Polynomial(double x, ReadOnlySpan<double> coefficients)
    {
        double sum = coefficients[^1];
        for (int i = coefficients.Length - 2; i >= 0; i--)
        {
            sum = (sum * x) + coefficients[i];
        }

        return sum;
    }
}
