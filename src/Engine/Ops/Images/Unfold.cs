using System.Numerics;
using System.Runtime.InteropServices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes how filters lie over images of one to three axes, along each of them.</summary>
/// <param name="Size">The number of taps of a filter.</param>
/// <param name="Stride">The pixels from one position of the filter to the next.</param>
/// <param name="Before">The zeros before the image.</param>
/// <param name="Behind">The zeros behind the image.</param>
/// <param name="Dilation">The pixels from one tap of the filter to the next.</param>
internal readonly record struct Patches(Shape Size, Shape Stride, Shape Before, Shape Behind, Shape Dilation)
{
    public int Rank => Size.Rank;

    /// <summary>
    /// Gets whether filters are not dilated and the padding before the images equals that behind them.
    /// </summary>
    public bool IsPlain => Dilation.All(step => step == 1) && Before == Behind;

    /// <summary>Returns the dimensions of the result of convolving such images; unknown where theirs are.</summary>
    public Shape Over(Shape images)
    {
        Patches self = this;
        return [.. Enumerable.Range(0, Rank).Select(axis => self.Dimension(images, axis))];
    }

    /// <exception cref="EngineException">
    /// The filters do not fit into the images, or a stride, padding or dilation is not valid.
    /// </exception>
    public void Check(Shape images)
    {
        if (Rank is < 1 or > 3 || images.Rank != Rank + 2)
        {
            throw new EngineException(
                $"it takes images (N, C, …) of one to three more axes, and filters of as many, not {Size}");
        }

        foreach (int dimension in Size.Concat(Stride).Concat(Dilation))
        {
            if (dimension < 1)
            {
                throw new EngineException(
                    $"the filters {Size}, the stride {Stride} and the dilation {Dilation} must be positive");
            }
        }

        if (Before.Concat(Behind).Any(pad => pad < 0))
        {
            throw new EngineException($"the padding {Before} and {Behind} cannot be negative");
        }

        Window.RequireCountable([
            .. Size.Concat(Stride).Concat(Dilation).Concat(Before).Concat(Behind).Select(dimension => (dimension, 1))]);
    }

    /// <summary>Returns the position in the images, along an axis, of a tap for an element of the result.</summary>
    public int At(int axis, int result, int tap) => (result * Stride[axis]) + (tap * Dilation[axis]) - Before[axis];

    private int Dimension(Shape images, int axis)
    {
        int dimension = images[axis + 2];
        if (dimension == Shape.Unknown)
        {
            return dimension;
        }

        long last = (long)dimension + Before[axis] + Behind[axis] - ((Size[axis] - 1L) * Dilation[axis]) - 1;
        return last >= 0 ? checked((int)(last / Stride[axis]) + 1) : throw new EngineException(
            $"the images {images}, padded by {Before[axis]} and {Behind[axis]} along axis {axis + 2}, "
            + $"are smaller than filters of {Size[axis]} in steps of {Dilation[axis]}");
    }
}

/// <summary>
/// Extracts the patches of images (N, C, …) that filters see: (C, taps of a filter, N, …), so that any convolution is a
/// matrix product.
/// </summary>
internal sealed record Unfold(Patches Patches) : Op, ICpuOp, ICudaOp, ISampled
{
    public override string Name => $"unfold{Patches.Size}";

