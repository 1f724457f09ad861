using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Describes how a parameter's initial values are drawn. The same seed gives the same values. An initializer has no
/// state, so any number of layers may use the same one.
/// </summary>
public abstract record Initializer
{
    /// <summary>Specifies the gain for layers with a rectifier, √2, because a rectifier halves the variance.</summary>
    public const double ReluGain = 1.4142135623730951;

    /// <summary>Returns the values of a parameter of this shape.</summary>
    /// <param name="shape">The shape; for a weight, (inputs, outputs) or (outputs, inputs, height, width).</param>
    /// <param name="dtype">The dtype, float32 or float64. The values differ only by rounding.</param>
    /// <param name="seed">The seed. The values depend on it and on the shape only.</param>
    /// <exception cref="EngineException">The initializer is not for this shape.</exception>
    public Tensor Draw(Shape shape, DType dtype, ulong seed)
    {
        if (Ready(dtype) is { } ready)
        {
            return ready;
        }

        var values = new double[shape.Count];
        Fill(values, shape, seed);
        return Tensor.From(values).Reshape(shape.Dimensions).Cast(dtype);
    }

    /// <summary>
    /// Returns existing values, if they need not be drawn, as a tensor that becomes the parameter's; else null.
    /// </summary>
    internal virtual Tensor? Ready(DType dtype) => null;

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public sealed override string ToString() => RecordText.Of(GetType().Name, PrintMembers);

    /// <summary>Writes the values in C order.</summary>
    protected abstract void Fill(Span<double> values, Shape shape, ulong seed);

    /// <summary>Fills with values uniformly distributed over [mean − range, mean + range).</summary>
    private protected static void FillUniform(Span<double> values, ulong seed, double mean, double range)
    {
        Seeded.Uniform(seed, values);
        foreach (ref double value in values)
        {
            value = mean + (((2 * value) - 1) * range);
        }
    }

    /// <summary>Draws normally distributed values.</summary>
    private protected static void FillNormal(Span<double> values, ulong seed, double mean, double std)
    {
        Seeded.Normal(seed, values);
        foreach (ref double value in values)
        {
            value = mean + (value * std);
        }
    }

    /// <summary>Keeps a number of random weights of each unit and sets the others to 0; (inputs, units).</summary>
    private protected static void KeepFew(Span<double> values, Shape shape, ulong seed, int count, string rule)
    {
        if (shape.Rank != 2)
        {
            throw new EngineException(
                $"The {rule} initializer is for the weights of dense layers, (inputs, units), not for {shape}.");
        }

        for (int unit = 0; unit < shape[1]; unit++)
        {
            foreach (int input in Seeded.Permutation(Seeded.Key(seed, FormattableString.Invariant($"unit {unit}")),
                shape[0]).AsSpan(Math.Min(count, shape[0])))
            {
                values[(input * shape[1]) + unit] = 0;
            }
        }
    }

    /// <summary>Returns the standard deviation of Glorot's rule: gain · √(2 / ((n1 + n2) · receptive field)).</summary>
    private protected static double GlorotStd(Shape shape, double gain)
    {
        RequireWeight(shape, "Glorot");
        return gain * Math.Sqrt(2.0 / (((double)shape[0] + shape[1]) * shape.Product(2, shape.Rank)));
    }

    /// <summary>Returns the standard deviation of He's rule: gain · √(1 / inputs of a unit).</summary>
    private protected static double HeStd(Shape shape, double gain)
    {
        RequireWeight(shape, "He");
        return gain * Math.Sqrt(1.0 / (shape.Rank == 2 ? shape[0] : shape.Product(1, shape.Rank)));
    }

    /// <summary>Refuses a shape without inputs and outputs.</summary>
    private protected static void RequireWeight(Shape shape, string rule)
    {
        if (shape.Rank < 2)
        {
            throw new EngineException(
                $"The {rule} initializer is for weights, which have at least 2 dimensions, "
                + $"not for a parameter of shape {shape}: use a constant, uniform or normal initializer there.");
        }
    }
}

/// <summary>Fills with one value. Biases begin with 0.</summary>
/// <param name="Value">The value.</param>
public sealed record Full(double Value = 0) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) => values.Fill(Value);
}

/// <summary>Draws uniformly distributed values.</summary>
/// <param name="Range">The largest distance from the mean.</param>
/// <param name="Mean">The mean.</param>
public sealed record Uniform(double Range = 0.01, double Mean = 0) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
        FillUniform(values, seed, Mean, Range);
}

/// <summary>Draws normally distributed values.</summary>
/// <param name="Std">The standard deviation.</param>
/// <param name="Mean">The mean.</param>
public sealed record Normal(double Std = 0.01, double Mean = 0) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
        FillNormal(values, seed, Mean, Std);
}

