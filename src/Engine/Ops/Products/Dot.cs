using System.Numerics;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Multiplies two matrices, each transposed first if requested.</summary>
internal sealed record Dot(bool TransposeA, bool TransposeB) : Op, IProduct, ICpuOp, ICudaEpilogueOp, ISampled
{
    public override string Name => (TransposeA, TransposeB) switch
    {
        (false, false) => "dot",
        (true, false) => "dot{aT, b}",
        (false, true) => "dot{a, bT}",
        _ => "dot{aT, bT}",
    };

    public static IEnumerable<Sample> Samples(Random random)
    {
        bool[] both = [false, true];
        foreach ((bool a, bool b) in both.SelectMany(a => both.Select(b => (a, b))))
        {
            yield return Of(Arg.Dimension(random), Arg.Dimension(random), Arg.Dimension(random), a, b);
            yield return Of(5, 7, 0, a, b);
            yield return Of(130, 33, 40, a, b);
            yield return Of(1, 1, 700, a, b);
        }

        yield return Of(1, 1, 3001, false, false);
        yield return Of(3, 10, 600, false, false);
        foreach (DType half in (DType[])[DType.Float16, DType.BFloat16])
        {
            foreach ((bool a, bool b) in both.SelectMany(a => both.Select(b => (a, b))))
            {
                yield return OfHalves(half, 34, 24, 40, a, b);
            }

            // Rows of an odd length, then rows that are aligned to 4 bytes only.
            yield return OfHalves(half, 5, 7, 3, false, false);
            yield return OfHalves(half, 130, 66, 34, false, false);
        }

        yield return new Sample(new Dot(false, false), new Arg([2, 3]), new Arg([4, 5]))
        {
            Error = "dot cannot take float32 (2, 3) and float32 (4, 5): the inner dimensions 3 and 4 differ",
        };
        yield return new Sample(new Dot(true, true), new Arg([2, 3]), new Arg([4, 5]))
        {
            Error = "the inner dimensions 2 and 5 differ",
        };
        yield return new Sample(new Dot(false, false), new Arg([3]), new Arg([3, 2]))
        {
            Error = "both must be matrices",
        };
        yield return new Sample(new Dot(false, false), Arg.Int([2, 2], 0, 2), Arg.Int([2, 2], 0, 2))
        {
            Error = "both must be float32 or both float64",
        };

        static Sample OfHalves(DType dtype, int m, int n, int k, bool a, bool b) => new(
            new Dot(a, b), new Arg(a ? [k, m] : [m, k], dtype), new Arg(b ? [n, k] : [k, n], dtype))
        { HasGradient = false };

        static Sample Of(int m, int n, int k, bool a, bool b) => new(
            new Dot(a, b), new Arg(a ? [k, m] : [m, k]), new Arg(b ? [n, k] : [k, n]));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (inputs[0].Rank != 2 || inputs[1].Rank != 2)
        {
            throw new EngineException("both must be matrices");
        }

        if (!inputs[0].DType.IsFloat() || inputs[0].DType != inputs[1].DType)
        {
            throw new EngineException("both must be float32 or both float64: cast one of them");
        }

        (int rows, int inner) = Dimensions(inputs[0].Shape, TransposeA);
        (int otherInner, int columns) = Dimensions(inputs[1].Shape, TransposeB);
        return inner == otherInner || inner == Shape.Unknown || otherInner == Shape.Unknown
            ? [new TensorType(inputs[0].DType.Computes(), [rows, columns])]
            : throw new EngineException($"the inner dimensions {inner} and {otherInner} differ");
    }

    /// <summary>Gets true: the sums of such products are float32.</summary>
    internal override bool TakesHalves => true;

    internal override int TensorOperands => 2;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        (Variable a, Variable b, Variable g) = (Wide(node.Inputs[0]), Wide(node.Inputs[1]), outputGrads[0]!);
        Variable toA = TransposeA ? new Dot(TransposeB, true).Call(b, g) : new Dot(false, !TransposeB).Call(g, b);
        Variable toB = TransposeB ? new Dot(true, TransposeA).Call(g, a) : new Dot(!TransposeA, false).Call(a, g);
        return [Symbolic.Cast(toA, node.Inputs[0].DType), Symbolic.Cast(toB, node.Inputs[1].DType)];

