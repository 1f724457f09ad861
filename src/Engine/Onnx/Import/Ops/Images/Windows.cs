using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>
/// Represents windows over images in ONNX's terms: size, stride, dilation, and the padding before and after the images
/// along each axis.
/// </summary>
internal sealed record Windows(int[] Size, int[] Stride, int[] Dilation, int[] Before, int[] Behind)
{
    /// <summary>Windows with more pixels than this are not expanded pixel by pixel.</summary>
    private const int MaxTaps = 2048;

    public int Rank => Size.Length;

    /// <summary>Gets whether both ends of each axis have the same padding and windows have no gaps.</summary>
    public bool IsPlain => Before.SequenceEqual(Behind) && Dilation.All(step => step == 1);

    /// <summary>Returns the windows of a node's attributes, over images of these dimensions.</summary>
    /// <exception cref="EngineException">
    /// They do not fit, or it is a pool with auto_pad SAME_… whose windows have gaps or are smaller than the stride:
    /// here ONNX's text and ONNX Runtime differ.
    /// </exception>
    public static Windows Of(OnnxNode node, Variable x, int[] size, bool isPool = false)
    {
        int rank = x.Rank - 2;
        int[] Each(string name, int otherwise)
        {
            int[] given = node.Ints(name) is { Length: > 0 } some ? some : [.. Enumerable.Repeat(otherwise, rank)];
            return given.Length == rank
                ? given
                : throw new EngineException($"its {name} are {given.Length} for {rank} axes");
        }

        int[] stride = Each("strides", 1), dilation = Each("dilations", 1);
        int[] pads = node.Ints("pads") is { Length: > 0 } given ? given : new int[2 * rank];
        if (size.Length != rank || pads.Length != 2 * rank
            || stride.Concat(dilation).Concat(size).Any(number => number < 1)
            || pads.Any(pad => pad < 0))
        {
            throw new EngineException($"its windows ({string.Join(", ", size)}), steps and pads do not fit {x.Type}");
        }

        string auto = node.Text("auto_pad", "NOTSET");
        switch (auto)
        {
            case "NOTSET" or "":
                return new Windows(size, stride, dilation, pads[..rank], pads[rank..]);
            case "VALID":
                return new Windows(size, stride, dilation, new int[rank], new int[rank]);
            case "SAME_UPPER" or "SAME_LOWER":
                int[] more = new int[rank];
                for (int axis = 0; axis < rank; axis++)
                {
                    int dilated = ((size[axis] - 1) * dilation[axis]) + 1;
                    int dimension = stride[axis] == 1
                        ? 1
                        : x.Shape[axis + 2] != Shape.Unknown ? x.Shape[axis + 2] : OnnxNode.Dimensions(x, 2)[axis];
                    int needed =
                        ((((dimension + stride[axis] - 1) / stride[axis]) - 1) * stride[axis]) + dilated - dimension;
                    more[axis] = !isPool || (needed >= 0 && dilation[axis] == 1) ? Math.Max(0, needed)
                        : throw new EngineException(
                            $"its auto_pad {auto} goes with windows that have gaps, or are smaller than its steps");
                }

                int[] less = [.. more.Select(all => all / 2)], rest = [.. more.Select(all => all - (all / 2))];
                return auto == "SAME_UPPER"
                    ? new Windows(size, stride, dilation, less, rest)
                    : new Windows(size, stride, dilation, rest, less);
            default:
                throw new EngineException($"there is no auto_pad '{auto}'");
        }
    }

    /// <summary>Returns the number of windows along an axis.</summary>
    public int Count(int axis, int dimension, bool roundsUp)
    {
        int free = dimension + Before[axis] + Behind[axis] - DilatedSize(axis);
        int count = ((roundsUp ? free + Stride[axis] - 1 : free) / Stride[axis]) + 1;

        // A last window that would begin in the padding after the images does not count.
        return roundsUp && (count - 1) * Stride[axis] >= dimension + Before[axis] ? count - 1 : count;
    }

    /// <summary>Returns a window's size with its dilation.</summary>
    public int DilatedSize(int axis) => ((Size[axis] - 1) * Dilation[axis]) + 1;

    /// <summary>
    /// Returns, for each tap of a window, the pixels of all windows at that tap. Images must be padded.
    /// </summary>
    public IEnumerable<Variable> Taps(Variable padded, int[] counts)
    {
        if (Size.Aggregate(1.0, (product, dimension) => product * dimension) > MaxTaps)
        {
            throw new EngineException(
                $"its windows ({string.Join(", ", Size)}) have more than {MaxTaps} taps, each of which is an op");
        }

        foreach (int[] tap in NdArray.Indices([.. Size]))
        {
            AxisIndex[] index = [(AxisIndex)(..), (AxisIndex)(..), .. Enumerable.Range(0, Rank).Select(axis =>
            {
                int start = tap[axis] * Dilation[axis];
                return (AxisIndex)(start..(start + ((counts[axis] - 1) * Stride[axis]) + 1), Stride[axis]);
            })];
            yield return padded[index];
        }
    }

    /// <summary>Returns the padding of the images that completes all windows.</summary>
    public (int Before, int Behind)[] Widths(int[] dimensions, int[] counts) =>
    [
        (0, 0), (0, 0),
        .. Enumerable.Range(0, Rank).Select(axis => (
            Before[axis],
            Math.Max(0, ((counts[axis] - 1) * Stride[axis]) + DilatedSize(axis) - dimensions[axis] - Before[axis]))),
    ];
}
