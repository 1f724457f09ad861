// A function of one, two or three numbers, applied to every element, with broadcasting.
//
//   y[i] = MAP(a[i], b[i], c[i])        a, b, c: T, ARITY of them; y: R, in C order
//
// The function is the macro MAP: the expression that the row of Ops/Elementwise gives for CUDA. One thread takes an
// element, then another as far on as the grid is long, so that neighbouring threads always touch neighbouring
// elements. Nothing is reused: the bound is the memory's bandwidth, which this reaches as soon as there are some ten
// thousand elements.
#include "common.cuh"

#if ARITY == 1
#define AT(i, j, k) apply(a[i])
__device__ __forceinline__ R apply(T x) { return MAP(x); }
#elif ARITY == 2
#define AT(i, j, k) apply(a[i], b[j])
__device__ __forceinline__ R apply(T x, T y) { return MAP(x, y); }
#else
#define AT(i, j, k) apply(a[i], b[j], c[k])
__device__ __forceinline__ R apply(T x, T y, T z) { return MAP(x, y, z); }
#endif

// Each input is either as long as the output (step 1) or one number (step 0). y may be one of the inputs.
extern "C" __global__ void map_flat(
    const T* a, int stepA, const T* b, int stepB, const T* c, int stepC, R* y, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        y[i] = AT((size_t)i * stepA, (size_t)i * stepB, (size_t)i * stepC);
    }
}

// Inputs that are repeated along some of the loops over the output (step 0 there).
extern "C" __global__ void map_broadcast(const T* a, const T* b, const T* c, R* y, Loops loops, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        y[i] = AT(loops.offset(0, i), loops.offset(1, i), loops.offset(2, i));
    }
}
