using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// The entry points of cuBLAS for comparisons; all exist from cuBLAS 11.8 to 13. Matrices are column-major, results are
/// <c>cublasStatus_t</c>, and alpha and beta are in host memory.
/// </summary>
internal static unsafe partial class CuBlasApi
{
    private const string Library = NativeLibraries.CuBlasImport;

    [LibraryImport(Library)]
    public static partial int cublasCreate_v2(nint* handle);

    [LibraryImport(Library)]
    public static partial int cublasDestroy_v2(nint handle);

    [LibraryImport(Library)]
    public static partial int cublasGetVersion_v2(nint handle, int* version);

    [LibraryImport(Library)]
    public static partial byte* cublasGetStatusName(int status);

    [LibraryImport(Library)]
    public static partial byte* cublasGetStatusString(int status);

    [LibraryImport(Library)]
    public static partial int cublasSetStream_v2(nint handle, nint stream);

    [LibraryImport(Library)]
    public static partial int cublasSetMathMode(nint handle, int mode);

    [LibraryImport(Library)]
    public static partial int cublasSgemm_v2(
        nint handle, int transA, int transB, int m, int n, int k,
        float* alpha, ulong a, int leadA, ulong b, int leadB, float* beta, ulong c, int leadC);

    [LibraryImport(Library)]
    public static partial int cublasGemmEx(
        nint handle, int transA, int transB, int m, int n, int k,
        void* alpha, ulong a, int typeA, int leadA, ulong b, int typeB, int leadB,
        void* beta, ulong c, int typeC, int leadC, int computeType, int algorithm);
}
