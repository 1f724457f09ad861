using Engine.Devices.Cpu;
using Engine.Devices.Cuda;

namespace Engine.Ops;

/// <summary>Builds the launches of matrix products on CUDA: gemm.cu.</summary>
internal static class CudaGemm
{
    private const int VectorBytes = 16, MinBytes = 4;

    /// <summary>Returns the tiling of a product, which its shape determines.</summary>
    /// <param name="shape">The product.</param>
    /// <param name="dtype">Its type.</param>
    /// <param name="withSums">Whether the sums of b along k are needed too.</param>
    /// <param name="tensorFloat32">Whether float32 may be rounded to TF32, for tensor cores.</param>
    public static CudaTiling Tiling(GemmShape shape, DType dtype, bool withSums = false, bool tensorFloat32 = false) =>
        CudaTiling.Choose(shape.M + (withSums ? 1 : 0), shape.N, shape.K, dtype, tensorFloat32);

    /// <summary>Returns the launch of the product of two matrices.</summary>
    /// <param name="tiling">The result of <see cref="Tiling"/>.</param>
    /// <param name="shape">The product.</param>
    /// <param name="dtype">
    /// The type of all elements; with 16 bits, only the operands have it, and all else is float32.
    /// </param>
    /// <param name="at">Where the matrices lie.</param>
    /// <param name="epilogue">What is done with each element (i, j) first; null for nothing.</param>
    /// <param name="sumsText">The like for each sum x of a column j, over the same operands.</param>
    /// <param name="storeText">Statements that store the element x of (i, j) elsewhere than in C order.</param>
    public static KernelLaunch Launch(
        CudaTiling tiling, GemmShape shape, DType dtype, in GemmAddresses at, CudaEpilogue? epilogue = null,
        string sumsText = "", string storeText = "")
    {
        // The epilogue has one dimension of the result as a constant anyway. With the lengths of all rows as constants,
        // too, a thread's accesses have constant distances. The other dimensions are arguments, so that no kernel is
        // compiled for each number of samples.
        (int lengthA, int lengthB) = RowLengths(shape);
        bool knowsInner = !shape.TransposeA || shape.TransposeB, isWhole = knowsInner && shape.K % tiling.Tile.K == 0;
        string[] lengths = epilogue is null
            ? []
            : [$"LENGTH_A {lengthA}", $"LENGTH_B {lengthB}", .. isWhole ? (string[])["WHOLE_K_TILES 1"] : []];
        storeText = storeText == "" && epilogue is not null ? $"c[(i) * {shape.N} + (j)] = x;" : storeText;
        epilogue ??= CudaEpilogue.None;
        CudaKernel kernel = Kernel("gemm", tiling, shape, dtype, at, [
            $"SUMS {(at.Sums == 0 ? 0 : 1)}",
            .. lengths,
            .. tiling.Defines,
            .. epilogue.Defines("EPILOGUE(x, i, j)"),
            .. CudaEpilogue.Define("SUMS_EPILOGUE(x, j)", sumsText),
            .. CudaEpilogue.Define("STORE(x, i, j)", storeText),
        ]);
        return kernel.Launch(
            tiling.Grid, tiling.Tile.Threads,
            [at.A, at.B, at.C, at.Sums, at.Workspace, shape.M, shape.N, shape.K, .. epilogue.Arguments]);
    }

    /// <summary>Returns the launch of the products of two stacks of matrices.</summary>
    /// <param name="shape">The shape of one product.</param>
    /// <param name="count">The number of products.</param>
    /// <param name="dtype">The type of the factors' elements; the products are float32 if these have 16 bits.</param>
    /// <param name="at">The addresses of the first matrices.</param>
    /// <param name="stepA">The distance between the left ones; 0 if there is only one.</param>
    /// <param name="stepB">The distance between the right ones.</param>
    /// <param name="tensorFloat32">Whether float32 may be rounded to TF32, for tensor cores.</param>
    public static KernelLaunch Batched(
        GemmShape shape, int count, DType dtype, in GemmAddresses at, long stepA, long stepB,
        bool tensorFloat32 = false)
    {
        CudaTiling tiling = Tiling(shape, dtype, tensorFloat32: tensorFloat32) with { Splits = 1 };
        CudaKernel kernel = Kernel("gemm_batched", tiling, shape, dtype, at, ["BATCHED 1", .. tiling.Defines]);
        return kernel.Launch(
            tiling.Grid with { Z = count }, tiling.Tile.Threads,
            at.A, at.B, at.C, stepA, stepB, shape.M, shape.N, shape.K);
    }

    private static CudaKernel Kernel(
        string entry, CudaTiling tiling, GemmShape shape, DType dtype, in GemmAddresses at, IEnumerable<string> defines)
    {
        (int lengthA, int lengthB) = RowLengths(shape);
        int vectorA = Vector(at.A, lengthA, dtype), vectorB = Vector(at.B, lengthB, dtype);
        return new CudaKernel(
            "gemm.cu",
            entry,
            [
                .. Types(dtype),
                $"TRANSPOSE_A {(shape.TransposeA ? 1 : 0)}",
                $"TRANSPOSE_B {(shape.TransposeB ? 1 : 0)}",
                $"VECTOR_A {vectorA}",
                $"VECTOR_B {vectorB}",
                .. defines,
            ])
        {
            Shared = tiling.Tile.SharedBytes(dtype),
        };
    }

    /// <summary>Returns the macros of gemm.cuh for operands of this type.</summary>
    public static IEnumerable<string> Types(DType dtype) =>
        [$"T {dtype.Computes().Cuda()}", .. dtype.IsHalf() ? (string[])[$"ELEMENT {dtype.Cuda()}", "HALVES 1"] : []];

    /// <summary>Returns the lengths of the rows of the two matrices in memory.</summary>
    private static (int A, int B) RowLengths(GemmShape shape) =>
        (shape.TransposeA ? shape.M : shape.K, shape.TransposeB ? shape.K : shape.N);

    /// <summary>Returns how many elements a kernel may copy together from a matrix with rows of this length.</summary>
    public static int Vector(ulong address, int length, DType dtype)
    {
        return Fits(VectorBytes) ? VectorBytes / dtype.Size() : Fits(MinBytes) ? MinBytes / dtype.Size() : 1;

        bool Fits(int bytes) =>
            bytes >= dtype.Size() && address % (ulong)bytes == 0 && (long)length * dtype.Size() % bytes == 0;
    }
}

/// <summary>
/// Represents the addresses of a product's operands: A, B, C, the sums of B along k (0 for none), and the scratch
/// memory for parts.
/// </summary>
internal readonly record struct GemmAddresses(ulong A, ulong B, ulong C, ulong Sums = 0, ulong Workspace = 0);
