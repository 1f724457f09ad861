namespace Engine.Compile;

/// <summary>How far a device's result may lie from an op's definition in float64.</summary>
/// <param name="Absolute">Whatever the value.</param>
/// <param name="Relative">Of the value.</param>
internal readonly record struct Tolerance(double Absolute, double Relative)
{
    /// <summary>What float32 excuses unless an op is known to do worse.</summary>
    public const double Usual = 1e-3;

    /// <summary>
    /// What the arithmetic of a dtype excuses. The absolute part grows with the largest value and with the root of the
    /// number of terms that an output is the sum of, as rounding errors do; integers must be exact.
    /// </summary>
    /// <param name="dtype">That of the result.</param>
    /// <param name="expected">The definition's result.</param>
    /// <param name="terms">How many numbers are joined to one of the result.</param>
    /// <param name="relative">The relative part for float32.</param>
    public static Tolerance Of(DType dtype, NdArray expected, double terms, double relative = Usual)
    {
        (double absolute, relative) = dtype switch
        {
            DType.Float32 => (1e-6, relative),
            DType.Float64 => (1e-12, 1e-10),
            _ => (0, 0),
        };
        double largest = expected.Data.Select(Math.Abs).Where(double.IsFinite).DefaultIfEmpty().Max();
        return new Tolerance(absolute * Math.Max(1, largest) * Math.Sqrt(Math.Max(1, terms)), relative);
    }

    /// <summary>The first element that lies too far off; -1 if none does. NaN is close to NaN alone.</summary>
    public int FirstOutside(NdArray actual, NdArray expected)
    {
        for (int i = 0; i < expected.Data.Length; i++)
        {
            (double a, double e) = (actual.Data[i], expected.Data[i]);
            if (!a.Equals(e) && !(Math.Abs(a - e) <= Absolute + (Relative * Math.Abs(e))))
            {
                return i;
            }
        }

        return -1;
    }
}
