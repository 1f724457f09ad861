using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>How cuBLAS may round; the numbers are <c>cublasMath_t</c>'s.</summary>
internal enum CuBlasMath
{
    /// <summary>Float32 products by whatever is fastest in float32: no TF32, which must be asked for.</summary>
    Default = 0,

    /// <summary>Products of numbers rounded to TF32, 10 bits of mantissa, on the tensor cores.</summary>
    TensorFloat32 = 3,
}

/// <summary>The types of matrices' elements; the numbers are <c>cudaDataType_t</c>'s.</summary>
internal enum CuBlasType
{
    Float32 = 0,
    Float64 = 1,
    Float16 = 2,
    BFloat16 = 14,
}

/// <summary>cuBLAS, a yardstick that nothing depends on: checked calls.</summary>
internal static unsafe class CuBlas
{
    /// <summary>Gets what to do where there is none.</summary>
    public static string Remedy => Remedies.CuBlas(Remedies.Here);

    /// <summary>Gets where it was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch Library => NativeLibraries.CuBlas;

    /// <summary>Gets why it cannot be used; null if it can.</summary>
    public static CudaException? Failure => Library.IsFound ? null : new CudaException(
        $"There is no cuBLAS (tried {string.Join(", ", Library.Tried)}): {Remedy}.")
    {
        Reason = "there is no cuBLAS",
    };

    /// <summary>Throws if a call failed, naming the entry point, which is read off the call's source text.</summary>
    /// <exception cref="CudaException">It failed.</exception>
    public static void Check(int status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != 0)
        {
            throw new CudaException(
                Driver.EntryPoint(call),
                status,
                Marshal.PtrToStringUTF8((nint)CuBlasApi.cublasGetStatusName(status)) ?? "an unknown status",
                Marshal.PtrToStringUTF8((nint)CuBlasApi.cublasGetStatusString(status)) ?? "cuBLAS does not say more");
        }
    }
}

/// <summary>cuBLAS at work in a stream, on row-major matrices.</summary>
internal sealed unsafe class CuBlasHandle : CudaHandle
{
    private const int DefaultAlgorithm = -1;

    /// <exception cref="CudaException">There is no cuBLAS, or it does not start.</exception>
    public CuBlasHandle(StreamHandle stream) : base(stream.Context)
    {
        if (CuBlas.Failure is { } failure)
        {
            throw failure;
        }

        using ContextHandle.Scope scope = Context.Enter();
        nint made;
        CuBlas.Check(CuBlasApi.cublasCreate_v2(&made));
        Own(made);
        CuBlas.Check(CuBlasApi.cublasSetStream_v2(made, stream.Value));
        Math = CuBlasMath.Default;
    }

    /// <summary>10000 times the major version plus 100 times the minor one plus the patch: 120405.</summary>
    public int Version
    {
        get
        {
            int version;
            CuBlas.Check(CuBlasApi.cublasGetVersion_v2(handle, &version));
            return version;
        }
    }

    /// <summary>Gets or sets how float32 products may round; at first as cuBLAS' own users have it.</summary>
    public CuBlasMath Math
    {
        get;
        set
        {
            CuBlas.Check(CuBlasApi.cublasSetMathMode(handle, (int)value));
            field = value;
        }
    }

    /// <summary>
    /// C = alpha · op(A) · op(B) + beta · C in float32, put into the stream. C is m×n, op(A) m×k and op(B) k×n, all row-major
    /// and without gaps; a transposed A lies there as k×m, a transposed B as n×k.
    /// </summary>
    public void Gemm(
        int m, int n, int k, ulong a, ulong b, ulong c,
        bool transA = false, bool transB = false, float alpha = 1, float beta = 0)
    {
        using ContextHandle.Scope scope = Context.Enter();

        // What is row-major is the transpose of what is column-major: Cᵀ = op(B)ᵀ · op(A)ᵀ, from memory as it is.
        CuBlas.Check(
            CuBlasApi.cublasSgemm_v2(
                handle, transB ? 1 : 0, transA ? 1 : 0, n, m, k,
                &alpha, b, transB ? k : n, a, transA ? m : k, &beta, c, n),
            nameof(CuBlasApi.cublasSgemm_v2));
    }

    /// <summary>
    /// As <see cref="Gemm"/>, of elements of another type, summed in float32, or in float64 if they are; C has the type of A
    /// and B unless another is given.
    /// </summary>
    public void GemmEx(
        CuBlasType type, int m, int n, int k, ulong a, ulong b, ulong c,
        bool transA = false, bool transB = false, CuBlasType? typeC = null)
    {
        const int ComputeFloat32 = 68, ComputeFloat64 = 70;
        bool isDouble = type == CuBlasType.Float64;
        float oneSingle = 1, zeroSingle = 0;
        double oneDouble = 1, zeroDouble = 0;
        using ContextHandle.Scope scope = Context.Enter();
        CuBlas.Check(
            CuBlasApi.cublasGemmEx(
                handle, transB ? 1 : 0, transA ? 1 : 0, n, m, k,
                isDouble ? &oneDouble : &oneSingle, b, (int)type, transB ? k : n, a, (int)type, transA ? m : k,
                isDouble ? &zeroDouble : &zeroSingle, c, (int)(typeC ?? type), n,
                isDouble ? ComputeFloat64 : ComputeFloat32, DefaultAlgorithm),
            nameof(CuBlasApi.cublasGemmEx));
    }

    protected override int Free(nint owned) => CuBlasApi.cublasDestroy_v2(owned);
}
