using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents any function of the input: <c>new Expression(x => x * x)</c>. It must keep the batch's side.
/// </summary>
public sealed class Expression : Layer
{
    /// <summary>Applies this function.</summary>
    public Expression(Func<Variable, Variable> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        Function = function;
    }

    /// <summary>Gets the function.</summary>
    public Func<Variable, Variable> Function { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope) => Function(input);
}

/// <summary>Represents each channel, axis 1, times a number of its own that is learned.</summary>
public sealed class Scale : Layer
{
    /// <summary>Gets or sets how the numbers begin.</summary>
    public Initializer Scales { get; init; } = new Filled(1);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        return scope.Floating(input) * scope.PerChannel("scales", input, Scales, isRegularized: true);
    }
}

/// <summary>To each channel, axis 1, a number of its own is added that is learned.</summary>
public sealed class Bias : Layer
{
    /// <summary>Gets or sets how the numbers begin.</summary>
    public Initializer B { get; init; } = new Filled();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        return scope.Floating(input) + scope.PerChannel("b", input, B, isRegularized: false);
    }
}

/// <summary>
/// x where it is greater than 0, else alpha · x, with an alpha for each channel, axis 1, that is learned (He, Zhang, Ren,
/// Sun: Delving deep into rectifiers. ICCV 2015).
/// </summary>
public sealed class PRelu : Layer
{
    /// <summary>Gets or sets how the numbers begin.</summary>
    public Initializer Alpha { get; init; } = new Filled(0.25);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        Variable x = scope.Floating(input);
        return Symbolic.Where(
            Symbolic.Greater(x, 0), x, x * scope.PerChannel("alpha", input, Alpha, isRegularized: false));
    }
}

/// <summary>
/// Of every so many features, neighbors along an axis, the greatest, or what another function makes of them: with a Dense
/// or convolution before it, maxout (Goodfellow, Warde-Farley, Mirza, Courville, Bengio: Maxout networks. ICML 2013).
/// </summary>
public sealed class FeaturePool : Layer
{
    /// <summary>Of every so many.</summary>
    /// <exception cref="EngineException">There are fewer than 1, or the axis is the batch's.</exception>
    public FeaturePool(int size, int axis = 1)
    {
        Require(size > 0, $"FeaturePool takes 1 feature or more together, not {size}.");
        Require(axis > 0, $"FeaturePool takes features together along an axis from 1 on, not {axis}.");
        (Size, Axis) = (size, axis);
    }

    /// <summary>Gets how many features are taken together.</summary>
    public int Size { get; }

    /// <summary>Gets the axis.</summary>
    public int Axis { get; }

    /// <summary>Gets or sets what is made of them: a reduction over one axis.</summary>
    public Func<Variable, int, Variable> Function { get; init; } = (x, axis) => Symbolic.Max(x, [axis]);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(Axis < input.Rank && input.Shape[Axis] % Size == 0,
            $"FeaturePool takes every {Size} features along axis {Axis} of {input.Shape} together, and they are no multiple.");
        int[] sides = [.. input.Shape];
        return Function(
            Symbolic.Reshape(
                scope.Floating(input), [-1, .. sides[1..Axis], sides[Axis] / Size, Size, .. sides[(Axis + 1)..]]),
            Axis + 1);
    }
}

/// <summary>
/// Represents the mean, or what another function makes of it, of each channel over the whole image, or sequence:
/// (batch, channels, …) to (batch, channels).
/// </summary>
public sealed class GlobalPool : Layer
{
    /// <summary>Gets or sets what is made of the values: a reduction over some axes.</summary>
    public Func<Variable, Shape, Variable> Function { get; init; } = (x, axes) => Symbolic.Mean(x, axes);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(input.Rank > 2, $"GlobalPool takes (batch, channels, …) with at least one more side, not {input.Shape}.");
        return Function(scope.Floating(input), [.. Enumerable.Range(2, input.Rank - 2)]);
    }
}

/// <summary>
/// Represents the rows of a table for whole numbers: int32 (batch, …) to (batch, …, size), with W (count, size). The
/// Input layer says <c>DType = DType.Int32</c>.
/// </summary>
public sealed class Embedding : Layer
{
    /// <summary>Creates a table for the numbers from 0 to count − 1.</summary>
    /// <exception cref="EngineException">A size is not positive.</exception>
    public Embedding(int count, int size)
    {
        Require(count > 0 && size > 0, $"Embedding needs at least 1 row of at least 1 number, not {count} of {size}.");
        (Count, Size) = (count, size);
    }

    /// <summary>Gets how many rows the table has.</summary>
    public int Count { get; }

    /// <summary>Gets how many numbers a row has.</summary>
    public int Size { get; }

    /// <summary>Gets or sets how the table begins.</summary>
    public Initializer W { get; init; } = new Normal();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        scope.Require(input.DType is DType.Int32 or DType.Int64,
            $"Embedding takes the numbers of rows, int32 or int64, not {input.Type}: give the Input layer DType = DType.Int32.");
        return Symbolic.Gather(scope.Parameter("W", [Count, Size], W), input);
    }
}
