using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>Specifies how cuBLAS may round; the numbers are those of <c>cublasMath_t</c>.</summary>
internal enum CuBlasMath
{
    /// <summary>Float32 products by the fastest float32 algorithm, without TF32.</summary>
    Default = 0,

    /// <summary>Products of numbers rounded to TF32, with 10 bits of mantissa, on the tensor cores.</summary>
    TensorFloat32 = 3,
}

/// <summary>Specifies the element types of matrices; the numbers are those of <c>cudaDataType_t</c>.</summary>
internal enum CuBlasType
{
    Float32 = 0,
    Float64 = 1,
    Float16 = 2,
    BFloat16 = 14,
}

/// <summary>cuBLAS, a yardstick that no other code depends on: checked calls.</summary>
internal static unsafe class CuBlas
{
    /// <summary>Gets advice for a machine without it.</summary>
    public static string Remedy => Remedies.CuBlas(Remedies.Here);

    /// <summary>Gets the outcome of the search for it.</summary>
    public static NativeLibrarySearch Library => NativeLibraries.CuBlas;

    /// <summary>Gets why it cannot be used; null if it can.</summary>
    public static CudaException? Failure => Library.IsFound ? null : new CudaException(
        $"There is no cuBLAS (tried {string.Join(", ", Library.Tried)}): {Remedy}.")
    {
        Reason = "there is no cuBLAS",
    };

    /// <summary>
    /// Throws if a call failed. The message names the entry point, taken from the source text of the call.
    /// </summary>
    /// <exception cref="CudaException">The call failed.</exception>
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

/// <summary>cuBLAS in a stream, for row-major matrices.</summary>
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

    /// <summary>Gets 10000 times the major version plus 100 times the minor one plus the patch: 120405.</summary>
    public int Version
    {
        get
        {
            int version;
            CuBlas.Check(CuBlasApi.cublasGetVersion_v2(handle, &version));
            return version;
        }
    }

    /// <summary>Gets or sets how float32 products may round; at first with cuBLAS's own default.</summary>
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
    /// Enqueues C = alpha · op(A) · op(B) + beta · C in float32. C is m×n, op(A) m×k and op(B) k×n, all row-major and
    /// without gaps; a transposed A is stored as k×m, a transposed B as n×k.
    /// </summary>
    public void Gemm(
        int m, int n, int k, ulong a, ulong b, ulong c,
        bool transA = false, bool transB = false, float alpha = 1, float beta = 0)
    {
        using ContextHandle.Scope scope = Context.Enter();

        // A row-major matrix is the transpose of a column-major one: Cᵀ = op(B)ᵀ · op(A)ᵀ, with the same memory.
        CuBlas.Check(
            CuBlasApi.cublasSgemm_v2(
                handle, transB ? 1 : 0, transA ? 1 : 0, n, m, k,
                &alpha, b, transB ? k : n, a, transA ? m : k, &beta, c, n),
            nameof(CuBlasApi.cublasSgemm_v2));
    }

    /// <summary>
    /// Does the same as <see cref="Gemm"/> for elements of another type, with sums in float32, or in float64 for
    /// float64 elements. C has the type of A and B unless another is given.
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
