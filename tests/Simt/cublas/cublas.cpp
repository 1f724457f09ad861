// libcublas: the calls that a yardstick needs, with the sums of the definition. It is a client of our libcuda, which
// checks the copies.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#define CUBLAS_API extern "C" __attribute__((visibility("default")))

using Address = uintptr_t;

extern "C"
{
    int cuCtxGetCurrent(void** context);
    int cuStreamSynchronize(void* stream);
    int cuMemcpyDtoH_v2(void* to, Address from, size_t bytes);
    int cuMemcpyHtoD_v2(Address to, const void* from, size_t bytes);
}

namespace
{
    enum Status
    {
        Success = 0,
        NotInitialized = 1,
        InvalidValue = 7,
        MappingError = 11,
        NotSupported = 15,
    };

    struct Handle
    {
        void* stream = nullptr;
        int math = 0;
    };

    long long live;

    // Column-major, with `lead` elements from one column to the next.
    template <class T> struct Matrix
    {
        std::vector<T> elements;
        int lead;

        T at(bool transposed, int row, int column) const
        {
            return transposed ? elements[size_t(row) * lead + column] : elements[size_t(column) * lead + row];
        }
    };

    template <class T> size_t bytes_of(int columns, int lead) { return size_t(columns) * lead * sizeof(T); }

    template <class T> bool fetch(Matrix<T>& matrix, Address from, int columns, int lead)
    {
        matrix.lead = lead;
        matrix.elements.resize(size_t(columns) * lead);
        return !cuMemcpyDtoH_v2(matrix.elements.data(), from, bytes_of<T>(columns, lead));
    }

    template <class T>
    Status gemm(Handle* handle, int trans_a, int trans_b, int m, int n, int k, T alpha, Address a, int lead_a,
        Address b, int lead_b, T beta, Address c, int lead_c)
    {
        if (!handle) return NotInitialized;
        if (m < 0 || n < 0 || k < 0 || trans_a < 0 || trans_a > 1 || trans_b < 0 || trans_b > 1) return InvalidValue;
        if (lead_a < (trans_a ? k : m) || lead_b < (trans_b ? n : k) || lead_c < m) return InvalidValue;
        if (cuStreamSynchronize(handle->stream)) return MappingError;
        Matrix<T> left, right, result;
        if (!fetch(left, a, trans_a ? m : k, lead_a) || !fetch(right, b, trans_b ? k : n, lead_b) ||
            !fetch(result, c, n, lead_c))
            return MappingError;
        for (int column = 0; column < n; ++column)
            for (int row = 0; row < m; ++row)
            {
                double sum = 0;
                for (int i = 0; i < k; ++i) sum += double(left.at(trans_a, row, i)) * right.at(trans_b, i, column);
                T& to = result.elements[size_t(column) * lead_c + row];
                // With beta 0 the old contents are not read.
                to = T(alpha * sum + (beta == 0 ? 0 : beta * to));
            }
        return cuMemcpyHtoD_v2(c, result.elements.data(), bytes_of<T>(n, lead_c)) ? MappingError : Success;
    }
}

CUBLAS_API int cublasCreate_v2(Handle** handle)
{
    void* context = nullptr;
    if (!handle) return InvalidValue;
    if (cuCtxGetCurrent(&context) || !context) return NotInitialized;
    *handle = new Handle;
    ++live;
    return Success;
}

CUBLAS_API int cublasDestroy_v2(Handle* handle)
{
    if (!handle) return NotInitialized;
    delete handle;
    --live;
    return Success;
}

CUBLAS_API int cublasGetVersion_v2(Handle*, int* version)
{
    *version = 120405;
    return Success;
}

CUBLAS_API const char* cublasGetStatusName(int status)
{
    switch (status)
    {
        case Success: return "CUBLAS_STATUS_SUCCESS";
        case NotInitialized: return "CUBLAS_STATUS_NOT_INITIALIZED";
        case InvalidValue: return "CUBLAS_STATUS_INVALID_VALUE";
        case MappingError: return "CUBLAS_STATUS_MAPPING_ERROR";
        default: return "CUBLAS_STATUS_NOT_SUPPORTED";
    }
}

CUBLAS_API const char* cublasGetStatusString(int) { return "as the double of cuBLAS says"; }

CUBLAS_API int cublasSetStream_v2(Handle* handle, void* stream)
{
    if (!handle) return NotInitialized;
    handle->stream = stream;
    return Success;
}

CUBLAS_API int cublasSetMathMode(Handle* handle, int mode)
{
    if (!handle) return NotInitialized;
    if (mode < 0 || mode > 3) return InvalidValue;
    handle->math = mode;
    return Success;
}

CUBLAS_API int cublasSgemm_v2(Handle* handle, int trans_a, int trans_b, int m, int n, int k, const float* alpha,
    Address a, int lead_a, Address b, int lead_b, const float* beta, Address c, int lead_c)
{
    return gemm(handle, trans_a, trans_b, m, n, k, *alpha, a, lead_a, b, lead_b, *beta, c, lead_c);
}

CUBLAS_API int cublasGemmEx(Handle* handle, int trans_a, int trans_b, int m, int n, int k, const void* alpha, Address a,
    int type_a, int lead_a, Address b, int type_b, int lead_b, const void* beta, Address c, int type_c, int lead_c,
    int compute, int)
{
    enum
    {
        Float32 = 0,
        Float64 = 1,
        ComputeFloat32 = 68,
        ComputeFloat64 = 70
    };
    if (type_a != type_b || type_a != type_c) return NotSupported;
    if (type_a == Float32 && compute == ComputeFloat32)
        return gemm(handle, trans_a, trans_b, m, n, k, *static_cast<const float*>(alpha), a, lead_a, b, lead_b,
            *static_cast<const float*>(beta), c, lead_c);
    if (type_a == Float64 && compute == ComputeFloat64)
        return gemm(handle, trans_a, trans_b, m, n, k, *static_cast<const double*>(alpha), a, lead_a, b, lead_b,
            *static_cast<const double*>(beta), c, lead_c);
    return NotSupported;
}

CUBLAS_API long long simt_live_cublas() { return live; }
