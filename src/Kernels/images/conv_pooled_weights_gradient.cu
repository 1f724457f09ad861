// The gradient, with respect to the filters and to the bias, of a convolution of stride 1 whose result is pooled in
// windows of 2 × 2.
//
// Only one pixel of each window has a gradient, so this needs a quarter of the products of the whole result:
//
//   y[o][c][kh][kw] = sum over images and windows of g[window of o] · x[c][argmax + (kh, kw)]
//
// where `argmax` is the pixel of the window's maximum. A thread keeps the accumulators of OWN channels of a filter and
// of its bias, and goes from window to window. It reads g and the index once, and then an element of the image for each
// product. The lanes of a warp have different filters at the same window, so that they read the same few elements.
//
// x: (N, C, H, W), g and argmax: (N, O, OH / 2, OW / 2), y: (O, C, KH, KW), sums: (O)
//
//   planes:  GROUPS · OWN × PLANE_HEIGHT × PLANE_WIDTH of one image, zeros around it
//   maxima:  FILTERS × windows, one more if that is even: the filters are then in different banks
//
// Grid: FILTERS filters; GROUPS groups of OWN channels; parts of the images, joined as in split_k.cuh. Block: THREADS,
// each with a filter and a group; WALKERS of these threads share the windows.
#include "common.cuh"
#include "packs.cuh"
#include "split_k.cuh"
#include "conv_shape.cuh"

#ifndef OPERANDS
#define OPERANDS
#endif
#ifndef EPILOGUE
#define EPILOGUE(...)
#endif
#ifndef SUMS_EPILOGUE
#define SUMS_EPILOGUE(...)
#endif

constexpr int FilterArea = FILTER_HEIGHT * FILTER_WIDTH, PlaneArea = PLANE_HEIGHT * PLANE_WIDTH;
constexpr int Channels = GROUPS * OWN, Weights = OWN * FilterArea;
static_assert(FILTERS * GROUPS * WALKERS == THREADS, "every thread has its filter, group and windows");

// The pixel of a window's maximum: its gradient, and the offset in a plane of the first element that the filter saw.
struct __align__(2 * sizeof(T)) Maximum {
    T gradient;
    int bytes;
};

// The number of sums of a thread, and the number of a block's sums that it stores after those of all walkers are
// joined.
constexpr int Count = Weights + 1, Left = (FILTERS * GROUPS * Count + THREADS - 1) / THREADS;

__device__ __forceinline__ void bringImage(const Element* x, const ConvShape& s, T* planes, int firstChannel)
{
    constexpr int Together = THREADS > PlaneArea ? THREADS / PlaneArea : 1;
    int count = min(Channels, s.channels - firstChannel);
    for (int i = threadIdx.x; i < Together * PlaneArea; i += THREADS) {
        int at = i % PlaneArea, row = at / PLANE_WIDTH - s.padH, column = at % PLANE_WIDTH - s.padW;
        bool inside = row >= 0 && row < s.height && column >= 0 && column < s.width;
        const Element* from = x + (size_t)firstChannel * s.area() + row * s.width + column;
        #pragma unroll 4
        for (int channel = i / PlaneArea; channel < Channels; channel += Together) {
            planes[channel * PlaneArea + at] = inside && channel < count ? from[(size_t)channel * s.area()] : T(0);
        }
    }
}

__device__ __forceinline__ void bringMaxima(
    const Element* g, const int* argmax, const ConvShape& s, Maximum* maxima, int step, int windows, int count)
{
    #pragma unroll 4
    for (int i = threadIdx.x; i < count * windows; i += THREADS) {
        int at = argmax[i], row = at / s.resultWidth, column = at - row * s.resultWidth, filter = i / windows;
        maxima[filter * step + i - filter * windows] = {g[i], (row * PLANE_WIDTH + column) * (int)sizeof(T)};
    }
}

