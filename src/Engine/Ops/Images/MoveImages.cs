using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Mirrors each image, (N, C, H, W), left to right if the fourth input is not 0, then moves it down and to the right by
/// the pixels of the second and the third. Zeros fill the rest. Those three inputs are int32, with one number for each
/// image.
/// </summary>
internal sealed record MoveImages : Op, ICpuOp, ICudaOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), c = random.Next(1, 4), h = random.Next(1, 9), w = Arg.Dimension(random);
        Arg mirror = Arg.Int([n], 0, 2);
        yield return Example([n, c, h, w], -2, 3);
        yield return Example([n, c, h, w], -40, 40);
        yield return Example([3, 2, 5, 33], -3, 4);
        yield return Example([1, 1, 1, 257], -3, 4);
        yield return Example([1, 3, 19, 9], -3, 4);
        yield return new Sample(
            new MoveImages(), new Arg([2, 1, 3, 4]), Ends(int.MinValue, int.MaxValue), Ends(int.MaxValue, int.MinValue),
            Arg.Int([2], 0, 2));
        yield return Misuse(new Arg([n, h, w]), mirror, "it takes images (N, C, H, W) of float32 or float64");
        yield return Misuse(Arg.Mask([n, c, h, w]), mirror, "it takes images (N, C, H, W) of float32 or float64");
        yield return Misuse(new Arg([n, c, h, w]), new Arg([n]), "how they are moved must be int32, a number an image");
        yield return Misuse(
            new Arg([n, c, h, w]), Arg.Int([n + 1], 0, 2), "how they are moved must be int32, a number an image");

        static Sample Example(Shape shape, int low, int high)
        {
            var moves = Arg.Int([shape[0]], low, high);
            return new Sample(new MoveImages(), new Arg(shape), moves, moves, Arg.Int([shape[0]], 0, 2));
        }

        static Sample Misuse(Arg images, Arg moves, string error) =>
            new(new MoveImages(), images, moves, moves, moves) { Error = error };

        static Arg Ends(int first, int second) => new([2], DType.Int32, Values: [first, second]);
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType images = inputs[0];
        if (images.Rank != 4 || !images.DType.IsFloat())
        {
            throw new EngineException("it takes images (N, C, H, W) of float32 or float64");
        }

        Shape each = [images.Shape[0]];
        foreach (TensorType moves in inputs[1..])
        {
            if (moves.DType != DType.Int32 || !each.Admits(moves.Shape))
            {
                throw new EngineException("how they are moved must be int32, a number an image");
            }
        }

        return [images];
    }

    /// <summary>
    /// Moves the gradient back. A mirrored image is mirrored before it is moved, which reverses the direction to the
    /// right again.
    /// </summary>
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable down, Variable right, Variable mirror) = (node.Inputs[1], node.Inputs[2], node.Inputs[3]);
        return
        [
            new MoveImages().Call(outputGrads[0]!, -down, Symbolic.Where(mirror, right, -right), mirror),
            null, null, null,
        ];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray images, NdArray down, NdArray right, NdArray mirror) = (inputs[0], inputs[1], inputs[2], inputs[3]);
        (int height, int width) = (images.Shape[2], images.Shape[3]);
        foreach (int[] to in NdArray.Indices(images.Shape))
        {
            int image = to[0];
            double row = to[2] - down.Data[image], column = to[3] - right.Data[image];
            column = mirror.Data[image] != 0 ? width - 1 - column : column;
            bool isInside = row >= 0 && row < height && column >= 0 && column < width;
            outputs[0][to] = isInside ? images[[image, to[1], (int)row, (int)column]] : 0;
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0) == DType.Float32 ? Loop<float>(step) : Loop<double>(step);

    public CudaLaunch[] Cuda(CudaStep step)
    {
        Shape shape = step.OutShape();
        int elements = checked((int)shape.Count);
        var kernel = new CudaKernel("move_images.cu", "move_images", $"T {step.DType(0).CudaBits()}");
        return
        [
            CudaCopies.Spread(
                kernel, elements, step.In(0), step.In(1), step.In(2), step.In(3), step.Out(), shape[1], shape[2],
                shape[3],
                elements),
        ];
    }

    private static unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged
    {
        T* images = step.In<T>(0), moved = step.Out<T>();
        int* downs = step.In<int>(1), rights = step.In<int>(2), mirrors = step.In<int>(3);
        (int channels, int height, int width) = (step.OutShape()[1], step.OutShape()[2], step.OutShape()[3]);
        int rows = checked((int)(step.OutShape().Count / Math.Max(width, 1)));
        return
        [
            new Phase(rows, Copies.Grain(width * sizeof(T)), (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    (int plane, int row) = Math.DivRem(i, height);
                    int image = plane / channels;
                    var to = new Span<T>(moved + ((long)i * width), width);
                    to.Clear();
                    long from = (long)row - downs[image];
                    if (from < 0 || from >= height)
                    {
                        continue;
                    }

                    var line = new ReadOnlySpan<T>(images + ((((long)plane * height) + from) * width), width);
                    int right = Math.Clamp(rights[image], -width, width), at = Math.Max(right, 0);
                    Span<T> kept = to.Slice(at, width - Math.Abs(right));
                    line.Slice(mirrors[image] == 0 ? at - right : at, kept.Length).CopyTo(kept);
                    if (mirrors[image] != 0)
                    {
                        kept.Reverse();
                    }
                }
            }),
        ];
    }
}

public static partial class Symbolic
{
    /// <summary>Mirrors each image left to right or not, then moves it by whole pixels. Zeros fill the rest.</summary>
    /// <param name="images">Images, (n, channels, height, width).</param>
    /// <param name="down">The pixels that each image moves down, int32 (n); up if negative.</param>
    /// <param name="right">The pixels that each image moves to the right, int32 (n); to the left if negative.</param>
    /// <param name="mirror">Whether each image is mirrored first, int32 (n): yes if not 0.</param>
    /// <exception cref="EngineException">
    /// The images have the wrong rank or dtype, or the numbers are not one for each image.
    /// </exception>
    public static Variable MoveImages(Variable images, Variable down, Variable right, Variable mirror)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(down);
        ArgumentNullException.ThrowIfNull(right);
        ArgumentNullException.ThrowIfNull(mirror);
        return new MoveImages().Call(images, down, right, mirror);
    }
}
