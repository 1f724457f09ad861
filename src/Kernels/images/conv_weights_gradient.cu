// The gradient of a convolution (conv.cuh) with respect to the filters and, in the same launch, to the bias.
//
// x: (N, C, H, W), g: (N, O, OH, OW), y: (O, C, KH, KW), sums: (O)
#include "conv.cuh"

#ifndef SUMS
#define SUMS 0
#endif
#ifndef SUMS_EPILOGUE
#define SUMS_EPILOGUE(...)
#endif

#if SUMS
__device__ const T One = 1;
#endif

struct Taps {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false;
    static constexpr int Vector = 1, Length = 0;
    const T* x;
    const ConvShape& s;
    __device__ __forceinline__ bool find(int tap, int pixel, const T*& at) const
    {
#if SUMS
        if (tap == s.taps()) {
            at = &One;
            return true;
        }
#endif
        return under(x, s, resultPixel(s, pixel), tap, at);
    }
};

struct Gradients {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false;
    static constexpr int Vector = VECTOR_G, Length = 0;
    const T* g;
    const int* argmax;
    const ConvShape& s;
    __device__ __forceinline__ bool find(int filter, int index, const T*& at) const
    {
        Pixel pixel = resultPixel(s, index);
        return gradient(g, argmax, s, pixel.plane, filter, pixel.row, pixel.column, at);
    }
};

// i: taps and, with SUMS 1, one more whose element is always 1; j: filters; k: pixels of the result, of which there are
// many. EPILOGUE(x, at), where y[at] is the weight; SUMS_EPILOGUE(x, filter) for sums[filter], the sum of the filter's
// gradients, which is the gradient of its bias. With POOL g is the gradient of the pooled result.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) conv_weights_gradient(
    const T* x, const T* g, const int* argmax, T* y, T* sums, T* workspace, ConvShape given OPERANDS)
{
    CONV_SHAPE_OF(given);
    int taps = s.taps() + SUMS;
    Product<Taps, Gradients> product;
    if (!product.compute(Taps{x, s}, Gradients{g, argmax, s}, taps, s.filters, resultPixels(s), workspace)) {
        return;
    }

    product.forEach(taps, s.filters, [&](int tap, int filter, T value) {
        if (SUMS && tap == s.taps()) {
            SUMS_EPILOGUE(value, filter)
            sums[filter] = value;
            return;
        }

        int at = weight(s, filter, tap);
        EPILOGUE(value, at)
        y[at] = value;
    });
}
