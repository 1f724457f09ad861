using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Describes the windows of a pooling op and of its gradient.</summary>
internal readonly record struct Window(
    (int Height, int Width) Size, (int Height, int Width) Stride, (int Height, int Width) Padding, bool IgnoreBorder)
{
    /// <summary>Returns the type of the pooled images, with the images' dtype.</summary>
    public TensorType Infer(TensorType images)
    {
        if (Size.Height < 1 || Size.Width < 1 || Stride.Height < 1 || Stride.Width < 1)
        {
            throw new EngineException($"the size {Size} and the stride {Stride} must be positive");
        }

        if (Padding.Height < 0 || Padding.Width < 0 || Padding.Height >= Size.Height || Padding.Width >= Size.Width)
        {
            throw new EngineException($"the padding {Padding} must be less than the size {Size}");
        }

        RequireCountable(Size, Stride, Padding);
        Shape shape = images.Shape;
        if (shape.Rank != 4 || !images.DType.IsFloat())
        {
            throw new EngineException("it takes images (N, C, H, W) of float32 or float64");
        }

        PoolShape pool = Of([0, 0, Math.Max(shape[2], 0), Math.Max(shape[3], 0)]);
        bool knowsHeight = shape[2] != Shape.Unknown, knowsWidth = shape[3] != Shape.Unknown;
        if ((knowsHeight && pool.OH <= 0) || (knowsWidth && pool.OW <= 0))
        {
            (string height, string width) = (Dimension(shape[2]), Dimension(shape[3]));
            string padded = Padding == (0, 0) ? "" : $", padded by {Padding},";
            throw new EngineException($"images of {height} by {width}{padded} are smaller than the pool {Size}");
        }

        return images with
        {
            Shape = [shape[0], shape[1], knowsHeight ? pool.OH : Shape.Unknown, knowsWidth ? pool.OW : Shape.Unknown],
        };
    }

    /// <summary>
    /// Refuses dimensions so long that an index into a padded image, or the number of pixels of a window, might exceed
    /// 32 bits.
    /// </summary>
    public static void RequireCountable(params ReadOnlySpan<(int Height, int Width)> dimensions)
    {
        const int Max = 1 << 25;
        foreach ((int height, int width) in dimensions)
        {
            if (height > Max || width > Max || (long)height * width > Shape.MaxElements)
            {
                throw new EngineException(FormattableString.Invariant($"({height}, {width}) is too large: ")
                    + FormattableString.Invariant($"windows, strides and padding go up to {Max:N0} pixels a side, ")
                    + FormattableString.Invariant($"and {Shape.MaxElements:N0} in all"));
            }
        }
    }

    private static string Dimension(int dimension) => dimension == Shape.Unknown ? "?" : dimension.ToString();

    public PoolShape Of(Shape images) => new(
        images.Product(0, 2), images[2], images[3],
        Size.Height, Size.Width, Stride.Height, Stride.Width, Padding.Height, Padding.Width, IgnoreBorder);

    /// <summary>Returns the bytes of scratch memory that the CPU's threads need to pool such images.</summary>
    public long CpuWorkspace(CpuStepTypes step, Shape images) => step.Outputs[0].DType == DType.Float32
        ? Pooling.WorkspaceBytes<float>(Of(images), step.Threads)
        : Pooling.WorkspaceBytes<double>(Of(images), step.Threads);

    /// <summary>Returns windows, with the shapes of images, that reach every branch.</summary>
    public static IEnumerable<(Window Window, Shape Images)> Cases(Random random)
    {
        int n = random.Next(1, 4), c = random.Next(1, 4), h = random.Next(4, 12), w = random.Next(4, 12);
        yield return (new Window((2, 2), (2, 2), (0, 0), true), [n, c, h, w]);
        yield return (new Window((2, 2), (2, 2), (0, 0), false), [n, c, h, w]);
        yield return (new Window((2, 2), (2, 2), (0, 0), true), [2, 1, 8, 33]);
        yield return (new Window((3, 2), (1, 2), (0, 0), true), [n, c, h, w]);
        yield return (new Window((3, 3), (2, 2), (1, 1), true), [n, c, h, w]);
        yield return (new Window((3, 3), (2, 1), (1, 2), false), [n, c, h, w]);
        yield return (new Window((2, 2), (3, 3), (0, 0), true), [n, c, h, w]);
        yield return (new Window((h, w), (h, w), (0, 0), true), [n, c, h, w]);
        yield return (new Window((3, 5), (2, 4), (1, 1), false), [n, c, h, 2 * w]);
        yield return (new Window((2, 3), (3, 4), (0, 0), false), [n, c, h, w]);
        yield return (new Window((2, 2), (2, 3), (1, 1), false), [n, c, 5, 5]);
        yield return (new Window((1, 1), (1, 1), (0, 0), true), [n, c, h, w]);
        yield return (new Window((2, 2), (2, 2), (0, 0), true), [0, c, h, w]);
        yield return (new Window((1, 1), (1, 1), (0, 0), true), [1, 1, 1, 257]);
        yield return (new Window((1, 1), (1, 1), (0, 0), true), [1, 3, 19, 9]);
    }

    public static IEnumerable<Sample> Misuses(Func<Window, Op> op)
    {
        yield return Misuse(
            [1, 1, 1, 7], (2, 3), (2, 3), (0, 0), "images of 1 by 7 are smaller than the pool (2, 3)");
        yield return Misuse(
            [1, 1, 1, 7], (4, 4), (2, 2), (1, 0), "of 1 by 7, padded by (1, 0), are smaller than the pool (4, 4)");
        yield return Misuse(
            [1, 1, 5, 5], (2, 2), (2, 2), (2, 0), "the padding (2, 0) must be less than the size (2, 2)");
        yield return Misuse([1, 1, 5, 5], (2, 2), (0, 1), (0, 0), "the stride (0, 1) must be positive");
        yield return Misuse([1, 5, 5], (2, 2), (2, 2), (0, 0), "it takes images (N, C, H, W)");

        Sample Misuse(Shape images, (int, int) size, (int, int) stride, (int, int) padding, string error) =>
            new(op(new Window(size, stride, padding, true)), new Arg(images)) { Error = error };
    }

    /// <summary>
    /// Defines the windows: calls an action for each element of the pooled images. The action gets the element's
    /// offset, the offsets of its window's elements in the images, and the size of the window in the image and its
    /// padding.
    /// </summary>
    public void ForEach(Shape images, Shape pooled, Action<int, IReadOnlyList<int>, int> body)
    {
        int at = 0;
        foreach (int[] index in NdArray.Indices(pooled))
        {
            int plane = ((index[0] * images[1]) + index[1]) * images[2] * images[3];
            var inside = new List<int>();
            int counted = 0;
            foreach (int[] tap in NdArray.Indices([Size.Height, Size.Width]))
            {
                int row = (index[2] * Stride.Height) - Padding.Height + tap[0];
                int column = (index[3] * Stride.Width) - Padding.Width + tap[1];
                if (row < images[2] + Padding.Height && column < images[3] + Padding.Width)
                {
                    counted++;
                }

                if (row >= 0 && row < images[2] && column >= 0 && column < images[3])
                {
                    inside.Add(plane + (row * images[3]) + column);
                }
            }

            body(at++, inside, counted);
        }
    }
}
