// The gradient of a convolution of stride 1 with respect to the images, from shared memory (conv_direct.cuh): the
// gradient of the result, with zeros around it, is convolved with the flipped filters.
//
// w: (O, C, KH, KW), g: (N, O, OH, OW), y: (N, C, H, W). With POOL 1 g is the gradient of the pooled result, (N, O, OH
// / 2, OW / 2), and `argmax`, of the same shape, is the pixel of the window that has it.
#include "conv_direct.cuh"

// The planes of a pooled gradient: zeros, except for one pixel of each window.
__device__ __forceinline__ void spreadGradient(
    const Element* g, const int* argmax, const ConvShape& s, int first, int count, int top, int left)
{
    for (int i = threadIdx.x * MaxVector; i < PlaneElements; i += THREADS * MaxVector) {
        *(Pack<MaxVector>*)(sharedPlanes() + i) = {};
    }

    __syncthreads();
    int windows = (s.resultHeight / 2) * (s.resultWidth / 2);
    #pragma unroll 1
    for (int image = 0; image < IMAGES && (int)blockIdx.x * IMAGES + image < s.images; image++) {
        size_t from = ((size_t)(blockIdx.x * IMAGES + image) * s.filters + first) * windows;
        #pragma unroll 4
        for (int i = threadIdx.x; i < count * windows; i += THREADS) {
            int at = argmax[from + i], row = at / s.resultWidth, column = at - row * s.resultWidth;
            T* plane = sharedPlanes() + image * IMAGE_STEP + i / windows * PlaneStep;
            plane[offsetInPlane(row + top, column + left)] = g[from + i];
        }
    }
}

// EPILOGUE(x, image, channel, pixel), where the pixel is h · W + w.
extern "C" __global__ void __launch_bounds__(THREADS) conv_direct_input_gradient(
    const Element* w, const Element* g, const int* argmax, T* y, ConvShape given OPERANDS)
{
    CONV_SHAPE_OF(given);
    int across = (s.width + 1) / 2, tiles = (s.height + 1) / 2 * across;
    int top = FILTER_HEIGHT - 1 - s.padH, left = FILTER_WIDTH - 1 - s.padW;
    Windows windows(tiles);
    for (int first = 0; first < s.filters; first += CHUNK) {
        int count = min(CHUNK, s.filters - first);
        if (first > 0) {
            __syncthreads();
        }

#if POOL
        spreadGradient(g, argmax, s, first, count, top, left);
#else
        bringPlanes(g, s.images, s.filters, first, count, s.resultHeight, s.resultWidth, top, left);
#endif
        bringWeights(w, first, count, s.channels, s.filterArea(), s.taps(), !FLIP);
        __syncthreads();
        if (windows.isActive()) {
            windows.add(count, across);
        }
    }

    windows.forEach(s.images, s.channels, s.height, s.width, across, [&](int image, int channel, int pixel, T value) {
        EPILOGUE(value, image, channel, pixel)
        y[((size_t)image * s.channels + channel) * s.area() + pixel] = value;
    });
}