/// <summary>
/// Draws from U(−a, a) with a = gain · √(6 / ((n1 + n2) · receptive field)). n1 and n2 are the weight's first two
/// dimensions; the receptive field is the product of the others (Glorot, Bengio: Understanding the difficulty of
/// training deep feedforward neural networks. AISTATS 2010). This is the default of weights.
/// </summary>
/// <param name="Gain">A factor; <see cref="Initializer.ReluGain"/> for layers with a rectifier.</param>
public sealed record GlorotUniform(double Gain = 1) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
        FillUniform(values, seed, 0, Math.Sqrt(3) * GlorotStd(shape, Gain));
}

/// <summary>Draws normally distributed values with the variance of <see cref="GlorotUniform"/>.</summary>
/// <param name="Gain">A factor; <see cref="Initializer.ReluGain"/> for layers with a rectifier.</param>
public sealed record GlorotNormal(double Gain = 1) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
        FillNormal(values, seed, 0, GlorotStd(shape, Gain));
}

/// <summary>
/// Draws from U(−a, a) with a = gain · √(3 / inputs of a unit) (He, Zhang, Ren, Sun: Delving deep into rectifiers. ICCV
/// 2015).
/// </summary>
/// <param name="Gain">A factor; <see cref="Initializer.ReluGain"/> for layers with a rectifier.</param>
public sealed record HeUniform(double Gain = 1) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
        FillUniform(values, seed, 0, Math.Sqrt(3) * HeStd(shape, Gain));
}

/// <summary>Draws normally distributed values with the variance of <see cref="HeUniform"/>.</summary>
/// <param name="Gain">A factor; <see cref="Initializer.ReluGain"/> for layers with a rectifier.</param>
public sealed record HeNormal(double Gain = 1) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed) =>
        FillNormal(values, seed, 0, HeStd(shape, Gain));
}

/// <summary>
/// Draws a weight that, as a matrix of (first dimension, product of the others), has orthonormal rows or columns,
/// whichever are fewer, times the gain (Saxe, McClelland, Ganguli: Exact solutions to the nonlinear dynamics of
/// learning. ICLR 2014).
/// </summary>
/// <param name="Gain">A factor; <see cref="Initializer.ReluGain"/> for layers with a rectifier.</param>
public sealed record Orthogonal(double Gain = 1) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed)
    {
        RequireWeight(shape, "orthogonal");
        int rows = shape[0], columns = shape.Product(1, shape.Rank);
        (int count, int length) = rows < columns ? (rows, columns) : (columns, rows);
        var vectors = new double[values.Length];
        Seeded.Normal(seed, vectors);
        for (int i = 0; i < count; i++)
        {
            Span<double> vector = vectors.AsSpan(i * length, length);

            // One pass loses digits to cancellation; two are enough.
            for (int pass = 0; pass < 2; pass++)
            {
                for (int j = 0; j < i; j++)
                {
                    ReadOnlySpan<double> other = vectors.AsSpan(j * length, length);
                    AddScaled(vector, other, -Dot(vector, other));
                }
            }

            double scale = 1 / Math.Sqrt(Dot(vector, vector));
            foreach (ref double value in vector)
            {
                value *= scale;
            }
        }

        for (int i = 0; i < values.Length; i++)
        {
            (int row, int column) = Math.DivRem(i, columns);
            values[i] = Gain * vectors[rows < columns ? i : (column * length) + row];
        }
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    private static void AddScaled(Span<double> a, ReadOnlySpan<double> b, double scale)
    {
        for (int i = 0; i < a.Length; i++)
        {
            a[i] += scale * b[i];
        }
    }
}

/// <summary>
/// Draws normally distributed values for a part of each unit's inputs, and 0 for the others (Martens: Deep learning via
/// Hessian-free optimization. ICML 2010). For the weights of dense layers, (inputs, units).
/// </summary>
/// <param name="Sparsity">The part of a unit's inputs whose weights are not 0, rounded down to whole inputs.</param>
/// <param name="Std">The standard deviation of those weights.</param>
public sealed record Sparse(double Sparsity = 0.1, double Std = 0.01) : Initializer
{
    /// <inheritdoc/>
    protected override void Fill(Span<double> values, Shape shape, ulong seed)
    {
        FillNormal(values, seed, 0, Std);
        KeepFew(values, shape, seed, (int)(Sparsity * shape[0]), "sparse");
    }
}

/// <summary>Draws values for a number of inputs of each unit, and 0 for the others.</summary>
/// <param name="Values">Draws the values.</param>
/// <param name="Count">The number of inputs.</param>
internal sealed record FewInputs(Initializer Values, int Count) : Initializer
{
    protected override void Fill(Span<double> values, Shape shape, ulong seed)
    {
        NdArray.From(Values.Draw(shape, DType.Float64, seed)).Data.CopyTo(values);
        KeepFew(values, shape, seed, Count, "fan-in");
    }
}
