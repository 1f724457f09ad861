namespace Engine.Ops;

/// <summary>
/// Represents a row of numbers by its differences from the greatest, for the definitions of softmax and related
/// functions.
/// </summary>
internal readonly ref struct ExactRow
{
    private readonly ReadOnlySpan<double> _x;
    private readonly double _greatest;
    private readonly DoubleDouble _sum;

    public ExactRow(ReadOnlySpan<double> x)
    {
        _x = x;
        _greatest = double.NegativeInfinity;
        foreach (double value in x)
        {
            _greatest = Math.Max(_greatest, value);
        }

        // The powers of the greatest elements are 1; the others may be too small for the digits of 1.
        DoubleDouble rest = 0;
        int greatest = 0;
        foreach (double value in x)
        {
            bool isGreatest = value == _greatest && double.IsFinite(value);
            greatest += isGreatest ? 1 : 0;
            rest += isGreatest ? 0 : DoubleDouble.Exp(DoubleDouble.Sum(value, -_greatest));
        }

        _sum = greatest + rest;
        LogSum = DoubleDouble.Log1P(greatest - 1 + rest);
    }

    /// <summary>Gets log Σ exp(x − greatest).</summary>
    public DoubleDouble LogSum { get; }

    /// <summary>Computes x[i] − greatest.</summary>
    public DoubleDouble Difference(int i) => DoubleDouble.Sum(_x[i], -_greatest);

    /// <summary>Computes exp(x[i]) / Σ exp(x).</summary>
    public DoubleDouble Share(int i) => DoubleDouble.Exp(Difference(i)) / _sum;
}
