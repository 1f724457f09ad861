namespace Engine.Ops;

/// <summary>A row of numbers as the definitions of softmax and its kin look at it: by differences to the greatest.</summary>
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

        // The greatest elements' powers are 1, and all the others may be less than 1 has digits for.
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

    /// <summary>log Σ exp(x − greatest).</summary>
    public DoubleDouble LogSum { get; }

    /// <summary>Computes x[i] − greatest.</summary>
    public DoubleDouble Difference(int i) => DoubleDouble.Sum(_x[i], -_greatest);

    /// <summary>Computes exp(x[i]) / Σ exp(x).</summary>
    public DoubleDouble Share(int i) => DoubleDouble.Exp(Difference(i)) / _sum;
}
