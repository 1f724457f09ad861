// Reductions along some axes: sums, products, maxima, minima.
//
//   y[part][output] = JOIN of ELEMENT(kept(output) + reduced(i)) over the i of the part        y, elements: T
//
// ELEMENT(at) is the element at index `at`, read from the arrays INPUTS: from one of them, or computed from several by
// element-wise functions, whose result is never stored (Ops/Elementwise/Fusion/CudaComposite.cs). The row defines
// JOIN(a, b) and START, the result of joining nothing. `kept` and `reduced` are the loops over the axes that stay and
// over those that are reduced. If there are few outputs, the i are split into parts, which a second launch joins in
// order. The shape alone determines their number, and the order within a part is fixed, too, so the same input gives
// the same bits.
//
// There are three ways to share the work; neighboring threads always read neighboring elements:
//   reduce_rows     the innermost axis is reduced and long: a block joins one output
//   reduce_warps    the innermost axis is reduced and short: a warp joins one output
//   reduce_columns  the innermost axis is kept: a thread joins every 4th element of an output, its neighbor of the next
// EPILOGUE(x, at) and OPERANDS are as in gemm.cuh: they change a result before it is stored to y[at], but not the
// results of parts. Each element is read once, and the bound is the memory bandwidth.
#include "common.cuh"

#ifndef OPERANDS
#define OPERANDS
#endif
#ifndef EPILOGUE
#define EPILOGUE(...)
#endif

constexpr int RowThreads = 128;
constexpr int Warps = RowThreads / WarpThreads;
constexpr int Columns = 32, ColumnRows = RowThreads / Columns;

// The first index of a part, and its end.
struct Range {
    int begin, end;
    __device__ Range(int count, int parts, int part)
    {
        begin = (int)((int64)count * part / parts);
        end = (int)((int64)count * (part + 1) / parts);
    }
};

__device__ __forceinline__ T joinWarp(T total)
{
    for (int lanes = WarpThreads / 2; lanes > 0; lanes /= 2) {
        T other = __shfl_down_sync(WholeWarp, total, lanes);
        total = JOIN(total, other);
    }

    return total;
}

extern "C" __global__ void __launch_bounds__(RowThreads) reduce_rows(
    INPUTS, T* y, LoopsArgument kept, LoopsArgument reduced, int outputs, int count OPERANDS)
{
    __shared__ T totals[Warps];
    int lane = threadIdx.x % WarpThreads, warp = threadIdx.x / WarpThreads;
    Range range(count, gridDim.y, blockIdx.y);
    int64 from = kept.offset(0, blockIdx.x);
    T total = START;
    for (int i = range.begin + threadIdx.x; i < range.end; i += RowThreads) {
        T value = ELEMENT(from + reduced.offset(0, i));
        total = JOIN(total, value);
    }

    total = joinWarp(total);
    if (lane == 0) {
        totals[warp] = total;
    }

    __syncthreads();
    if (warp == 0) {
        total = joinWarp(lane < Warps ? totals[lane] : START);
        if (lane == 0) {
            EPILOGUE(total, blockIdx.x)
            y[(size_t)blockIdx.y * outputs + blockIdx.x] = total;
        }
    }
}

extern "C" __global__ void __launch_bounds__(RowThreads) reduce_warps(
    INPUTS, T* y, LoopsArgument kept, LoopsArgument reduced, int outputs, int count OPERANDS)
{
    int lane = threadIdx.x % WarpThreads;
    int64 output = (int64)blockIdx.x * Warps + threadIdx.x / WarpThreads;
    if (output >= outputs) {
        return;
    }

    int64 from = kept.offset(0, (int)output);
    T total = START;
    for (int i = lane; i < count; i += WarpThreads) {
        T value = ELEMENT(from + reduced.offset(0, i));
        total = JOIN(total, value);
    }

    total = joinWarp(total);
    if (lane == 0) {
        EPILOGUE(total, output)
        y[output] = total;
    }
}

extern "C" __global__ void __launch_bounds__(RowThreads) reduce_columns(
    INPUTS, T* y, LoopsArgument kept, LoopsArgument reduced, int outputs, int count OPERANDS)
{
    __shared__ T totals[ColumnRows][Columns];
    int column = threadIdx.x % Columns, first = threadIdx.x / Columns;
    int64 output = (int64)blockIdx.x * Columns + column;
    Range range(count, gridDim.y, blockIdx.y);
    T total = START;
    if (output < outputs) {
        int64 from = kept.offset(0, (int)output);
        for (int i = range.begin + first; i < range.end; i += ColumnRows) {
            T value = ELEMENT(from + reduced.offset(0, i));
            total = JOIN(total, value);
        }
    }

    totals[first][column] = total;
    __syncthreads();
    if (first == 0 && output < outputs) {
        for (int row = 1; row < ColumnRows; row++) {
            T other = totals[row][column];
            total = JOIN(total, other);
        }

        EPILOGUE(total, output)
        y[(size_t)blockIdx.y * outputs + output] = total;
    }
}
