// Consecutive rows from one that is known only at run time. Rows outside the array are reported, and nothing outside is
// accessed. The bound is the memory bandwidth; neighboring threads move neighboring elements of a row.
#include "common.cuh"

// Returns whether the array has all rows from the first on; if not, one thread reports it.
__device__ __forceinline__ bool areInside(int first, int count, int rows, unsigned thread, Fault* fault, int code)
{
    bool isInside = first >= 0 && first <= rows - count;
    if (!isInside && thread == 0) {
        reportFault(fault, code, first, 0);
    }

    return isInside;
}

// y[i] = x[start + i]        x: (rows, length), y: (count, length)
extern "C" __global__ void take_rows(
    const T* x, const int* start, T* y, int rows, int count, int length, unsigned elements, Fault* fault, int code)
{
    int first = *start;
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x, threads = gridDim.x * blockDim.x;
    if (!areInside(first, count, rows, thread, fault, code)) {
        return;
    }

    for (unsigned i = thread; i < elements; i += threads) {
        y[i] = x[(size_t)first * length + i];
    }
}

// y = 0, except y[start + i] = g[i]        g: (count, length), y: (rows, length)
extern "C" __global__ void put_rows(
    const T* g, const int* start, T* y, int rows, int count, int length, unsigned elements, Fault* fault, int code)
{
    int first = *start;
    unsigned thread = blockIdx.x * blockDim.x + threadIdx.x, threads = gridDim.x * blockDim.x;
    if (!areInside(first, count, rows, thread, fault, code)) {
        return;
    }

    for (unsigned i = thread; i < elements; i += threads) {
        int row = (int)(i / length) - first;
        y[i] = row >= 0 && row < count ? g[(size_t)row * length + i % length] : T(0);
    }
}
