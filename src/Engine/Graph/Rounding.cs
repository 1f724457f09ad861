namespace Engine.Graph;

/// <summary>How finely the floating-point dtypes tell numbers apart.</summary>
internal static class Rounding
{
    /// <summary>Returns what 1 differs from the next number by; 0 for integers.</summary>
    public static double Epsilon(DType dtype) => ElementType.Of(dtype).Epsilon;

    /// <summary>
    /// Returns the magnitude of a number, or the least normal number of the dtype where that is greater.
    /// </summary>
    public static double Normal(DType dtype, double value) =>
        Math.Max(Math.Abs(value), ElementType.Of(dtype).MinNormal);

    /// <summary>Returns the greatest finite number.</summary>
    public static double MaxFinite(DType dtype) => dtype.IsFloat() ? ElementType.Of(dtype).Max : double.MaxValue;

    /// <summary>
    /// Returns a magnitude on the way to a result, which is infinite where the dtype has no number that great.
    /// </summary>
    public static double Reached(DType dtype, double magnitude) =>
        magnitude > MaxFinite(dtype) ? double.PositiveInfinity : magnitude;

    /// <summary>Returns the unit in the last place of a number.</summary>
    public static double Ulp(DType dtype, double value) => dtype.IsFloat() && double.IsFinite(value)
        ? Math.ScaleB(Epsilon(dtype), Math.ILogB(Normal(dtype, value)))
        : 0;
}
