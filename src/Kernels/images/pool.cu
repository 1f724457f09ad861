// Pooling of planes (images times channels) in windows, and its gradients. All arrays are T except the indices, in C
// order.
//
//   y[p][oh][ow] from x[p][h][w], h from oh·strideH − padH on, size rows; w likewise; nothing outside the plane counts
//
// Each thread computes one output element from the few elements that it depends on, which neighboring threads share in
// the cache. The gradients are gathered, too, by the elements that receive them, in a fixed order, so that no two
// threads write one element. The bound is the memory bandwidth.
#include "common.cuh"

struct Windows {
    int planes, height, width;
    int sizeH, sizeW, strideH, strideW, padH, padW;
    int resultHeight, resultWidth;
};

// The rows (or columns) of a plane that a window covers.
struct Cut {
    int start, end;
    __device__ __forceinline__ Cut(int window, int stride, int pad, int size, int dim)
    {
        int first = window * stride - pad;
        start = max(first, 0);
        end = min(first + size, dim);
    }
};

// The windows that cover a row (or column).
struct Cover {
    int start, end;
    __device__ __forceinline__ Cover(int position, int stride, int pad, int size, int windows)
    {
        int last = position + pad, first = last - size + 1;
        start = first <= 0 ? 0 : (first + stride - 1) / stride;
        end = min(last / stride + 1, windows);
    }
};

// Calls act(oh, ow, index of the window, index in the plane) for each window that covers element i of the planes.
template <typename Act>
__device__ __forceinline__ void forEachCover(const Windows& s, unsigned i, Act act)
{
    int column = i % s.width, line = i / s.width, row = line % s.height, plane = line / s.height;
    Cover rows(row, s.strideH, s.padH, s.sizeH, s.resultHeight);
    Cover columns(column, s.strideW, s.padW, s.sizeW, s.resultWidth);
    size_t first = (size_t)plane * s.resultHeight * s.resultWidth;
    for (int oh = rows.start; oh < rows.end; oh++) {
        for (int ow = columns.start; ow < columns.end; ow++) {
            act(oh, ow, first + oh * s.resultWidth + ow, row * s.width + column);
        }
    }
}

// The number of elements of a window's mean; 1 for a window without elements.
__device__ __forceinline__ int divisor(const Windows& s, int oh, int ow, int countPadding)
{
    if (countPadding) {
        int rows = min(s.sizeH, s.height + 2 * s.padH - oh * s.strideH);
        int columns = min(s.sizeW, s.width + 2 * s.padW - ow * s.strideW);
        return max(1, rows * columns);
    }

    Cut rows(oh, s.strideH, s.padH, s.sizeH, s.height), columns(ow, s.strideW, s.padW, s.sizeW, s.width);
    return max(1, max(rows.end - rows.start, 0) * max(columns.end - columns.start, 0));
}

// y: the maximum of each window, where NaN is greater than all numbers. argmax: its row times the width plus its
// column; the first of equal ones.
extern "C" __global__ void max_pool(const T* x, T* y, int* argmax, Windows s, unsigned count)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }

    int ow = i % s.resultWidth, line = i / s.resultWidth, oh = line % s.resultHeight, plane = line / s.resultHeight;
    Cut rows(oh, s.strideH, s.padH, s.sizeH, s.height), columns(ow, s.strideW, s.padW, s.sizeW, s.width);
    const T* from = x + (size_t)plane * s.height * s.width;
    int best = rows.start * s.width + columns.start;
    T largest = from[best];
    for (int row = rows.start; row < rows.end; row++) {
        for (int column = columns.start; column < columns.end; column++) {
            int at = row * s.width + column;
            T value = from[at];
            if (value > largest || (value != value && largest == largest)) {
                largest = value;
                best = at;
            }
        }
    }

    y[i] = largest;
    argmax[i] = best;
}

// y[p][h][w] = the sum of g over the windows whose maximum was there.
extern "C" __global__ void max_pool_gradient(const T* g, const int* argmax, T* y, Windows s, unsigned count)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }

    T total = T(0);
    forEachCover(s, i, [&](int oh, int ow, size_t window, int index) {
        if (argmax[window] == index) {
            total += g[window];
        }
    });
    y[i] = total;
}

// y: the mean of each window, over the elements inside the plane or, with countPadding, also over the padding's zeros.
extern "C" __global__ void average_pool(const T* x, T* y, Windows s, int countPadding, unsigned count)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }

    int ow = i % s.resultWidth, line = i / s.resultWidth, oh = line % s.resultHeight, plane = line / s.resultHeight;
    Cut rows(oh, s.strideH, s.padH, s.sizeH, s.height), columns(ow, s.strideW, s.padW, s.sizeW, s.width);
    const T* from = x + (size_t)plane * s.height * s.width;
    T total = T(0);
    for (int row = rows.start; row < rows.end; row++) {
        for (int column = columns.start; column < columns.end; column++) {
            total += from[row * s.width + column];
        }
    }

    T shares = T(divisor(s, oh, ow, countPadding)), mean = total / shares;
    if (total - total != 0) {
        // The sum overflows and the mean does not; or there are infinities and NaNs, which stay.
        mean = T(0);
        for (int row = rows.start; row < rows.end; row++) {
            for (int column = columns.start; column < columns.end; column++) {
                mean += from[row * s.width + column] / shares;
            }
        }
    }

    y[i] = mean;
}

// y[p][h][w] = the sum, over the windows that cover it, of g distributed among their elements.
extern "C" __global__ void average_pool_gradient(const T* g, T* y, Windows s, int countPadding, unsigned count)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) {
        return;
    }

    T total = T(0);
    forEachCover(s, i, [&](int oh, int ow, size_t window, int) {
        total += g[window] / divisor(s, oh, ow, countPadding);
    });
    y[i] = total;
}
