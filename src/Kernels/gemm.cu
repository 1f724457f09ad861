// The product of two matrices.
//
//   C[m][n] = sum over k of A[m][k] * B[k][n]
//
//   A: (m, k), or (k, m) with TRANSPOSE_A 1; B: (k, n), or (n, k) with TRANSPOSE_B 1; C: (m, n); all T, in C order
//
// How it is computed, and with which tiles, stands in gemm.cuh. For large matrices the bound is arithmetic.
#include "gemm.cuh"

struct MatrixA {
    static constexpr bool AlongK = !TRANSPOSE_A;
    const T* x;
    int m, k;
    __device__ __forceinline__ T at(int i, int j) const
    {
        return x[TRANSPOSE_A ? (size_t)j * m + i : (size_t)i * k + j];
    }
};

struct MatrixB {
    static constexpr bool AlongK = TRANSPOSE_B;
    const T* x;
    int n, k;
    __device__ __forceinline__ T at(int i, int j) const
    {
        return x[TRANSPOSE_B ? (size_t)i * k + j : (size_t)j * n + i];
    }
};

struct MatrixC {
    T* y;
    int n;
    __device__ __forceinline__ void put(int i, int j, T sum) const { y[(size_t)i * n + j] = sum; }
};

// With parts of k, C holds one matrix a part.
extern "C" __global__ void __launch_bounds__(Threads) gemm(const T* a, const T* b, T* c, int m, int n, int k)
{
    __shared__ __align__(16) T tileA[Tiled::SharedA];
    __shared__ __align__(16) T tileB[Tiled::SharedB];
    Tiled::run(MatrixA{a, m, k}, MatrixB{b, n, k}, MatrixC{c + (size_t)blockIdx.z * m * n, n}, m, n, k, tileA, tileB);
}
