using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Sorts the rows along the innermost axis, and returns, as int32, where in its row each element was. Equal elements
/// keep their order; NaN is greater than all numbers.
/// </summary>
/// <param name="IsDescending">Whether the largest are first.</param>
/// <param name="Max">The number of elements of each row to return; null for all.</param>
internal sealed record Sort(bool IsDescending, int? Max = null)
    : Op, ICpuOp, ICudaOp, ISampled, IForElements<CpuStep, Phase[]>
{
    private const int Grain = 512;

    public override string Name => Max is { } max
        ? $"top{{{max}{(IsDescending ? "" : ", smallest")}}}"
        : IsDescending ? "sort{descending}" : "sort";

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random, false);
        foreach (bool isDescending in (bool[])[false, true])
        {
            var op = new Sort(isDescending);
            yield return new Sample(op, new Arg([n, m], Distinct: true));
            yield return new Sample(op, new Arg([2, n, 1], Distinct: true));
            yield return new Sample(op, Arg.Int([n, m], -3, 3));
            yield return new Sample(op, Arg.Int([random.Next(200, 700)]));
            yield return new Sample(op, Arg.Int([257]));
            yield return new Sample(op, Arg.Int([27, 19]));
            yield return new Sample(op, Arg.Mask([3, 40]));
            yield return new Sample(op, new Arg([3, 40], DType.Bool, 0, 2));
            yield return new Sample(op, Arg.Int([2, 40], DType.Int64));
            yield return new Sample(op, new Arg([3, 0]));
            yield return new Sample(op with { Max = random.Next(m + 1) }, new Arg([n, m], Distinct: true));
            yield return new Sample(op with { Max = 5 }, new Arg([2, 300], Distinct: true));
            yield return new Sample(op with { Max = 7 }, Arg.Int([300], 0, 4));
        }

        yield return new Sample(new Sort(false), new Arg(Shape.Scalar)) { Error = "there is no axis to sort" };
        yield return new Sample(new Sort(false, 4), new Arg([3])) { Error = "there are no 4 of 3 elements" };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape shape = inputs[0].Shape;
        if (shape.Rank == 0)
        {
            throw new EngineException("there is no axis to sort");
        }

        if (Max is { } max && (max < 0 || (shape[-1] != Shape.Unknown && max > shape[-1])))
        {
            throw new EngineException($"there are no {max} of {shape[-1]} elements");
        }

        Shape sorted = shape.With(shape.Rank - 1, Max ?? shape[-1]);
        return [new TensorType(inputs[0].DType, sorted), new TensorType(DType.Int32, sorted)];
    }

    /// <summary>Moves the gradient of each element back to where it was.</summary>
    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [outputGrads[0] is { } g ? Symbolic.Scatter(Symbolic.ZerosLike(node.Inputs[0]), node.Outputs[1], g) : null];

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        inputs[0].Shape.Count * Passes(inputs[0].Shape[-1]);

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int dimension = inputs[0].Shape[-1], k = Max ?? dimension;
        for (int row = 0; row < inputs[0].Data.Length / Math.Max(dimension, 1); row++)
        {
            double[] x = inputs[0].Data[(row * dimension)..((row + 1) * dimension)];
            int[] order = [.. Enumerable.Range(0, dimension)];
            int[] sorted = IsDescending
                ? [.. order.OrderByDescending(IsNaN).ThenByDescending(Key)]
                : [.. order.OrderBy(IsNaN).ThenBy(Key)];
            for (int i = 0; i < k; i++)
            {
                outputs[0].Data[(row * k) + i] = x[sorted[i]];
                outputs[1].Data[(row * k) + i] = sorted[i];
            }

            // The two zeros are equal.
            double Key(int i) => double.IsNaN(x[i]) ? 0 : x[i] + 0.0;

            bool IsNaN(int i) => double.IsNaN(x[i]);
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0).Call(this, step);

    public long CpuWorkspace(CpuStepTypes step) => (long)step.Threads * step.Inputs[0].Shape[-1] * SortKeys.Bytes;

    public CudaLaunch[] Cuda(CudaStep step)
    {
        Shape shape = step.Shape(0);
        int dimension = shape[-1], count = checked((int)shape.Count), k = Max ?? dimension;
        if (count == 0 || k == 0)
        {
            return [];
        }

        var kernel = new CudaKernel(
            "sort.cu", "merge_runs", $"T {step.DType(0).Cuda()}", $"DESCENDING {(IsDescending ? 1 : 0)}");
        ulong bytes = (ulong)Aligned((long)count * step.DType(0).Size()),
            indices = (ulong)Aligned((long)count * sizeof(int));
        ulong[] buffers = [step.Workspace, step.Workspace + bytes + indices];
        var launches = new List<CudaLaunch>();
        ulong keys = step.In(0), at = 0;
        int passes = Math.Max(1, Passes(dimension));
        for (int pass = 0; pass < passes; pass++)
        {
            bool isLast = pass == passes - 1 && k == dimension;
            (ulong nextKeys, ulong nextAt) = isLast
                ? (step.Out(), step.Out(1))
                : (buffers[pass % 2], buffers[pass % 2] + bytes);
            launches.Add(CudaCopies.Spread(kernel, count, keys, at, nextKeys, nextAt, dimension, 1 << pass, count));
            (keys, at) = (nextKeys, nextAt);
        }

        if (k < dimension)
        {
            launches.Add(First(step.DType(0), keys, step.Out()));
            launches.Add(First(DType.Int32, at, step.Out(1)));
        }

        return [.. launches];

        CudaLaunch First(DType dtype, ulong from, ulong to)
        {
            long row = (long)dimension * dtype.Size(), part = (long)k * dtype.Size();
            return CudaCopies.Rows(dtype, from, row, to, part, count / dimension, part);
        }
    }

    public long CudaWorkspace(CudaStepTypes step)
    {
        OperandType x = step.Inputs[0];
        return 2 * (Aligned(x.Shape.Count * x.DType.Size()) + Aligned(x.Shape.Count * sizeof(int)));
    }

    /// <summary>Returns the number of passes that merge runs until one is left.</summary>
    private static int Passes(int dimension) => dimension <= 1 ? 0 : BitOperations.Log2((uint)dimension - 1) + 1;

    private static long Aligned(long bytes) => (bytes + 15) / 16 * 16;

    public unsafe Phase[] For<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* x = step.In<T>(0), y = step.Out<T>();
        int* indices = step.Out<int>(1);
        int dimension = step.Shape(0)[-1], k = step.OutShape()[-1];
        byte* workspace = step.Workspace;
        long rowBytes = (long)dimension * SortKeys.Bytes;
        int rows = k == 0 ? 0 : (int)(step.OutShape().Count / k);
        return
        [
            new Phase(rows, Math.Max(1, Grain / Math.Max(1, dimension)), (start, end, worker) =>
            {
                byte* memory = workspace + (worker * rowBytes);
                for (int row = start; row < end; row++)
                {
                    T* from = x + ((long)row * dimension);
                    var to = new Span<int>(indices + ((long)row * k), k);
                    SortKeys.Sort(new ReadOnlySpan<T>(from, dimension), IsDescending, memory, to);
                    T* values = y + ((long)row * k);
                    for (int i = 0; i < k; i++)
                    {
                        values[i] = from[to[i]];
                    }
                }
            }),
        ];
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Sorts x along an axis; a negative one counts from the innermost. Equal elements keep their order, and NaN is
    /// greater than all numbers. The gradient of each element goes back to where it was.
    /// </summary>
    /// <exception cref="EngineException">There is no such axis.</exception>
    public static Variable Sort(Variable x, int axis = -1, bool isDescending = false) =>
        Sorted(x, axis, new Sort(isDescending)).Values;

    /// <summary>Returns the indices in x, along an axis, of the elements of the sorted x, as int32.</summary>
    /// <inheritdoc cref="Sort"/>
    public static Variable ArgSort(Variable x, int axis = -1, bool isDescending = false) =>
        Sorted(x, axis, new Sort(isDescending)).Indices;

    /// <summary>
    /// Returns the largest, or smallest, elements along an axis, in order, and their indices, as int32.
    /// </summary>
    /// <param name="x">The variable to search.</param>
    /// <param name="count">The number of elements to return.</param>
    /// <param name="axis">The axis; a negative one counts from the innermost.</param>
    /// <param name="isSmallest">Whether to return the smallest.</param>
    /// <exception cref="EngineException">There is no such axis, or it has fewer elements.</exception>
    public static (Variable Values, Variable Indices) TopK(
        Variable x, int count, int axis = -1, bool isSmallest = false) =>
        Sorted(x, axis, new Sort(!isSmallest, count));

    private static (Variable Values, Variable Indices) Sorted(Variable x, int axis, Sort op)
    {
        axis = Axes(x, [axis])[0];
        IReadOnlyList<Result> sorted = op.Apply(axis == x.Rank - 1 ? x : MoveAxis(x, axis, -1)).Outputs;
        return axis == x.Rank - 1
            ? (sorted[0], sorted[1])
            : (MoveAxis(sorted[0], -1, axis), MoveAxis(sorted[1], -1, axis));
    }
}
