using Engine.Graph;

namespace Engine.Ops;

/// <summary>Specifies how the elements of a window are pooled.</summary>
public enum PoolMode
{
    /// <summary>The maximum. A window's gradient goes to the first of equal elements.</summary>
    Max,

    /// <summary>The mean of the elements that are not padding.</summary>
    Average,

    /// <summary>The mean of all elements, with zeros as padding.</summary>
    AverageWithPadding,

    /// <summary>The sum.</summary>
    Sum,

    /// <summary>
    /// The maximum. A window's gradient goes to each of equal elements, as in Theano; in PyTorch, to the first.
    /// </summary>
    MaxToAll,
}

public static partial class Symbolic
{
    /// <summary>Pools images of one to three axes, (N, C, …), in windows.</summary>
    /// <param name="x">(N, C, W), (N, C, H, W) or (N, C, D, H, W).</param>
    /// <param name="size">The window's dimensions; one number for all axes.</param>
    /// <param name="mode">How a window is pooled.</param>
    /// <param name="stride">The pixels from one window to the next; by default the size.</param>
    /// <param name="padding">The pixels around the images that windows may cover.</param>
    /// <param name="ignoreBorder">Whether a last window that does not fit is left out.</param>
    /// <exception cref="EngineException">
    /// The padded images are smaller than a window, or the padding is not smaller than a window.
    /// </exception>
    public static Variable Pool(
        Variable x, IReadOnlyList<int> size, PoolMode mode = PoolMode.Max, IReadOnlyList<int>? stride = null,
        IReadOnlyList<int>? padding = null, bool ignoreBorder = true)
    {
        int[] sizes = ForEachAxis("pool", x, size);
        int[] strides = stride is null ? sizes : ForEachAxis("pool", x, stride),
            pads = ForEachAxis("pool", x, padding ?? [0]);
        switch (sizes.Length)
        {
            case 1:
                return Squeeze(
                    Plane(ExpandDims(x, 2), (1, sizes[0]), (1, strides[0]), (0, pads[0]), mode, ignoreBorder), [2]);
            case 2:
                return Plane(x, (sizes[0], sizes[1]), (strides[0], strides[1]), (pads[0], pads[1]), mode, ignoreBorder);
            case 3:
                // Window by window in each plane, then across the planes: every mode allows this.
                Variable planes =
                    Reshape(x, Joined(x, [0, 1]), DimensionOf(x, 2), DimensionOf(x, 3), DimensionOf(x, 4));
                planes = Plane(
                    planes, (sizes[1], sizes[2]), (strides[1], strides[2]), (pads[1], pads[2]), mode, ignoreBorder);
                Variable lines =
                    Reshape(planes, DimensionOf(planes, 0), 1, DimensionOf(planes, 1), Joined(planes, [2, 3]));
                lines = Plane(lines, (sizes[0], 1), (strides[0], 1), (pads[0], 0), mode, ignoreBorder);
                return Reshape(lines, DimensionOf(x, 0), DimensionOf(x, 1), DimensionOf(lines, 2),
                    DimensionOf(planes, 2), DimensionOf(planes, 3));
            default:
                throw new EngineException(
                    $"Pooling takes images (N, C, …) of one to three more axes, not '{x}' ({x.Type}).{Origin.Current}");
        }
    }

    /// <summary>Pools each whole plane: (N, C, …) becomes (N, C).</summary>
    /// <exception cref="EngineException">x has fewer than three axes.</exception>
    public static Variable GlobalPool(Variable x, PoolMode mode = PoolMode.Average)
    {
        ArgumentNullException.ThrowIfNull(x);
        Shape axes = x.Rank > 2 ? [.. Enumerable.Range(2, x.Rank - 2)]
            : throw new EngineException($"GlobalPool takes images (N, C, …), not '{x}' ({x.Type}).{Origin.Current}");
        return mode switch
        {
            PoolMode.Max or PoolMode.MaxToAll => Max(x, axes),
            PoolMode.Sum => Sum(x, axes),
            _ => Mean(x, axes),
        };
    }