// EPILOGUE(x, at), where y[at] is the weight; with SUMS 1 SUMS_EPILOGUE(x, filter) for sums[filter].
extern "C" __global__ void __launch_bounds__(THREADS) conv_pooled_weights_gradient(
    const Element* x, const Element* g, const int* argmax, T* y, T* sums, T* workspace, ConvShape given OPERANDS)
{
    extern __shared__ __align__(16) unsigned char sharedBytes[];
    CONV_SHAPE_OF(given);
    T* planes = (T*)sharedBytes;
    Maximum* maxima = (Maximum*)(planes + (Channels * PlaneArea + 1) / 2 * 2);
    int windows = (s.resultHeight / 2) * (s.resultWidth / 2), step = windows | 1;
    int filter = threadIdx.x % FILTERS, group = threadIdx.x / FILTERS % GROUPS;
    int walker = threadIdx.x / (FILTERS * GROUPS);
    int firstFilter = blockIdx.x * FILTERS, firstChannel = blockIdx.y * Channels;
    int filters = min(FILTERS, s.filters - firstFilter);
    int image = (int)((int64)s.images * blockIdx.z / gridDim.z);
    int last = (int)((int64)s.images * (blockIdx.z + 1) / gridDim.z);
    T all[Count] = {};
    #pragma unroll 1
    for (; image < last; image++) {
        size_t of = ((size_t)image * s.filters + firstFilter) * windows;
        bringImage(x + (size_t)image * s.channels * s.area(), s, planes, firstChannel);
        bringMaxima(g + of, argmax + of, s, maxima, step, windows, filters);
        __syncthreads();
        if (filter < filters) {
            const char* under = (const char*)(planes + group * OWN * PlaneArea);
            #pragma unroll 2
            for (int window = walker; window < windows; window += WALKERS) {
                Maximum best = maxima[filter * step + window];
                const T* at = (const T*)(under + best.bytes);
                #pragma unroll
                for (int i = 0; i < Weights; i++) {
                    int tap = i % FilterArea;
                    all[i] += best.gradient
                        * at[i / FilterArea * PlaneArea + tap / FILTER_WIDTH * PLANE_WIDTH + tap % FILTER_WIDTH];
                }

                all[Weights] += best.gradient;
            }
        }

        __syncthreads();
    }

    // The sums of the threads are side by side, so that they can be joined in the order of y.
    T* joined = (T*)sharedBytes;
    int thread = walker * FILTERS * GROUPS + filter * GROUPS + group;
    #pragma unroll
    for (int i = 0; i < Count; i++) {
        joined[thread * Count + i] = all[i];
    }

    __syncthreads();
    T left[Left];
    #pragma unroll
    for (int i = 0; i < Left; i++) {
        int at = i * THREADS + threadIdx.x;
        left[i] = T(0);
        if (at < FILTERS * GROUPS * Count) {
            #pragma unroll
            for (int other = 0; other < WALKERS; other++) {
                left[i] += joined[other * FILTERS * GROUPS * Count + at];
            }
        }
    }

    if (!reduceSplits<Left, THREADS>(left, workspace)) {
        return;
    }

    #pragma unroll
    for (int i = 0; i < Left; i++) {
        int at = i * THREADS + threadIdx.x, own = at / Count, index = at - own * Count;
        int o = firstFilter + own / GROUPS, channel = firstChannel + own % GROUPS * OWN + index / FilterArea;
        T value = left[i];
        if (at >= FILTERS * GROUPS * Count || o >= s.filters) {
            continue;
        }

        if (index == Weights) {
            if (SUMS && blockIdx.y == 0 && own % GROUPS == 0) {
                SUMS_EPILOGUE(value, o)
                sums[o] = value;
            }
        } else if (channel < s.channels) {
            int to = (o * s.channels + channel) * FilterArea + s.weightIndex(index % FilterArea);
            EPILOGUE(value, to)
            y[to] = value;
        }
    }
}
