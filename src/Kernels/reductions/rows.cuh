// Shared code of kernels with a warp for each row of a matrix (softmax.cu says why).
#pragma once
#include "common.cuh"

constexpr int Threads = 256, RowsPerBlock = Threads / WarpThreads;

struct Row {
    int lane;
    int64 index;
    __device__ Row()
    {
        lane = threadIdx.x % WarpThreads;
        index = (int64)blockIdx.x * RowsPerBlock + threadIdx.x / WarpThreads;
    }
};

// All lanes get the sum. The order is always that of the same tree. If only Lanes lanes count, a power of two, those
// get it.
template <int Lanes = WarpThreads>
__device__ __forceinline__ T sumOfWarp(T value)
{
    for (int lanes = Lanes / 2; lanes > 0; lanes /= 2) {
        value += __shfl_xor_sync(WholeWarp, value, lanes);
    }

    return value;
}

template <int Lanes = WarpThreads>
__device__ __forceinline__ T maxOfWarp(T value)
{
    for (int lanes = Lanes / 2; lanes > 0; lanes /= 2) {
        T other = __shfl_xor_sync(WholeWarp, value, lanes);
        value = maximum(value, other);
    }

    return value;
}

// exp(x − max), corrected by the rounding error e of the difference d: exp(d + e) is exp(d) (1 + e).
__device__ __forceinline__ T exactExp(T x, T rowMax)
{
    T d = x - rowMax, back = d - x, lost = (x - (d - back)) - (rowMax + back), power = exp(d);
    return lost == lost ? power + power * lost : power;
}

// Returns whether a label is one of the classes. If not, it reports the label, and the caller skips the row.
__device__ __forceinline__ bool isClass(int label, int64 row, int classes, Fault* fault, int code)
{
    if ((unsigned)label < (unsigned)classes) {
        return true;
    }

    reportFault(fault, code, label, (int)row);
    return false;
}

// The same where a row has a loss: without a class it is no number, so that no launch reads what nobody wrote.
__device__ __forceinline__ bool isClass(int label, int64 row, int classes, T* losses, Fault* fault, int code)
{
    if (isClass(label, row, classes, fault, code)) {
        return true;
    }

    losses[row] = sqrt(T(-1));
    return false;
}
