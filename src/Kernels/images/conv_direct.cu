// Convolution of stride 1 from shared memory. conv_direct.cuh says how it works, conv.cuh what it computes.
//
// x: (N, C, H, W), w: (O, C, KH, KW), y: (N, O, OH, OW). With POOL 1 y is (N, O, OH / 2, OW / 2), and `argmax`, of the
// same shape, is the pixel of the whole result that was the maximum of a window.
#include "conv_direct.cuh"
#include "window_max.cuh"

#ifndef POOLED_EPILOGUE
#define POOLED_EPILOGUE(...)
#endif

// EPILOGUE(x, image, filter, pixel), where the pixel is oh · OW + ow; POOLED_EPILOGUE(x, at), where y[at] is the pooled
// element.
extern "C" __global__ void __launch_bounds__(THREADS) conv_direct(
    const Element* x, const Element* w, T* y, int* argmax, ConvShape given OPERANDS)
{
    CONV_SHAPE_OF(given);
    int across = POOL ? s.resultWidth / 2 : (s.resultWidth + 1) / 2;
    int tiles = (POOL ? s.resultHeight / 2 : (s.resultHeight + 1) / 2) * across;
    Windows windows(tiles);
    for (int first = 0; first < s.channels; first += CHUNK) {
        int count = min(CHUNK, s.channels - first);
        if (first > 0) {
            __syncthreads();
        }

        bringPlanes(x, s.images, s.channels, first, count, s.height, s.width, s.padH, s.padW);
        bringWeights(w, first, count, s.filters, s.taps(), s.filterArea(), FLIP);
        __syncthreads();
        if (windows.isActive()) {
            windows.add(count, across);
        }
    }

#if POOL
    int image = blockIdx.x * IMAGES + windows.image;
    if (!windows.isActive() || image >= s.images) {
        return;
    }

    int corner = windows.tile / across * 2 * s.resultWidth + windows.tile % across * 2;
    #pragma unroll
    for (int out = 0; out < OWN; out++) {
        int filter = (blockIdx.y * GROUPS + windows.group) * OWN + out;
        if (filter >= s.filters) {
            return;
        }

        WindowMax windowMax;
        #pragma unroll
        for (int result = 0; result < Window; result++) {
            int pixel = corner + result / 2 * s.resultWidth + result % 2;
            T value = windows.sums[out][result];
            EPILOGUE(value, image, filter, pixel)
            windowMax.take(value, pixel);
        }

        size_t to = ((size_t)image * s.filters + filter) * tiles + windows.tile;
        T value = windowMax.value;
        POOLED_EPILOGUE(value, to)
        y[to] = value;
        argmax[to] = windowMax.pixel;
    }
#else
    windows.forEach(s.images, s.filters, s.resultHeight, s.resultWidth, across,
        [&](int image, int filter, int pixel, T value) {
            EPILOGUE(value, image, filter, pixel)
            y[((size_t)image * s.filters + filter) * s.resultArea() + pixel] = value;
        });
#endif
}
