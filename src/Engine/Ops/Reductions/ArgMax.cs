using System.Numerics;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Returns the index of the largest element along an axis.</summary>
internal sealed record ArgMax(int Axis) : Op, ICpuOp, ICudaOp, ISampled, IForElements<CpuStep, Phase[]>
{
    private const int Grain = 8192;

    public override string Name => $"argMax{{{Axis}}}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random, false), k = Arg.Dimension(random);
        yield return new Sample(new ArgMax(1), new Arg([n, m]));
        yield return new Sample(new ArgMax(1), new Arg([n, m, k]));
        yield return new Sample(new ArgMax(0), new Arg([m]));
        yield return new Sample(new ArgMax(1), Arg.Int([n, m, k], 0, 3));
        yield return new Sample(new ArgMax(1), Arg.Mask([n, m]));
        yield return new Sample(new ArgMax(1), new Arg([n, m], DType.Bool, 0, 2));
        yield return new Sample(new ArgMax(0), Arg.Int([m, k], DType.Int64));
        yield return new Sample(new ArgMax(0), new Arg([2, 257]));
        yield return new Sample(new ArgMax(1), new Arg([513, 2]));
        yield return new Sample(new ArgMax(1), new Arg([3, random.Next(16, 99)]));
        yield return new Sample(new ArgMax(0), new Arg([7, random.Next(100, 2000)]));
        yield return new Sample(new ArgMax(1), new Arg([2, 5, random.Next(30, 99)], DType.Float64));
        yield return new Sample(new ArgMax(2), new Arg([2, 3])) { Error = "there is no axis 2" };
        yield return new Sample(new ArgMax(0), new Arg([0, 3])) { Error = "axis 0 has no elements" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape shape = inputs[0].Shape;
        if (Axis < 0 || Axis >= shape.Rank)
        {
            throw new EngineException($"there is no axis {Axis}");
        }

        return shape[Axis] != 0
            ? [new TensorType(DType.Int32, [.. shape.Where((_, axis) => axis != Axis)])]
            : throw new EngineException($"axis {Axis} has no elements, and there is no largest of none");
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) => [null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        inputs[0].Shape.Count;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach (int[] index in NdArray.Indices(outputs[0].Shape))
        {
            int[] at = [.. index[..Axis], 0, .. index[Axis..]];
            int best = 0;
            double max = inputs[0][at];
            for (int i = 1; i < inputs[0].Shape[Axis]; i++)
            {
                at[Axis] = i;
                if (IsGreater(inputs[0][at], max))
                {
                    (best, max) = (i, inputs[0][at]);
                }
            }

            outputs[0][index] = best;
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0).Call(this, step);

    Phase[] IForElements<CpuStep, Phase[]>.For<T>(CpuStep step) =>
        step.DType(0).IsFloat() ? Vectors<T>(step) : Loop<T>(step);

    public CudaLaunch[] Cuda(CudaStep step)
    {
        const int Threads = 256;
        Shape shape = step.Shape(0);
        int count = checked((int)step.OutShape().Count);
        var kernel = new CudaKernel("argmax.cu", "argmax", $"T {step.DType(0).Cuda()}");
        return
        [
            kernel.Launch(
                CudaTypes.Blocks(count, Threads), Threads,
                step.In(0), step.Out(), shape[Axis], shape.Product(Axis + 1, shape.Rank), count),
        ];
    }

    private Phase[] Vectors<T>(CpuStep step) where T : unmanaged, INumber<T> =>
        Vector512.IsHardwareAccelerated ? Vectors<Simd512<T>, Vector512<T>, T>(step)
        : Vector256.IsHardwareAccelerated ? Vectors<Simd256<T>, Vector256<T>, T>(step)
        : Vectors<Simd128<T>, Vector128<T>, T>(step);

    private unsafe Phase[] Vectors<S, V, T>(CpuStep step)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
    {
        T* x = step.In<T>(0);
        int* y = step.Out<int>();
        Shape shape = step.Shape(0);
        int dimension = shape[Axis], stride = shape.Product(Axis + 1, shape.Rank),
            grain = Math.Max(1, Grain / dimension);
        if (stride == 1)
        {
            return
            [
                new Phase(checked((int)step.OutShape().Count), grain, (start, end, _) =>
                {
                    for (int i = start; i < end; i++)
                    {
                        y[i] = ArgMaxRows<S, V, T>.OfRow(x + ((long)i * dimension), dimension);
                    }
                }),
            ];
        }

        // Pieces of columns, small enough that there is work for all threads.
        int columns = Math.Clamp(stride / 8, S.Count, ArgMaxRows<S, V, T>.MaxColumns) / S.Count * S.Count;
        int pieces = (stride + columns - 1) / columns;
        return
        [
            new Phase(shape.Product(0, Axis) * pieces, Math.Max(1, grain / columns), (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    (int outer, int piece) = Math.DivRem(i, pieces);
                    int first = piece * columns, count = Math.Min(columns, stride - first);
                    long from = ((long)outer * dimension * stride) + first, to = ((long)outer * stride) + first;
                    ArgMaxRows<S, V, T>.OfColumns(x + from, dimension, stride, count, y + to);
                }
            }),
        ];
    }

    private unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* x = step.In<T>(0);
        int* y = step.Out<int>();
        Shape shape = step.Shape(0);
        int dimension = shape[Axis], stride = shape.Product(Axis + 1, shape.Rank);
        return
        [
            new Phase(checked((int)step.OutShape().Count), Math.Max(1, Grain / dimension), (start, end, _) =>
            {
                for (int i = start; i < end; i++)
                {
                    (int outer, int inner) = Math.DivRem(i, stride);
                    T* from = x + ((long)outer * dimension * stride) + inner;
                    int best = 0;
                    T max = from[0];
                    for (int j = 1; j < dimension; j++)
                    {
                        T value = from[(long)j * stride];
                        if (IsGreater(value, max))
                        {
                            (best, max) = (j, value);
                        }
                    }

                    y[i] = best;
                }
            }),
        ];
    }

    private static bool IsGreater<T>(T value, T max) where T : INumber<T> =>
        value > max || (T.IsNaN(value) && !T.IsNaN(max));
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the index of the largest element along an axis, which is removed, as int32. If several are equal, the
    /// first counts. NaN is greater than all numbers.
    /// </summary>
    /// <param name="x">The variable to search.</param>
    /// <param name="axis">The axis; a negative one counts from the innermost.</param>
    /// <exception cref="EngineException">There is no such axis, or it has no elements.</exception>
    public static Variable ArgMax(Variable x, int axis)
    {
        Shape chosen = Axes(x, [axis]);
        return new ArgMax(chosen[0]).Call(x);
    }
}
