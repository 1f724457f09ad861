using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>Takes a part of each sample along one axis.</summary>
public sealed class Slice : Layer
{
    /// <summary>Creates a slice that begins at an index and has a length or goes to the end.</summary>
    /// <param name="start">The first index; a negative one counts from the end.</param>
    /// <param name="length">The length; null for all that follow.</param>
    /// <param name="axis">The axis, at least 1.</param>
    /// <exception cref="EngineException">The axis is the batch's, or the length is not positive.</exception>
    public Slice(int start, int? length = null, int axis = 1)
    {
        Require(axis > 0, $"Slice cuts samples along an axis from 1 on, not {axis}.");
        Require(length is null or > 0, $"Slice takes 1 or more, not {length}.");
        (Start, Length, Axis) = (start, length, axis);
    }

    /// <summary>Gets the first index; a negative one counts from the end.</summary>
    public int Start { get; }

    /// <summary>Gets the length; null for all that follow.</summary>
    public int? Length { get; }

    /// <summary>Gets the axis.</summary>
    public int Axis { get; }

    /// <summary>
    /// Gets or sets whether to remove the axis, which must have length 1: (batch, steps, units) to (batch, units).
    /// </summary>
    public bool DropsAxis { get; init; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(Axis < input.Rank, $"Slice cuts along axis {Axis}, which {input.Shape} has not.");
        Variable part = Symbolic.Slice(input, Axis, Start, Length);
        if (!DropsAxis)
        {
            return part;
        }

        scope.Require(
            part.Shape[Axis] == 1, $"Slice leaves {part.Shape[Axis]} along axis {Axis}, which cannot go away: take 1.");
        int[] dimensions = [.. part.Shape];
        return Symbolic.Reshape(part, [-1, .. dimensions[1..Axis], .. dimensions[(Axis + 1)..]]);
    }
}

/// <summary>
/// Reorders a sample's axes: <c>new Permute(2, 1)</c> turns (batch, steps, units) into (batch, units, steps).
/// </summary>
public sealed class Permute : Layer
{
    /// <summary>Creates a permutation: for each axis of the output from 1 on, the axis of the input.</summary>
    /// <exception cref="EngineException">They are not a permutation of the axes from 1 on.</exception>
    public Permute(params ReadOnlySpan<int> axes)
    {
        Axes = Shape.Create(axes);
        Require(Axes.Order().SequenceEqual(Enumerable.Range(1, Axes.Rank)),
            $"Permute names each axis of a sample once, from 1 on, not {Axes}.");
    }

    /// <summary>Gets, for each axis of the output from 1 on, the axis of the input.</summary>
    public Shape Axes { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope.Require(
            Axes.Rank == input.Rank - 1, $"Permute orders {Axes.Rank} axes of a sample, and {input.Shape} has others.");
        return Symbolic.DimShuffle(input, [0, .. Axes]);
    }
}

/// <summary>
/// Adds a border around images, or around the steps of a sequence: every axis from 2 on grows at both ends.
/// </summary>
public sealed class Pad : Layer
{
    /// <summary>Creates a border with a width for each axis, or one width for all.</summary>
    /// <exception cref="EngineException">There are no widths, or one is negative.</exception>
    public Pad(params ReadOnlySpan<int> widths)
    {
        Widths = Shape.Create(widths);
        Require(Widths.Rank > 0 && Widths.All(width => width >= 0),
            $"Pad needs a width from 0 on for all axes from 2 on, or one for each, not {Widths}.");
    }

    /// <summary>Gets the border's width, for each axis from 2 on or for all.</summary>
    public Shape Widths { get; }

    /// <summary>Gets or sets the value of the border.</summary>
    public double Value { get; init; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        int axes = input.Rank - 2;
        scope.Require(axes > 0 && (Widths.Rank == 1 || Widths.Rank == axes),
            $"Pad has {Widths.Rank} widths, and {input.Shape} has {Math.Max(axes, 0)} axes from 2 on.");
        Variable x = scope.Floating(input);
        for (int axis = 2; axis < input.Rank; axis++)
        {
            x = Around(x, axis, Widths[Widths.Rank == 1 ? 0 : axis - 2], Value);
        }

        return x;
    }

    /// <summary>Adds a number of values at both ends of an axis.</summary>
    internal static Variable Around(Variable x, int axis, int width, double value)
    {
        // This is one layer of the border, which is repeated for the width. The values of the slice do not matter.
        Variable layer = Symbolic.Zero(Symbolic.Slice(x, axis, 0, 1)) + value;
        Variable[] border = [.. Enumerable.Repeat(layer, width)];
        return width == 0 ? x : Symbolic.Concat(axis, [.. border, x, .. border]);
    }
}

/// <summary>
/// Repeats each pixel of images, or each step of a sequence: every axis from 2 on becomes longer by a factor.
/// </summary>
public sealed class Upscale : Layer
{
    /// <summary>Creates an upscaling with a factor for each axis, or one factor for all.</summary>
    /// <exception cref="EngineException">There are no factors, or one is not positive.</exception>
    public Upscale(params ReadOnlySpan<int> factors)
    {
        Factors = Shape.Create(factors);
        Require(Factors.Rank > 0 && Factors.All(factor => factor > 0),
            $"Upscale needs a factor from 1 on for all axes from 2 on, or one for each, not {Factors}.");
    }

    /// <summary>Gets the factors, for each axis from 2 on or one for all.</summary>
    public Shape Factors { get; }

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        int axes = input.Rank - 2;
        scope.Require(axes > 0 && (Factors.Rank == 1 || Factors.Rank == axes),
            $"Upscale has {Factors.Rank} factors, and {input.Shape} has {Math.Max(axes, 0)} axes from 2 on.");
        List<int> pattern = [0, 1], ones = [1, 1], dimensions = [-1, input.Shape[1]];
        for (int axis = 2; axis < input.Rank; axis++)
        {
            int factor = Factors[Factors.Rank == 1 ? 0 : axis - 2];
            pattern.AddRange([axis, Symbolic.NewAxis]);
            ones.AddRange([1, factor]);
            dimensions.Add(input.Shape[axis] * factor);
        }

        var repeat = Symbolic.Constant(new Full(1).Draw([.. ones], scope.FloatX, 0));
        return Symbolic.Reshape(Symbolic.DimShuffle(scope.Floating(input), [.. pattern]) * repeat, [.. dimensions]);
    }
}