    /// <summary>
    /// Pools images of known dimensions in a given number of windows along each axis. Windows overlap if they must:
    /// window i goes from ⌊i·dimension / n⌋ to ⌈(i + 1)·dimension / n⌉, as in PyTorch.
    /// </summary>
    /// <exception cref="EngineException">
    /// A dimension is unknown or has no elements, the number of dimensions is wrong, or there would be too many
    /// windows.
    /// </exception>
    public static Variable AdaptivePool(Variable x, IReadOnlyList<int> dimensions, PoolMode mode = PoolMode.Average)
    {
        int[] counts = ForEachAxis("adaptivePool", x, dimensions);
        CheckSize("adaptivePool", x, [.. x.Shape.Take(2), .. counts]);
        for (int axis = 2; axis < x.Rank; axis++)
        {
            int dimension = x.Shape[axis], windows = counts[axis - 2];
            if (dimension < 1 || windows < 1)
            {
                throw new EngineException(
                    $"AdaptivePool needs images of known dimensions, not '{x}' ({x.Type}), and windows, "
                    + $"not {windows}.{Origin.Current}");
            }

            x = Windows(x, axis, windows, mode);
        }

        return x;
    }

    /// <summary>Pools one axis of an adaptive pool, from windows that are all as long as the longest.</summary>
    private static Variable Windows(Variable x, int axis, int windows, PoolMode mode)
    {
        int dimension = x.Shape[axis], atMost = (dimension / windows) + 2;
        CheckSize("adaptivePool", x,
            [.. x.Shape.Take(axis), windows, Math.Min(atMost, dimension), .. x.Shape.Skip(axis + 1)]);
        int[] starts = [.. Enumerable.Range(0, windows).Select(i => (int)((long)i * dimension / windows))];
        int[] lengths =
            [.. starts.Select((start, i) => (int)(((((long)i + 1) * dimension) + windows - 1) / windows) - start)];
        int longest = lengths.Max();
        Variable part;
        if (dimension % windows == 0)
        {
            Dimension[] axes = [.. DimensionsOf(x)];
            part = Reshape(x, [.. axes[..axis], windows, longest, .. axes[(axis + 1)..]]);
        }
        else
        {
            int[] indices = [.. starts.SelectMany(
                (start, i) => Enumerable.Range(0, longest).Select(k => start + Math.Min(k, lengths[i] - 1)))];
            bool[] isInside = [.. lengths.SelectMany(length => Enumerable.Range(0, longest).Select(k => k < length))];
            part = Along(x, axis, Constant(Tensor.From(indices, windows, longest)));

            // A shorter window is filled with its last element, which gets no second gradient, or for a sum with zeros.
            Variable filling = mode is PoolMode.Max or PoolMode.MaxToAll ? DisconnectedGrad(part) : ZerosLike(part);
            part = Where(Behind(Tensor.From(isInside, windows, longest)), part, filling);
        }

        Shape elements = [axis + 1];
        return mode switch
        {
            PoolMode.Max or PoolMode.MaxToAll => Max(part, elements),
            PoolMode.Sum => Sum(part, elements),
            _ when dimension % windows == 0 => Mean(part, elements),
            _ => Sum(Cast(part, part.DType.Floating()), elements) / Behind(Tensor.From(lengths)),
        };

        // One number for each window, or for each of its elements, whatever the axes behind.
        Variable Behind(Tensor each) => DimShuffle(
            Constant(each),
            [.. Enumerable.Range(0, each.Shape.Rank), .. Enumerable.Repeat(NewAxis, x.Rank - axis - 1)]);
    }

