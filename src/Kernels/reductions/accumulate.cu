// Joins each element along an axis with all before it: cumulative sums and products.
//
//   y[outer][j][inner] = JOIN of x[outer][0 … j][inner]        x, y: T, (outer, dimension, inner)
//
// The row defines JOIN(a, b) and START, the result of joining nothing. With REVERSE 1 it goes from the end; with
// EXCLUSIVE 1 the element itself is not joined. The order of joining depends only on the length.
//   accumulate_lines    inner is 1: a block scans a line, 256 elements at a time, warps by shuffles (Hillis and Steele)
//   accumulate_columns  a thread goes along a column, its neighbor along the next; totals of 32 elements are joined
//                       before they are added, so that errors stay small
// Each element is read and written once. The bound is the memory bandwidth, if there are enough lines.
#include "common.cuh"

constexpr int ScanThreads = 256, ScanWarps = ScanThreads / WarpThreads, ColumnBlock = 32;

__device__ __forceinline__ int index(int j, int dim) { return REVERSE ? dim - 1 - j : j; }

extern "C" __global__ void __launch_bounds__(ScanThreads) accumulate_lines(
    const T* x, T* y, int dim, int inner, int lines)
{
    __shared__ T totals[ScanWarps];
    int lane = threadIdx.x % WarpThreads, warp = threadIdx.x / WarpThreads;
    const T* from = x + (size_t)blockIdx.x * dim;
    T* to = y + (size_t)blockIdx.x * dim;
    T before = START;
    for (int first = 0; first < dim; first += ScanThreads) {
        int j = first + threadIdx.x;
        T own = j < dim ? from[index(j, dim)] : START;
        T total = own;
        for (int step = 1; step < WarpThreads; step *= 2) {
            T other = __shfl_up_sync(WholeWarp, total, step);
            total = lane >= step ? JOIN(other, total) : total;
        }

        if (lane == WarpThreads - 1) {
            totals[warp] = total;
        }

        __syncthreads();
        T prefix = before;
        for (int i = 0; i < ScanWarps; i++) {
            T next = totals[i];
            prefix = i < warp ? JOIN(prefix, next) : prefix;
            before = JOIN(before, next);
        }

        T exclusive = __shfl_up_sync(WholeWarp, total, 1);
        exclusive = lane == 0 ? START : exclusive;
        T joined = EXCLUSIVE ? exclusive : total;
        if (j < dim) {
            to[index(j, dim)] = JOIN(prefix, joined);
        }

        __syncthreads();
    }
}

extern "C" __global__ void __launch_bounds__(ScanThreads) accumulate_columns(
    const T* x, T* y, int dim, int inner, int lines)
{
    int line = blockIdx.x * blockDim.x + threadIdx.x;
    if (line >= lines) {
        return;
    }

    size_t start = (size_t)(line / inner) * dim * inner + line % inner;
    T before = START, total = START;
    for (int j = 0; j < dim; j++) {
        size_t at = start + (size_t)index(j, dim) * inner;
        T value = x[at], next = JOIN(total, value), joined = JOIN(before, next);
        y[at] = EXCLUSIVE ? JOIN(before, total) : joined;
        bool endsBlock = j % ColumnBlock == ColumnBlock - 1;
        total = endsBlock ? START : next;
        before = endsBlock ? joined : before;
    }
}