    public static IEnumerable<Sample> Samples(Random random) => Cases(random)
        .Select(each => new Sample(new Unfold(each.Patches), new Arg(each.Images)))
        .Concat(
        [
            new Sample(new Unfold(new Patches([3], [1], [0], [0], [2])), new Arg([1, 1, 4]))
            {
                Error = "are smaller than filters of 3 in steps of 2",
            },
            new Sample(new Unfold(new Patches([3], [0], [0], [0], [2])), new Arg([1, 1, 4]))
            {
                Error = "must be positive",
            },
            new Sample(new Unfold(new Patches([3], [1], [-1], [0], [2])), new Arg([1, 1, 4]))
            {
                Error = "cannot be negative",
            },
            new Sample(new Unfold(new Patches([3], [1], [0], [0], [2])), new Arg([1, 4]))
            {
                Error = "it takes images (N, C, …)",
            },
        ]);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape images = inputs[0].Shape;
        Patches.Check(images);
        return [new TensorType(
            inputs[0].DType, [images[1], Patches.Size.Product(0, Patches.Rank), images[0], .. Patches.Over(images)])];
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new Fold(Patches).Call(outputGrads[0]!, node.Inputs[0])];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        Array.Clear(outputs[0].Data);
        ForEach(Patches, inputs[0].Shape, (image, patch) => outputs[0].Data[patch] = inputs[0].Data[image]);
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0).Size() switch
    {
        1 => PatchCode.Unfold<byte>(step, Patches),
        4 => PatchCode.Unfold<int>(step, Patches),
        _ => PatchCode.Unfold<long>(step, Patches),
    };

    public CudaLaunch[] Cuda(CudaStep step) =>
        PatchCode.Launch(
            "unfold", step.DType(0).CudaBits(), step, Patches, step.Shape(0), step.OutShape(), step.OutShape());

    internal static IEnumerable<(Patches Patches, Shape Images)> Cases(Random random)
    {
        int n = random.Next(1, 4), c = random.Next(1, 4), h = random.Next(5, 9), w = random.Next(5, 40);
        yield return (new Patches([3], [1], [0], [0], [1]), [n, c, w]);
        yield return (new Patches([3], [2], [2], [1], [2]), [n, c, w]);
        yield return (new Patches([3, 2], [1, 1], [1, 0], [1, 1], [1, 1]), [n, c, h, w]);
        yield return (new Patches([2, 3], [2, 1], [0, 2], [3, 2], [2, 2]), [n, c, h, w]);
        yield return (new Patches([2, 3], [1, 3], [0, 0], [0, 0], [3, 1]), [n, c, h, w]);
        yield return (new Patches([2, 2, 3], [1, 2, 1], [1, 0, 1], [0, 0, 1], [1, 1, 2]), [n, c, 3, h, w]);
        yield return (new Patches([1], [1], [0], [0], [1]), [1, 1, 257]);
        yield return (new Patches([1], [1], [0], [0], [1]), [1, 1, 513]);
        yield return (new Patches([2], [1], [5], [5], [1]), [n, 0, 3]);
        yield return (new Patches([2, 1], [1, 1], [1, 0], [0, 0], [1, 1]), [0, c, 1, 3]);
    }

    /// <summary>
    /// Computes the reference: calls an action with the offsets of an element in the images and in the patches.
    /// </summary>
    internal static void ForEach(Patches patches, Shape images, Action<int, int> body)
    {
        Shape over = patches.Over(images);
        var image = new NdArray(images, []);
        int patch = 0;
        foreach (int[] index in NdArray.Indices([images[1], .. patches.Size, images[0], .. over]))
        {
            int[] at = [index[patches.Rank + 1], index[0], .. Enumerable.Range(0, patches.Rank)
                .Select(axis => patches.At(axis, index[patches.Rank + 2 + axis], index[1 + axis]))];
            if (at.Zip(images).All(pair => pair.First >= 0 && pair.First < pair.Second))
            {
                body(image.Offset(at), patch);
            }

            patch++;
        }
    }
}

/// <summary>
/// Sums all elements of patches that belong to the same element of the images, whose shape is that of the second input.
/// It adds back what <see cref="Unfold"/> extracts.
/// </summary>
internal sealed record Fold(Patches Patches) : Op, ICpuOp, ICudaOp, ISampled, IForElements<CpuStep, Phase[]>
{
    public override string Name => $"fold{Patches.Size}";

