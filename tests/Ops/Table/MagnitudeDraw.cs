namespace Engine.Tests.Ops;

/// <summary>Specifies the magnitudes of the numbers on which an op is tested.</summary>
internal enum Magnitudes
{
    /// <summary>The range of the example.</summary>
    Usual,

    /// <summary>All magnitudes of the dtype, including subnormal ones; half of the numbers are negative.</summary>
    All,

    /// <summary>From 1 to the maximum number of the dtype.</summary>
    Large,

    /// <summary>From 1 to the smallest number of the dtype.</summary>
    Small,

    /// <summary>A number and its nearest neighbors, with both signs, so that sums and differences cancel.</summary>
    NearlyEqual,

    /// <summary>Zeros of both signs, infinities, NaN, subnormal numbers, and ordinary ones between them.</summary>
    Special,
}

/// <summary>Draws floating-point numbers of some magnitudes, for all inputs of one example.</summary>
internal sealed class MagnitudeDraw(Magnitudes magnitudes, Random random)
{
    private readonly double _center = Math.Pow(10, random.Next(-3, 8)) * (1 + random.NextDouble());

    /// <summary>Returns a tensor of such numbers; null if the example determines the values.</summary>
    public Tensor? Of(DType dtype, Shape shape)
    {
        if (magnitudes == Magnitudes.Usual)
        {
            return null;
        }

        var values = new double[shape.Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Next(dtype == DType.Float32);
        }

        return Tensor.From(values).Reshape(shape.Dimensions).Cast(dtype);
    }

    private double Next(bool isSingle)
    {
        double max = isSingle ? 38.5 : 308.2, min = isSingle ? -45 : -323.5, sign = random.Next(2) == 0 ? 1 : -1;
        return magnitudes switch
        {
            Magnitudes.All => sign * Power(min, max),
            Magnitudes.Large => sign * Power(0, max),
            Magnitudes.Small => sign * Power(min, 0),
            Magnitudes.NearlyEqual =>
                sign * _center * (1 + (random.Next(-3, 4) * Math.ScaleB(1, isSingle ? -23 : -52))),
            _ => Special(isSingle),
        };

        double Power(double from, double to) => Math.Pow(10, from + (random.NextDouble() * (to - from)));
    }

    private double Special(bool isSingle) => random.Next(10) switch
    {
        0 => 0,
        1 => -0.0,
        2 => double.PositiveInfinity,
        3 => double.NegativeInfinity,
        4 => double.NaN,
        5 => isSingle ? float.Epsilon : double.Epsilon,
        6 => isSingle ? -1.17549435e-38 : -2.2250738585072014e-308,
        _ => (random.NextDouble() * 4) - 2,
    };
}
