// Convolutions of each channel with its own filters, as many for each channel, and their gradients.
//
//   y[n][o][p] = sum over k of w[o][k] · x[n][o / multiples][p · stride + k · dilation − pad]
//
//   x: T, (N, C, D, H, W); w: T, (O, KD, KH, KW), flipped with FLIP 1; y: T, (N, O, OD, OH, OW)
//
// Each thread computes an output element, in a fixed order of its terms; for the weights' gradient a block does. An
// element has only as many products as a filter has taps, so the bound is the memory bandwidth.
#include "patches.cuh"

constexpr int SumThreads = 256;

__device__ __forceinline__ int taps(const PatchShape& s) { return s.size[0] * s.size[1] * s.size[2]; }

__device__ __forceinline__ int weight(const PatchShape& s, int tap) { return FLIP ? taps(s) - 1 - tap : tap; }

// The offset in the images of a tap's pixel, for an element of a plane of the result; −1 outside.
__device__ __forceinline__ int64 pixel(const PatchShape& s, int plane, int result, int tap)
{
    int64 at = plane;
    int over[3], size[3];
    #pragma unroll
    for (int axis = 2; axis >= 0; axis--) {
        over[axis] = result % s.over[axis];
        result /= s.over[axis];
        size[axis] = tap % s.size[axis];
        tap /= s.size[axis];
    }

    bool isInside = true;
    #pragma unroll
    for (int axis = 0; axis < 3; axis++) {
        int i = over[axis] * s.stride[axis] + size[axis] * s.dilation[axis] - s.pad[axis];
        isInside = isInside && i >= 0 && i < s.dim[axis];
        at = at * s.dim[axis] + i;
    }

    return isInside ? at : -1;
}

extern "C" __global__ void channelwise(
    const T* x, const T* w, T* y, PatchShape s, int filters, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    int area = s.over[0] * s.over[1] * s.over[2], multiples = filters / s.channels;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int result = i % area, line = i / area;
        int image = line / filters, filter = line % filters;
        int plane = image * s.channels + filter / multiples;
        T total = T(0);
        for (int tap = 0; tap < taps(s); tap++) {
            int64 at = pixel(s, plane, result, tap);
            total += at >= 0 ? w[filter * taps(s) + weight(s, tap)] * x[at] : T(0);
        }

        y[i] = total;
    }
}

extern "C" __global__ void channelwise_input_gradient(
    const T* w, const T* g, T* x, PatchShape s, int filters, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    int multiples = filters / s.channels;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int column = i % s.dim[2], rest = i / s.dim[2];
        int row = rest % s.dim[1];
        rest /= s.dim[1];
        int depth = rest % s.dim[0], plane = rest / s.dim[0];
        int image = plane / s.channels, first = plane % s.channels * multiples;
        T total = T(0);
        for (int filter = first; filter < first + multiples; filter++) {
            for (int a = 0; a < s.size[0]; a++) {
                int z = seenFrom(s, 0, depth, a);
                for (int b = 0; b < s.size[1] && z >= 0; b++) {
                    int y = seenFrom(s, 1, row, b);
                    for (int c = 0; c < s.size[2] && y >= 0; c++) {
                        int over = seenFrom(s, 2, column, c);
                        int tap = (a * s.size[1] + b) * s.size[2] + c;
                        size_t at = (((size_t)image * filters + filter) * s.over[0] + z) * s.over[1] + y;
                        total += over >= 0
                            ? w[filter * taps(s) + weight(s, tap)] * g[at * s.over[2] + over]
                            : T(0);
                    }
                }
            }
        }

        x[i] = total;
    }
}

extern "C" __global__ void __launch_bounds__(SumThreads) channelwise_weights_gradient(
    const T* x, const T* g, T* w, PatchShape s, int filters)
{
    __shared__ T totals[SumThreads];
    int filter = blockIdx.x / taps(s), tap = blockIdx.x % taps(s);
    int area = s.over[0] * s.over[1] * s.over[2], multiples = filters / s.channels;
    T total = T(0);
    for (int64 i = threadIdx.x; i < (int64)s.images * area; i += SumThreads) {
        int image = (int)(i / area), result = (int)(i % area);
        int64 at = pixel(s, image * s.channels + filter / multiples, result, tap);
        total += at >= 0 ? x[at] * g[((size_t)image * filters + filter) * area + result] : T(0);
    }

    totals[threadIdx.x] = total;
    __syncthreads();
    for (int half = SumThreads / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) {
            totals[threadIdx.x] += totals[threadIdx.x + half];
        }

        __syncthreads();
    }

    if (threadIdx.x == 0) {
        w[filter * taps(s) + weight(s, tap)] = totals[0];
    }
}
