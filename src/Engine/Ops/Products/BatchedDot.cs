using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Multiplies the matrices of two stacks in pairs, each matrix transposed first if requested. A stack of one is
/// multiplied by all of the other.
/// </summary>
internal sealed record BatchedDot(bool TransposeA, bool TransposeB) : Op, IProduct, ICpuOp, ICudaOp, ISampled
{
    /// <summary>
    /// From this number of products on, a thread computes one at a time; with fewer, the threads share each product.
    /// </summary>
    private const int Many = 8;

    /// <summary>The rows of a product that a thread takes, if there are more.</summary>
    private const int Rows = 96, MaxRows = 4 * Rows;

    private const long Worthwhile = 250_000;

    public override string Name => $"batched{new Dot(TransposeA, TransposeB).Name}";

    public static IEnumerable<Sample> Samples(Random random)
    {
        bool[] both = [false, true];
        foreach ((bool a, bool b) in both.SelectMany(a => both.Select(b => (a, b))))
        {
            int batch = Arg.Dimension(random), m = Arg.Dimension(random), n = Arg.Dimension(random),
                k = Arg.Dimension(random);
            yield return Of(batch, batch, m, n, k, a, b);
            yield return Of(9, 9, 5, 7, 0, a, b);
            yield return Of(3, 3, 70, 33, 40, a, b);
            yield return Of(10, 1, 4, 5, 6, a, b);
            yield return Of(1, 9, 100, 5, 6, a, b);
        }

        foreach (DType half in (DType[])[DType.Float16, DType.BFloat16])
        {
            yield return OfHalves([3, 34, 40], [3, 40, 24], half);

            // Rows of an odd length.
            yield return OfHalves([9, 5, 3], [1, 3, 7], half);
        }

        yield return Of(2, 2, 3, 4, 2100, false, false);
        yield return Of(1, 3, 3, 4, 5, false, true);
        yield return new Sample(new BatchedDot(false, false), new Arg([2, 2, 3]), new Arg([3, 3, 5]))
        {
            Error = "the stacks have 2 and 3 matrices",
        };
        yield return new Sample(new BatchedDot(false, false), new Arg([2, 2, 3]), new Arg([2, 4, 5]))
        {
            Error = "the inner dimensions 3 and 4 differ",
        };
        yield return new Sample(new BatchedDot(false, false), new Arg([2, 3]), new Arg([2, 3, 5]))
        {
            Error = "both must be stacks of matrices",
        };

        static Sample OfHalves(Shape a, Shape b, DType dtype) =>
            new(new BatchedDot(false, false), new Arg(a, dtype), new Arg(b, dtype))
            {
                HasGradient = false,
                NeedsTensorCores = true,
            };

        static Sample Of(int batchA, int batchB, int m, int n, int k, bool a, bool b) => new(
            new BatchedDot(a, b), new Arg([batchA, .. a ? [k, m] : (int[])[m, k]]),
            new Arg([batchB, .. b ? [n, k] : (int[])[k, n]]));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (inputs[0].Rank != 3 || inputs[1].Rank != 3)
        {
            throw new EngineException("both must be stacks of matrices, of three axes");
        }

        TensorType product = new Dot(TransposeA, TransposeB).Infer([Matrix(inputs[0]), Matrix(inputs[1])])[0];
        int a = inputs[0].Shape[0], b = inputs[1].Shape[0];
        int batch = a == b || b == 1 || b == Shape.Unknown ? a
            : a is 1 or Shape.Unknown ? b
            : throw new EngineException($"the stacks have {a} and {b} matrices");
        batch = (a == 1 && b == Shape.Unknown) ? Shape.Unknown : batch;
        return [product with { Shape = [batch, .. product.Shape] }];

        static TensorType Matrix(TensorType stack) => new(stack.DType, [.. stack.Shape.Skip(1)]);
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable a, Variable b, Variable g) = (node.Inputs[0], node.Inputs[1], outputGrads[0]!);
        return
        [
            Symbolic.SumTo(TransposeA
                ? new BatchedDot(TransposeB, true).Call(b, g)
                : new BatchedDot(false, !TransposeB).Call(g, b), a),
            Symbolic.SumTo(TransposeB
                ? new BatchedDot(true, TransposeA).Call(g, a)
                : new BatchedDot(!TransposeA, false).Call(a, g), b),
        ];
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        2 * outputs[0].Shape.Count * inputs[0].Shape[TransposeA ? 1 : 2];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray a, NdArray b) = (inputs[0], inputs[1]);
        int inner = a.Shape[TransposeA ? 1 : 2];
        foreach (int[] index in NdArray.Indices(outputs[0].Shape))
        {
            (int batch, int i, int j) = (index[0], index[1], index[2]);
            DoubleDouble sum = 0;
            for (int k = 0; k < inner; k++)
            {
                sum += DoubleDouble.Product(
                    TransposeA ? At(a, k, i) : At(a, i, k), TransposeB ? At(b, j, k) : At(b, k, j));
            }

            outputs[0][index] = sum.High;

            double At(NdArray stack, int row, int column) => stack.Data[
                ((stack.Shape[0] == 1 ? 0 : batch * stack.Shape[1]) + row) * stack.Shape[2] + column];
        }
    }

    internal override int TensorOperands => 2;

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) =>
        step.DType(0) == DType.Float32 ? Products<float>(step) : Products<double>(step);

    public long CpuWorkspace(CpuStepTypes step)
    {
        Stack stack = Of(step.Inputs[0].Shape, step.Inputs[1].Shape);
        return (step.Inputs[0].DType == DType.Float32, stack.Count >= Many) switch
        {
            (true, true) => Gemm.ScratchBytes<float>(stack.Shape) * step.Threads,
            (true, false) => Gemm.WorkspaceBytes<float>(stack.Shape, step.Threads),
            (false, true) => Gemm.ScratchBytes<double>(stack.Shape) * step.Threads,
            (false, false) => Gemm.WorkspaceBytes<double>(stack.Shape, step.Threads),
        };
    }

    public CudaLaunch[] Cuda(CudaStep step)
    {
        Stack stack = Of(step.Shape(0), step.Shape(1));
        return [CudaGemm.Batched(
            stack.Shape, stack.Count, step.DType(0), new GemmAddresses(step.In(0), step.In(1), step.Out()), stack.StepA,
            stack.StepB,
            step.Types.TensorFloat32)];
    }

    private unsafe Phase[] Products<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        Stack stack = Of(step.Shape(0), step.Shape(1));
        GemmShape shape = stack.Shape;
        var first = new GemmArguments<T>
        {
            A = step.In<T>(0),
            Lda = step.Shape(0)[2],
            B = step.In<T>(1),
            Ldb = step.Shape(1)[2],
            C = step.Out<T>(),
            Ldc = shape.N,
        };
        long stepC = (long)shape.M * shape.N;
        if (stack.Count < Many)
        {
            return [.. Enumerable.Range(0, stack.Count)
                .SelectMany(i => Gemm.Phases(shape, At(i), step.Workspace, step.Threads))];
        }

        // Each chunk packs its B again. If there are enough products for all threads, chunks may be larger.
        int rows = stack.Count >= Many * step.Threads ? MaxRows : Rows,
            chunks = Math.Max(1, (shape.M + rows - 1) / rows);
        byte* scratch = step.Workspace;
        long scratchBytes = Gemm.ScratchBytes<T>(shape);
        long products = Math.Max(1L, (long)Math.Min(shape.M, rows) * shape.N * shape.K);
        return
        [
            new Phase(checked(stack.Count * chunks), (int)Math.Max(1, Worthwhile / products), (start, end, worker) =>
            {
                for (int unit = start; unit < end; unit++)
                {
                    (int batch, int chunk) = Math.DivRem(unit, chunks);
                    GemmArguments<T> x = At(batch);
                    int row = chunk * rows;
                    x.A += shape.TransposeA ? row : (nint)row * x.Lda;
                    x.C += (nint)row * x.Ldc;
                    Gemm.Block(shape with { M = Math.Min(rows, shape.M - row) }, x, scratch + (worker * scratchBytes));
                }
            }),
        ];

        GemmArguments<T> At(int batch)
        {
            GemmArguments<T> x = first;
            x.A += batch * stack.StepA;
            x.B += batch * stack.StepB;
            x.C += batch * stepC;
            return x;
        }
    }

    private Stack Of(Shape a, Shape b)
    {
        (int m, int k) = TransposeA ? (a[2], a[1]) : (a[1], a[2]);
        return new Stack(
            new GemmShape(m, b[TransposeB ? 1 : 2], k, TransposeA, TransposeB), a[0] == 1 ? b[0] : a[0],
            a[0] == 1 ? 0 : a.Product(1, 3), b[0] == 1 ? 0 : b.Product(1, 3));
    }

    /// <summary>Describes one of the products, their number, and the distances between their factors.</summary>
    private readonly record struct Stack(GemmShape Shape, int Count, int StepA, int StepB);
}