    public static IEnumerable<Sample> Samples(Random random) => Unfold.Cases(random)
        .Select(each => new Sample(
            new Fold(each.Patches),
            new Arg(new Unfold(each.Patches).Infer([new TensorType(DType.Float32, each.Images)])[0].Shape),
            new Arg(each.Images)))
        .Append(new Sample(new Fold(new Patches([3], [1], [0], [0], [1])), new Arg([1, 3, 1, 5]), new Arg([1, 1, 6]))
        {
            Error = "the patches have the shape (1, 3, 1, 4)",
        });

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape patches = new Unfold(Patches).Infer(inputs[1..])[0].Shape;
        return inputs[0].DType == DType.Bool ? throw new EngineException("truths are not added up: cast them")
            : patches.Admits(inputs[0].Shape)
            ? [new TensorType(inputs[0].DType, inputs[1].Shape)]
            : throw new EngineException($"the patches have the shape {patches}");
    }

    public override bool Reads(int input) => input == 0;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [new Unfold(Patches).Call(outputGrads[0]!), null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        var sums = new DoubleDoubles(outputs[0]);
        Unfold.ForEach(Patches, outputs[0].Shape, (image, patch) => sums.Add(image, inputs[0].Data[patch]));
        sums.Round();
    }

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) => step.DType(0).Call(this, step);

    Phase[] IForElements<CpuStep, Phase[]>.For<T>(CpuStep step) => PatchCode.Fold<T>(step, Patches);

    public CudaLaunch[] Cuda(CudaStep step) =>
        PatchCode.Launch("fold", step.DType(0).Cuda(), step, Patches, step.OutShape(), step.Shape(0), step.OutShape());
}

/// <summary>Runs <see cref="Unfold"/> and <see cref="Fold"/> over three axes, whatever the rank: unfold.cu.</summary>
internal static unsafe class PatchCode
{
    private const int Grain = 8192;

    /// <summary>
    /// Extracts patches. A unit of work is a row of the patches: a channel, a tap, an image and all axes except the
    /// last.
    /// </summary>
    public static Phase[] Unfold<T>(CpuStep step, Patches patches) where T : unmanaged
    {
        T* x = step.In<T>(0), y = step.Out<T>();
        var s = PatchShape.Of(patches, step.Shape(0));
        int rows = checked((int)(step.OutShape().Count / Math.Max(s.Over2, 1)));
        return
        [
            new Phase(s.Over2 == 0 ? 0 : rows, Math.Max(1, Grain / s.Over2), (start, end, _) =>
            {
                for (int row = start; row < end; row++)
                {
                    T* to = y + ((long)row * s.Over2), from = x + Row(s, row, out int first, out bool isInside);
                    (int left, int right) = isInside ? Inside(s, first) : (0, 0);
                    new Span<T>(to, left).Clear();
                    if (s.Stride2 == 1)
                    {
                        new ReadOnlySpan<T>(from + first + left, right - left).CopyTo(
                            new Span<T>(to + left, right - left));
                    }
                    else
                    {
                        for (int i = left; i < right; i++)
                        {
                            to[i] = from[first + ((long)i * s.Stride2)];
                        }
                    }

                    new Span<T>(to + right, s.Over2 - right).Clear();
                }
            }),
        ];
    }

    /// <summary>Adds patches in order. A unit of work is a plane of an image.</summary>
    public static Phase[] Fold<T>(CpuStep step, Patches patches) where T : unmanaged, INumber<T>
    {
        T* g = step.In<T>(0), y = step.Out<T>();
        var s = PatchShape.Of(patches, step.OutShape());
        int plane = s.Dimension0 * s.Dimension1 * s.Dimension2, taps = s.Size0 * s.Size1 * s.Size2,
            lines = s.Over0 * s.Over1;
        return
        [
            new Phase(s.Images * s.Channels, Math.Max(1, Grain / Math.Max(1, plane * taps)), (start, end, _) =>
            {
                for (int unit = start; unit < end; unit++)
                {
                    (int image, int channel) = Math.DivRem(unit, s.Channels);
                    new Span<T>(y + ((long)unit * plane), plane).Clear();
                    for (int tap = 0; tap < taps; tap++)
                    {
                        int firstRow = ((((channel * taps) + tap) * s.Images) + image) * lines;
                        for (int row = firstRow; row < firstRow + lines; row++)
                        {
                            T* to = y + Row(s, row, out int first, out bool isInside), from = g + ((long)row * s.Over2);
                            (int left, int right) = isInside ? Inside(s, first) : (0, 0);
                            for (int i = left; i < right; i++)
                            {
                                to[first + ((long)i * s.Stride2)] += from[i];
                            }
                        }
                    }
                }
            }),
        ];
    }

