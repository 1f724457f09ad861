using Engine.Graph;

namespace Engine.Ops;

/// <summary>Specifies how pixels between pixels are computed.</summary>
public enum ResizeMode
{
    /// <summary>From the nearest pixel: ⌊i·dimension / new dimension⌋.</summary>
    Nearest,

    /// <summary>
    /// From the neighbors along each axis. Pixels are squares: the center of pixel i is at (i + ½)·dimension / new
    /// dimension.
    /// </summary>
    Linear,

    /// <summary>From the neighbors along each axis. The first and the last pixels keep their positions.</summary>
    LinearAlignCorners,
}

public static partial class Symbolic
{
    /// <summary>Resizes images (N, C, …) of known dimensions.</summary>
    /// <exception cref="EngineException">
    /// A dimension is unknown or has no elements, the number of new dimensions is wrong, or there would be too many
    /// pixels.
    /// </exception>
    public static Variable Resize(Variable x, IReadOnlyList<int> dimensions, ResizeMode mode = ResizeMode.Nearest)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(dimensions);
        if (dimensions.Count != x.Rank - 2 || dimensions.Any(dimension => dimension < 1)
            || x.Shape.Skip(2).Any(dimension => dimension < 1))
        {
            throw new EngineException(
                $"Images of known dimensions are resized to as many, not '{x}' ({x.Type}) to "
                + $"({string.Join(", ", dimensions)}).{Origin.Current}");
        }

        CheckSize("resize", x, [.. x.Shape.Take(2), .. dimensions]);
        for (int axis = 2; axis < x.Rank; axis++)
        {
            (int from, int to) = (x.Shape[axis], dimensions[axis - 2]);
            if (from == to)
            {
                continue;
            }

            if (mode == ResizeMode.Nearest)
            {
                x = to % from == 0
                    ? Repeat(x, to / from, axis)
                    : Along(x, axis, Enumerable.Range(0, to).Select(i => (int)((long)i * from / to)).ToArray());
                continue;
            }

            double[] coordinates = [.. Enumerable.Range(0, to).Select(i => mode == ResizeMode.Linear
                ? Math.Clamp(((i + 0.5) * from / to) - 0.5, 0, from - 1)
                : to == 1 ? 0 : (double)i * (from - 1) / (to - 1))];
            int[] before = [.. coordinates.Select(coordinate => Math.Min((int)coordinate, from - 1))];
            int[] behind = [.. before.Select(index => Math.Min(index + 1, from - 1))];
            double[] shares = [.. coordinates.Zip(before, (coordinate, first) => coordinate - first)];
            Variable weights = DimShuffle(
                Constant(Tensor.From(shares).Cast(x.DType.IsFloat() ? x.DType : DType.Float32)),
                [0, .. Enumerable.Repeat(NewAxis, x.Rank - 1 - axis)]);
            Variable first = Along(x, axis, before);
            x = first + (weights * (Along(x, axis, behind) - first));
        }

        return x;
    }

    /// <summary>Repeats each pixel of images (N, C, …) along each axis, as Lasagne's upscaling layers do.</summary>
    /// <exception cref="EngineException">The number of factors is wrong, or a factor is negative.</exception>
    public static Variable Upscale(Variable x, IReadOnlyList<int> factors)
    {
        int[] times = ForEachAxis("upscale", x, factors);
        return Enumerable.Range(2, times.Length).Aggregate(x, (scaled, axis) => Repeat(scaled, times[axis - 2], axis));
    }
}