        static Variable Wide(Variable x) => Symbolic.Cast(x, x.DType.Computes());
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        2 * outputs[0].Shape.Count * Dimensions(inputs[0].Shape, TransposeA).Columns;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        (NdArray a, NdArray b) = (inputs[0], inputs[1]);
        (_, int inner) = Dimensions(a.Shape, TransposeA);
        foreach (int[] index in NdArray.Indices(outputs[0].Shape))
        {
            (int i, int j) = (index[0], index[1]);
            DoubleDouble sum = 0;
            for (int k = 0; k < inner; k++)
            {
                sum += DoubleDouble.Product(
                    TransposeA ? At(a, k, i) : At(a, i, k), TransposeB ? At(b, j, k) : At(b, k, j));
            }

            outputs[0].Data[(i * outputs[0].Shape[1]) + j] = sum.High;
        }

        static double At(NdArray matrix, int row, int column) => matrix.Data[(row * matrix.Shape[1]) + column];
    }

    public override double Ulps => 2;

    public override IReadOnlyList<NdArray> Magnitudes(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        OfMagnitudes(inputs, outputs);

    public Phase[] Cpu(CpuStep step) =>
        step.DType(0) == DType.Float64 ? Product<double>(step) : Product<float>(step);

    public long CpuWorkspace(CpuStepTypes step)
    {
        GemmShape shape = ShapeOf(step.Inputs[0].Shape, step.Inputs[1].Shape);
        return step.Inputs[0].DType == DType.Float64
            ? Gemm.WorkspaceBytes<double>(shape, step.Threads)
            : Gemm.WorkspaceBytes<float>(shape, step.Threads) + Widened(step.Inputs[0]) + Widened(step.Inputs[1]);
    }

    public bool TakesRows(int input) => true;

    public bool MayStoreNothing => true;

    public CudaLaunch[] Cuda(CudaStep step, CudaComposite?[] epilogues)
    {
        GemmShape shape = Product(step.Types);
        (CudaTiling tiling, DType dtype) = (Tiling(step.Types), Multiplied(step.Types));
        ulong a = step.In(0), b = step.In(1), workspace = step.Workspace;
        CudaLaunch[] first = [];
        if (dtype != step.DType(0))
        {
            (a, b) = (workspace, workspace + (ulong)Widened(step.Types.Inputs[0]));
            workspace = b + (ulong)Widened(step.Types.Inputs[1]);
            first = [.. CudaMap.Conversion(step, 0, dtype, a), .. CudaMap.Conversion(step, 1, dtype, b)];
        }

        return
        [
            .. first,
            CudaGemm.Launch(
                tiling, shape, dtype, new GemmAddresses(a, b, step.Out(), Workspace: workspace),
                epilogues[0]?.Epilogue("x", $"(i) * {shape.N} + (j)"),
                storeText: epilogues[0]?.Stored < 0 ? ";" : ""),
        ];
    }

    public long CudaWorkspace(CudaStepTypes step) => Tiling(step).Workspace(Multiplied(step))
        + (Multiplied(step) == step.Inputs[0].DType ? 0 : Widened(step.Inputs[0]) + Widened(step.Inputs[1]));

    private CudaTiling Tiling(CudaStepTypes step) =>
        CudaGemm.Tiling(Product(step), Multiplied(step), tensorFloat32: step.TensorFloat32);

    /// <summary>Returns the dtype that is multiplied: 16-bit floats if the GPU supports them.</summary>
    private static DType Multiplied(CudaStepTypes step) =>
        step.HasHalfProducts ? step.Inputs[0].DType : step.Inputs[0].DType.Computes();

    /// <summary>Returns the bytes of an operand of 16 bits as float32, in units of 256; 0 for other operands.</summary>
    private static long Widened(OperandType operand) =>
        operand.DType.IsHalf() ? ((operand.Shape.Count * sizeof(float)) + 255) / 256 * 256 : 0;

    private GemmShape Product(CudaStepTypes step) => ShapeOf(step.Inputs[0].Shape, step.Inputs[1].Shape);

    private unsafe Phase[] Product<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        byte* workspace = step.Workspace;
        var widening = new List<Phase>();
        T* a = Operand(0), b = Operand(1);
        var matrices = new GemmArguments<T>
        {
            A = a,
            Lda = step.Shape(0)[1],
            B = b,
            Ldb = step.Shape(1)[1],
            C = step.Out<T>(),
            Ldc = step.OutShape()[1],
        };
        return [.. widening, .. Gemm.Phases(ShapeOf(step.Shape(0), step.Shape(1)), matrices, workspace, step.Threads)];

        // Numbers of 16 bits are widened to the workspace first.
        T* Operand(int input)
        {
            if (!step.DType(input).IsHalf())
            {
                return step.In<T>(input);
            }

            const int Grain = 16384;
            byte* from = step.In<byte>(input), to = workspace;
            int size = step.DType(input).Size();
            ElementConversion convert = Conversion.Of(step.DType(input), DType.Float32);
            widening.Add(new Phase((int)step.Shape(input).Count, Grain, (start, end, _) =>
                convert(from + ((long)start * size), to + ((long)start * sizeof(T)), end - start)));
            workspace += Widened(new OperandType(step.DType(input), step.Shape(input)));
            return (T*)to;
        }
    }

    private GemmShape ShapeOf(Shape a, Shape b)
    {
        (int rows, int inner) = Dimensions(a, TransposeA);
        return new GemmShape(rows, Dimensions(b, TransposeB).Columns, inner, TransposeA, TransposeB);
    }

    private static (int Rows, int Columns) Dimensions(Shape shape, bool transpose) =>
        transpose ? (shape[1], shape[0]) : (shape[0], shape[1]);
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the matrix product a·b. A vector is a row on the left and a column on the right, and the result does not
    /// have its axis: (k)·(k, n) is (n), (m, k)·(k) is (m), (k)·(k) is a scalar. Integers are multiplied as float32,
    /// which is exact if every number and every sum is below 2²⁴. With more axes it sums, as NumPy does, along the
    /// innermost of a and the last but one of b: (…, m, k)·(…, k, n) is (…, m, …, n). <see cref="MatMul"/> broadcasts
    /// them. A number multiplies each element, as in NumPy.
    /// </summary>
    /// <param name="a">(m, k), or (k).</param>
    /// <param name="b">(k, n), or (k).</param>
    /// <param name="transposeA">Whether a is given as (k, m).</param>
    /// <param name="transposeB">Whether b is given as (n, k).</param>
    /// <exception cref="EngineException">The inner dimensions differ.</exception>
    public static Variable Dot(Variable a, Variable b, bool transposeA = false, bool transposeB = false)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Rank == 0 || b.Rank == 0)
        {
            Variable[] factors = Promotion.Convert("dot", [a, b], takesIntegers: false);
            return factors[0] * factors[1];
        }

        if (a.Rank > 2 || b.Rank > 2)
        {
            return TensorDot(
                transposeA && a.Rank > 1 ? SwapAxes(a, -1, -2) : a, transposeB && b.Rank > 1 ? SwapAxes(b, -1, -2) : b,
                [-1], [Math.Max(b.Rank - 2, 0)]);
        }

        Variable[] operands = Promotion.Convert("dot", [a, b], takesIntegers: false);
        Variable left = a.Rank == 1 ? DimShuffle(operands[0], NewAxis, 0) : operands[0];
        Variable right = b.Rank == 1 ? DimShuffle(operands[1], 0, NewAxis) : operands[1];
        Variable product = new Dot(transposeA && a.Rank == 2, transposeB && b.Rank == 2).Call(left, right);
        return (a.Rank, b.Rank) switch
        {
            (2, 2) => product,
            (1, 2) => DimShuffle(product, 1),
            (2, 1) => DimShuffle(product, 0),
            _ => DimShuffle(product),
        };
    }
}