    public static CudaLaunch[] Launch(
        string entry, string type, CudaStep step, Patches patches, Shape images, Shape columns, Shape written)
    {
        int count = checked((int)written.Count);
        _ = checked((int)columns.Count);
        var kernel = new CudaKernel("unfold.cu", entry, $"T {type}");
        return [CudaCopies.Spread(
            kernel, count, step.In(0), step.Out(), CudaArgument.Of(PatchShape.Of(patches, images)), count)];
    }

    /// <summary>
    /// Returns the offset of the images' row that a row of the patches reads, and the column of its first element.
    /// </summary>
    private static long Row(in PatchShape s, int row, out int first, out bool isInside)
    {
        (row, int over1) = Math.DivRem(row, s.Over1);
        (row, int over0) = Math.DivRem(row, s.Over0);
        (row, int image) = Math.DivRem(row, s.Images);
        (row, int size2) = Math.DivRem(row, s.Size2);
        (row, int size1) = Math.DivRem(row, s.Size1);
        (int channel, int size0) = Math.DivRem(row, s.Size0);
        int at0 = (over0 * s.Stride0) + (size0 * s.Dilation0) - s.Pad0,
            at1 = (over1 * s.Stride1) + (size1 * s.Dilation1) - s.Pad1;
        first = (size2 * s.Dilation2) - s.Pad2;
        isInside = (uint)at0 < (uint)s.Dimension0 && (uint)at1 < (uint)s.Dimension1;
        return ((((((long)image * s.Channels) + channel) * s.Dimension0) + at0) * s.Dimension1 + at1) * s.Dimension2;
    }

    /// <summary>Returns the range of i for which first + i·stride lies in the image.</summary>
    internal static (int Left, int Right) Inside(in PatchShape s, int first)
    {
        int left = Math.Min(first >= 0 ? 0 : (-first + s.Stride2 - 1) / s.Stride2, s.Over2);
        return (left,
            first >= s.Dimension2 ? left : Math.Clamp(((s.Dimension2 - 1 - first) / s.Stride2) + 1, left, s.Over2));
    }
}

/// <summary>
/// Describes images and filters, padded with outer axes of size 1 to three. <c>struct PatchShape</c> of unfold.cu is
/// the same.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PatchShape(
    int Images, int Channels, int Dimension0, int Dimension1, int Dimension2, int Over0, int Over1, int Over2,
    int Size0, int Size1, int Size2,
    int Stride0, int Stride1, int Stride2, int Pad0, int Pad1, int Pad2, int Dilation0, int Dilation1, int Dilation2)
{
    public static PatchShape Of(Patches patches, Shape images)
    {
        int[] dimension = Three([.. images.Skip(2)], 1), over = Three(patches.Over(images), 1),
            size = Three(patches.Size, 1);
        int[] stride = Three(patches.Stride, 1), pad = Three(patches.Before, 0), dilation = Three(patches.Dilation, 1);
        return new PatchShape(
            images[0], images[1], dimension[0], dimension[1], dimension[2], over[0], over[1], over[2], size[0], size[1],
            size[2],
            stride[0], stride[1], stride[2], pad[0], pad[1], pad[2], dilation[0], dilation[1], dilation[2]);

        static int[] Three(Shape dimensions, int missing) =>
            [.. Enumerable.Repeat(missing, 3 - dimensions.Rank), .. dimensions];
    }
}
