// The product of two matrices.
//
//   C[i][j] = sum over k of A[i][k] * B[k][j]
//
// Without SUMS, A and B may have elements of 16 bits, ELEMENT. T is float then, and tensor cores multiply them.
//
//   A: (m, k), or (k, m) with TRANSPOSE_A 1; B: (k, n), or (n, k) with TRANSPOSE_B 1; C: (m, n); all T, in C order
//   EPILOGUE(x, i, j) and OPERANDS as in gemm.cuh; then x is stored to C[i][j], or where STORE(x, i, j) says
//
// With SUMS 1 also sums[j] = sum over k of B[k][j], as if A had one more row, of ones. If A holds a layer's inputs and
// B the gradient of its outputs, C is the gradient of its weights and the sums are that of its bias, without another
// launch. SUMS_EPILOGUE(x, j) is applied to them.
//
// With BATCHED 1, C, A and B are stacks of matrices, and blockIdx.z selects the one that a block multiplies.
//
// gemm.cuh explains the algorithm and its tiles. For large matrices the bound is arithmetic. For the layers of a small
// network it is the latency of a chain of about ten K-tiles.
#ifndef BATCHED
#define BATCHED 0
#endif
// Copies of single elements each keep an address.
#if VECTOR_A == 1 || VECTOR_B == 1
#define RESIDENT_THREADS 384
#endif
#include "gemm.cuh"

#ifndef SUMS
#define SUMS 0
#endif
#ifndef SUMS_EPILOGUE
#define SUMS_EPILOGUE(...)
#endif

#ifndef STORE
#define STORE(x, i, j) c[(size_t)(i) * n + (j)] = x;
#endif

#if SUMS
// The row of ones, which begins a vector of rows, or is one along k.
__device__ const __align__(16) Element Ones[4] = {1, !TRANSPOSE_A, !TRANSPOSE_A, !TRANSPOSE_A};
#endif

// The lengths of the rows of A and of B, if they are constants.
#ifndef LENGTH_A
#define LENGTH_A 0
#endif
#ifndef LENGTH_B
#define LENGTH_B 0
#endif

struct MatrixA {
    static constexpr bool AlongK = !TRANSPOSE_A, IsEven = true, IsGrid = !SUMS, IsSplit = false;
    static constexpr int Vector = VECTOR_A, Length = LENGTH_A;
    const Element* x;
    int m, k;
    __device__ __forceinline__ bool find(int i, int j, const Element*& at) const
    {
        at = x + (TRANSPOSE_A ? (size_t)j * row() + i : (size_t)i * row() + j);
#if SUMS
        at = i == m ? Ones : at;
#endif
        return true;
    }

    __device__ __forceinline__ int64 step(int i) const { return SUMS && i == m ? 0 : TRANSPOSE_A ? row() : 1; }
    __device__ __forceinline__ int64 apart() const { return TRANSPOSE_A ? 1 : row(); }
    __device__ __forceinline__ int row() const { return Length > 0 ? Length : TRANSPOSE_A ? m : k; }
};

struct MatrixB {
    static constexpr bool AlongK = TRANSPOSE_B, IsEven = true, IsGrid = true, IsSplit = false;
    static constexpr int Vector = VECTOR_B, Length = LENGTH_B;
    const Element* x;
    int n, k;
    __device__ __forceinline__ bool find(int i, int j, const Element*& at) const
    {
        at = x + (TRANSPOSE_B ? (size_t)i * row() + j : (size_t)j * row() + i);
        return true;
    }

    __device__ __forceinline__ int64 step(int) const { return TRANSPOSE_B ? 1 : row(); }
    __device__ __forceinline__ int64 apart() const { return TRANSPOSE_B ? row() : 1; }
    __device__ __forceinline__ int row() const { return Length > 0 ? Length : TRANSPOSE_B ? k : n; }
};

#if BATCHED

extern "C" __global__ void __launch_bounds__(Threads, Blocks) gemm_batched(
    const Element* a, const Element* b, T* c, int64 stepA, int64 stepB, int m, int n, int k)
{
    a += blockIdx.z * stepA;
    b += blockIdx.z * stepB;
    c += (size_t)blockIdx.z * m * n;
    Product<MatrixA, MatrixB> product;
    product.compute(MatrixA{a, m, k}, MatrixB{b, n, k}, m, n, k, nullptr);
    product.forEachByRows(m, n, [&](int i, int j, T x) { c[(size_t)i * n + j] = x; });
}

#else

// workspace: as in split_k.cuh, if gridDim.z is not 1.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) gemm(
    const Element* a, const Element* b, T* c, T* sums, T* workspace, int m, int n, int k OPERANDS)
{
    Product<MatrixA, MatrixB> product;
    if (!product.compute(MatrixA{a, m, k}, MatrixB{b, n, k}, m + SUMS, n, k, workspace)) {
        return;
    }

    product.forEachByRows(m + SUMS, n, [&](int i, int j, T x) {
        if (SUMS && i == m) {
            SUMS_EPILOGUE(x, j)
            sums[j] = x;
            return;
        }

        EPILOGUE(x, i, j)
        STORE(x, i, j)
    });
}

#endif
