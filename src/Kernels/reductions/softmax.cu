// Softmax, its logarithm, the cross-entropy, and their gradients, along the rows of a matrix.
//
//   x, y, g: T, (rows, columns) in C order; labels: int, (rows); losses: T, (rows)
//
// A warp handles a row: its lanes go along the columns side by side and join their results by shuffles. Thus no shared
// memory and no barrier are needed, and a row of classes is read once or, from the cache, twice. Nothing is computed
// from exp(x) itself, which overflows, but from exp(x − the row's maximum). Blocks are small, because there are few
// rows: a batch of 128 rows gives 32 blocks. The bound is the latency of the launch for such batches, and the memory
// bandwidth for large ones.
#include "rows.cuh"

__device__ __forceinline__ T maxOfRow(const T* x, int columns, int lane)
{
    T rowMax = lowest(T(0));
    for (int i = lane; i < columns; i += WarpThreads) {
        T value = x[i];
        rowMax = maximum(rowMax, value);
    }

    return maxOfWarp(rowMax);
}

__device__ __forceinline__ T sumOfExp(const T* x, T rowMax, int columns, int lane)
{
    T sum = T(0);
    for (int i = lane; i < columns; i += WarpThreads) {
        sum += exactExp(x[i], rowMax);
    }

    return sumOfWarp(sum);
}

// y = exp(x) / Σ exp(x); y may be x.
extern "C" __global__ void __launch_bounds__(Threads) softmax(const T* x, T* y, int rows, int columns)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    x += row.index * columns;
    y += row.index * columns;
    T rowMax = maxOfRow(x, columns, row.lane), sum = sumOfExp(x, rowMax, columns, row.lane);
    for (int i = row.lane; i < columns; i += WarpThreads) {
        y[i] = exactExp(x[i], rowMax) / sum;
    }
}

// y = x − log Σ exp(x); y may be x. The sum is 1 plus `others`, which may be small beside 1. The difference comes
// first, because max + log(sum) has only as many digits behind the point as max.
extern "C" __global__ void __launch_bounds__(Threads) log_softmax(const T* x, T* y, int rows, int columns)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    x += row.index * columns;
    y += row.index * columns;
    T rowMax = maxOfRow(x, columns, row.lane), others = T(0), ones = T(0);
    for (int i = row.lane; i < columns; i += WarpThreads) {
        T d = x[i] - rowMax;
        if (d == 0) {
            ones += T(1);
        } else {
            others += exp(d);
        }
    }

    T rest = sumOfWarp(others), same = sumOfWarp(ones), logSum = log1p(rest + (same - T(1)));
    for (int i = row.lane; i < columns; i += WarpThreads) {
        y[i] = (x[i] - rowMax) - logSum;
    }
}

// dx = y (g − Σ g y); dx may be y or g.
extern "C" __global__ void __launch_bounds__(Threads) softmax_gradient(
    const T* y, const T* g, T* dx, int rows, int columns)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    int64 first = row.index * columns;
    T sum = T(0);
    for (int i = row.lane; i < columns; i += WarpThreads) {
        sum += g[first + i] * y[first + i];
    }

    sum = sumOfWarp(sum);
    for (int i = row.lane; i < columns; i += WarpThreads) {
        dx[first + i] = y[first + i] * (g[first + i] - sum);
    }
}

// dx = g − exp(y) Σ g; dx may be y or g.
extern "C" __global__ void __launch_bounds__(Threads) log_softmax_gradient(
    const T* y, const T* g, T* dx, int rows, int columns)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    int64 first = row.index * columns;
    T sum = T(0);
    for (int i = row.lane; i < columns; i += WarpThreads) {
        sum += g[first + i];
    }

    sum = sumOfWarp(sum);
    for (int i = row.lane; i < columns; i += WarpThreads) {
        dx[first + i] = g[first + i] - exp(y[first + i]) * sum;
    }
}

