namespace Engine.Ops;

/// <summary>
/// Represents a row of numbers by its differences from the largest, for the references of softmax and related
/// functions.
/// </summary>
internal readonly ref struct ExactRow
{
    private readonly ReadOnlySpan<double> _x;
    private readonly double _max;
    private readonly DoubleDouble _sum;

    public ExactRow(ReadOnlySpan<double> x)
    {
        _x = x;
        _max = double.NegativeInfinity;
        foreach (double value in x)
        {
            _max = Math.Max(_max, value);
        }

        // The powers of the largest elements are 1; the others may be too small for the digits of 1.
        DoubleDouble rest = 0;
        int maxima = 0;
        foreach (double value in x)
        {
            bool isMax = value == _max && double.IsFinite(value);
            maxima += isMax ? 1 : 0;
            rest += isMax ? 0 : DoubleDouble.Exp(DoubleDouble.Sum(value, -_max));
        }

        _sum = maxima + rest;
        LogSum = DoubleDouble.Log1P(maxima - 1 + rest);
    }

    /// <summary>Gets log Σ exp(x − largest).</summary>
    public DoubleDouble LogSum { get; }

    /// <summary>Computes x[i] − largest.</summary>
    public DoubleDouble Difference(int i) => DoubleDouble.Sum(_x[i], -_max);

    /// <summary>Computes exp(x[i]) / Σ exp(x).</summary>
    public DoubleDouble Share(int i) => DoubleDouble.Exp(Difference(i)) / _sum;
}
