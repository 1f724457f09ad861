namespace Engine.Ops;

/// <summary>
/// The sums of the binary logarithms of a product's factors: whether the product of some of them may overflow or
/// vanish.
/// </summary>
/// <param name="Above">The sum of the positive logarithms.</param>
/// <param name="Below">The sum of the negative logarithms.</param>
internal readonly record struct Powers(double Above, double Below)
{
    public static Powers Of(double factor)
    {
        double log = Math.Log2(Math.Abs(factor));
        return new Powers(Math.Max(log, 0), double.IsFinite(log) ? Math.Min(log, 0) : log);
    }

    public static Powers operator +(Powers a, Powers b) => new(a.Above + b.Above, a.Below + b.Below);

    /// <summary>Whether some of the factors may have a product beyond the normal numbers of a dtype.</summary>
    public bool MayExceed(DType dtype)
    {
        (double max, double min) = dtype == DType.Float32 ? (127, -125) : (1023, -1021);
        return (Above > max && !double.IsPositiveInfinity(Above)) || Below < min || double.IsNaN(Above);
    }
}