// loss = log Σ exp(x) − x[label]
extern "C" __global__ void __launch_bounds__(Threads) softmax_cross_entropy(
    const T* x, const int* labels, T* losses, int rows, int columns, Fault* fault, int code)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    x += row.index * columns;
    T rowMax = maxOfRow(x, columns, row.lane), sum = sumOfExp(x, rowMax, columns, row.lane);
    if (row.lane == 0) {
        int label = labels[row.index];
        if (isClass(label, row.index, columns, losses, fault, code)) {
            // The difference from the row's maximum comes first, because both may be large.
            losses[row.index] = (rowMax - x[label]) + log(sum);
        }
    }
}

// A row of dx = (exp(x) / Σ exp(x) − 1 at the label) g, given the maximum of x and Σ exp(x − the maximum).
__device__ __forceinline__ void writeGradient(const T* x, T* dx, int columns, int lane, int label, T g, T rowMax, T sum)
{
    for (int i = lane; i < columns; i += WarpThreads) {
        dx[i] = (exactExp(x[i], rowMax) / sum - (i == label ? T(1) : T(0))) * g;
    }
}

// dx = (exp(x) / Σ exp(x) − 1 at the label) g; dx may be x. The factors g are gStep apart: 0 if all rows share one.
extern "C" __global__ void __launch_bounds__(Threads) softmax_cross_entropy_gradient(
    const T* x, const int* labels, const T* g, T* dx, int rows, int columns, int gStep, Fault* fault, int code)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    x += row.index * columns;
    dx += row.index * columns;
    int label = labels[row.index];
    if (row.lane == 0) {
        isClass(label, row.index, columns, fault, code);
    }

    T rowMax = maxOfRow(x, columns, row.lane), sum = sumOfExp(x, rowMax, columns, row.lane);
    writeGradient(x, dx, columns, row.lane, label, g[row.index * gStep], rowMax, sum);
}

// Both at once: the losses cost almost nothing when the gradient is computed.
extern "C" __global__ void __launch_bounds__(Threads) softmax_cross_entropy_with_gradient(
    const T* x, const int* labels, const T* g, T* dx, T* losses, int rows, int columns, int gStep, Fault* fault,
    int code)
{
    Row row;
    if (row.index >= rows) {
        return;
    }

    x += row.index * columns;
    dx += row.index * columns;
    int label = labels[row.index];
    T rowMax = maxOfRow(x, columns, row.lane), sum = sumOfExp(x, rowMax, columns, row.lane);
    if (row.lane == 0 && isClass(label, row.index, columns, losses, fault, code)) {
        // The difference from the row's maximum comes first, because both may be large.
        losses[row.index] = (rowMax - x[label]) + log(sum);
    }

    // dx may be x, whose value at the label the first lane has now read.
    __syncwarp();
    writeGradient(x, dx, columns, row.lane, label, g[row.index * gStep], rowMax, sum);
}

// loss = −log p[label]
extern "C" __global__ void __launch_bounds__(Threads) cross_entropy(
    const T* p, const int* labels, T* losses, int rows, int columns, Fault* fault, int code)
{
    int row = blockIdx.x * Threads + threadIdx.x;
    if (row < rows && isClass(labels[row], row, columns, losses, fault, code)) {
        losses[row] = -log(p[(size_t)row * columns + labels[row]]);
    }
}

// dp = −g / p at the label, otherwise 0, as for g = 0; each thread computes an element.
extern "C" __global__ void __launch_bounds__(Threads) cross_entropy_gradient(
    const T* p, const int* labels, const T* g, T* dp, int columns, unsigned count, Fault* fault, int code)
{
    unsigned i = blockIdx.x * Threads + threadIdx.x;
    if (i >= count) {
        return;
    }

    int row = i / columns, column = i % columns, label = labels[row];
    if (column == 0) {
        isClass(label, row, columns, fault, code);
    }

    dp[i] = column == label && g[row] != 0 ? -g[row] / p[i] : T(0);
}
