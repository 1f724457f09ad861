namespace Engine.Graph;

/// <summary>The precision of the floating-point dtypes.</summary>
internal static class Rounding
{
    /// <summary>Returns the difference between 1 and the next number; 0 for integers.</summary>
    public static double Epsilon(DType dtype) => ElementType.Of(dtype).Epsilon;

    /// <summary>Returns the magnitude of a number, but at least the smallest normal number of the dtype.</summary>
    public static double Normal(DType dtype, double value) =>
        Math.Max(Math.Abs(value), ElementType.Of(dtype).MinNormal);

    /// <summary>Returns the largest finite number.</summary>
    public static double MaxFinite(DType dtype) => dtype.IsFloat() ? ElementType.Of(dtype).Max : double.MaxValue;

    /// <summary>
    /// Returns the magnitude of an intermediate result; infinity if the dtype has no number that large.
    /// </summary>
    public static double Reached(DType dtype, double magnitude) =>
        magnitude > MaxFinite(dtype) ? double.PositiveInfinity : magnitude;

    /// <summary>Returns the unit in the last place of a number.</summary>
    public static double Ulp(DType dtype, double value) => dtype.IsFloat() && double.IsFinite(value)
        ? Math.ScaleB(Epsilon(dtype), Math.ILogB(Normal(dtype, value)))
        : 0;
}
