using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Applies any function to the input: <c>new Expression(x => x * x)</c>. It must keep the batch axis.
/// </summary>
public sealed class Expression : Layer
{
    /// <summary>Creates a layer that applies this function.</summary>
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

/// <summary>Multiplies each channel, axis 1, by its own learned number.</summary>
public sealed class Scale : Layer
{
    /// <summary>Gets or sets the initializer of the numbers.</summary>
    public Initializer Scales { get; init; } = new Full(1);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        return scope.Floating(input) * scope.PerChannel("scales", input, Scales, isRegularized: true);
    }
}

/// <summary>Adds its own learned number to each channel, axis 1.</summary>
public sealed class Bias : Layer
{
    /// <summary>Gets or sets the initializer of the numbers.</summary>
    public Initializer B { get; init; } = new Full();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        return scope.Floating(input) + scope.PerChannel("b", input, B, isRegularized: false);
    }
}

/// <summary>
/// Computes x if it is greater than 0, else alpha · x, with a learned alpha for each channel, axis 1 (He, Zhang, Ren,
/// Sun: Delving deep into rectifiers. ICCV 2015).
/// </summary>
public sealed class PRelu : Layer
{
    /// <summary>Gets or sets the initializer of the numbers.</summary>
    public Initializer Alpha { get; init; } = new Full(0.25);

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
/// Reduces each group of neighboring features along an axis to the largest, or by another function. After a Dense
/// layer or a convolution, this is maxout (Goodfellow, Warde-Farley, Mirza, Courville, Bengio: Maxout networks. ICML
/// 2013).
/// </summary>
public sealed class FeaturePool : Layer
{
    /// <summary>Creates a layer for groups of this size.</summary>
    /// <exception cref="EngineException">The size is less than 1, or the axis is the batch's.</exception>
    public FeaturePool(int size, int axis = 1)
    {
        Require(size > 0, $"FeaturePool takes 1 feature or more together, not {size}.");
        Require(axis > 0, $"FeaturePool takes features together along an axis from 1 on, not {axis}.");
        (Size, Axis) = (size, axis);
    }

    /// <summary>Gets the number of features in a group.</summary>
    public int Size { get; }

    /// <summary>Gets the axis.</summary>
    public int Axis { get; }

    /// <summary>Gets or sets the function: a reduction over one axis.</summary>
    public Func<Variable, int, Variable> Function { get; init; } = (x, axis) => Symbolic.Max(x, [axis]);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(Axis < input.Rank && input.Shape[Axis] % Size == 0,
            $"FeaturePool takes every {Size} features along axis {Axis} of {input.Shape} together, "
            + $"and they are no multiple.");
        int[] dimensions = [.. input.Shape];
        return Function(
            Symbolic.Reshape(
                scope.Floating(input),
                [-1, .. dimensions[1..Axis], dimensions[Axis] / Size, Size, .. dimensions[(Axis + 1)..]]),
            Axis + 1);
    }
}

/// <summary>
/// Reduces each channel over the whole image or sequence to the mean, or by another function: (batch, channels, …) to
/// (batch, channels).
/// </summary>
public sealed class GlobalPool : Layer
{
    /// <summary>Gets or sets the function: a reduction over some axes.</summary>
    public Func<Variable, Shape, Variable> Function { get; init; } = (x, axes) => Symbolic.Mean(x, axes);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(input.Rank > 2,
            $"GlobalPool takes (batch, channels, …) with at least one more dimension, not {input.Shape}.");
        return Function(scope.Floating(input), [.. Enumerable.Range(2, input.Rank - 2)]);
    }
}

/// <summary>
/// Looks up the rows of a table for integers: int32 (batch, …) to (batch, …, size), with W (count, size). The Input
/// layer must have <c>DType = DType.Int32</c>.
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

    /// <summary>Gets the number of rows of the table.</summary>
    public int Count { get; }

    /// <summary>Gets the number of values in a row.</summary>
    public int Size { get; }

    /// <summary>Gets or sets the initializer of the table.</summary>
    public Initializer W { get; init; } = new Normal();

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        scope.Require(input.DType is DType.Int32 or DType.Int64,
            $"Embedding takes the numbers of rows, int32 or int64, not {input.Type}: "
            + $"give the Input layer DType = DType.Int32.");
        return Symbolic.Gather(scope.Parameter("W", [Count, Size], W), input);
    }
}