    private static Variable Plane(
        Variable x, (int Height, int Width) size, (int, int) stride, (int Rows, int Columns) padding, PoolMode mode,
        bool ignoreBorder)
    {
        if (mode == PoolMode.MaxToAll)
        {
            return MaxToAll(x, size, stride, padding, ignoreBorder);
        }

        if (mode != PoolMode.Sum)
        {
            return mode == PoolMode.Max
                ? MaxPool2D(x, size, stride, padding, ignoreBorder)
                : AveragePool2D(
                    x, size, stride, padding, countPadding: mode == PoolMode.AverageWithPadding, ignoreBorder);
        }

        // If no window is cut off, the sum is the mean times the area. Otherwise zeros are added behind, until the last
        // window that begins before them is whole. The first of these windows are those that are asked for.
        Variable whole = ignoreBorder
            ? x
            : Pad(x, [(0, size.Height - 1 - padding.Rows), (0, size.Width - 1 - padding.Columns)]);
        Variable sums = AveragePool2D(whole, size, stride, padding, countPadding: true) * (size.Height * size.Width);
        return ignoreBorder ? sums : FirstLike(FirstLike(sums, 2), 3);

        Variable FirstLike(Variable sums, int axis)
        {
            Variable asked = AveragePool2D(x, size, stride, padding, ignoreBorder: false);
            int count = asked.Shape[axis];
            return count == Shape.Unknown ? Gather(sums, ARange(DimensionOf(asked, axis)), axis)
                : count == sums.Shape[axis] ? sums
                : Along(sums, axis, ..count);
        }
    }

    /// <summary>
    /// Returns a number for each axis of images (N, C, …) behind the second, from one for all or one for each.
    /// </summary>
    private static int[] ForEachAxis(string op, Variable x, IReadOnlyList<int> numbers)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(numbers);
        int rank = x.Rank - 2;
        return rank < 1
            ? throw new EngineException($"{op} takes images (N, C, …), not '{x}' ({x.Type}).{Origin.Current}")
            : numbers.Count == rank ? [.. numbers]
            : numbers.Count == 1 ? [.. Enumerable.Repeat(numbers[0], rank)]
            : throw new EngineException(
                $"{op} of '{x}' ({x.Type}) takes one number for all axes behind the second or {rank}, "
                + $"not {numbers.Count}.{Origin.Current}");
    }

    /// <summary>Checks the shape of a result before anything is made for each of its pixels.</summary>
    private static void CheckSize(string op, Variable x, Shape shape)
    {
        if (shape.Problem is { } problem)
        {
            throw new EngineException($"{op} of '{x}' ({x.Type}): {problem}.{Origin.Current}");
        }
    }

    /// <summary>Computes maxima whose gradient goes to every element that equals its window's maximum.</summary>
    private static Variable MaxToAll(
        Variable x, (int Height, int Width) size, (int Down, int Right) stride, (int Rows, int Columns) padding,
        bool ignoreBorder)
    {
        x = Cast(x, x.DType.Floating());
        if (!ignoreBorder && !x.Shape.Skip(2).All(dimension => dimension >= 0))
        {
            throw new EngineException(
                $"A pool whose gradient goes to all of equals and that keeps the border needs images of known "
                + $"dimensions, not '{x}' ({x.Type})."
                + Origin.Current);
        }

        var at = new Input(x.Type, "x");
        Variable pooled = MaxPool2D(at, size, stride, padding, ignoreBorder);
        return new OpFromGraph([at], [pooled], "maxPoolToAll", Gradient).Call(x);

        IReadOnlyList<Variable?> Gradient(
            IReadOnlyList<Variable> inputs, IReadOnlyList<Variable> outputs, IReadOnlyList<Variable> grads)
        {
            int bottom = Behind(2, size.Height, stride.Down, padding.Rows),
                right = Behind(3, size.Width, stride.Right, padding.Columns);
            Variable padded = Pad(
                inputs[0], [(0, 0), (0, 0), (padding.Rows, bottom), (padding.Columns, right)],
                value: double.NegativeInfinity);
            var patches = new Patches([size.Height, size.Width], [stride.Down, stride.Right], [0, 0], [0, 0], [1, 1]);
            Variable seen = new Unfold(patches).Call(padded);
            Variable back = new Fold(patches).Call(Where(Equal(seen, Window(outputs[0])), Window(grads[0]), 0), padded);
            return [back[.., .., padding.Rows..^bottom, padding.Columns..^right]];
        }

        // If the border is kept, the last windows reach this far behind the images.
        int Behind(int axis, int dimension, int step, int pad) => ignoreBorder
            ? pad
            : Math.Max(0, ((pooled.Shape[axis] - 1) * step) + dimension - x.Shape[axis] - pad);

        static Variable Window(Variable each) => DimShuffle(each, 1, NewAxis, 0, 2, 3);
    }
}
