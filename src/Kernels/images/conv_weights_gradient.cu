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
#if HALVES
__device__ const uint16 One = Element::One;
#else
__device__ const Element One = 1;
#endif
#endif

struct Taps {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false, IsSplit = true;
    static constexpr int Vector = 1, Length = 0, OfSums = 1;
    const Element* x;
    const ConvShape& s;
    __device__ __forceinline__ Part across(int tap) const
    {
        return SUMS && tap == s.taps() ? Part{0, 0, 0, OfSums} : ofTap(s, tap);
    }

    __device__ __forceinline__ Part along(int pixel) const { return ofResult(s, resultPixel(s, pixel)); }
    __device__ __forceinline__ bool join(const Part& a, const Part& b, const Element*& at) const
    {
#if SUMS
        if (a.phase != b.phase) {
            at = (const Element*)&One;
            return true;
        }
#endif
        return under(x, s, a, b, at);
    }

    __device__ __forceinline__ bool find(int tap, int pixel, const Element*& at) const
    {
        return join(across(tap), along(pixel), at);
    }
};

struct Gradients {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false, IsSplit = true;
    static constexpr int Vector = VECTOR_G, Length = 0;
    const Element* g;
    const int* argmax;
    const ConvShape& s;
    __device__ __forceinline__ Part across(int filter) const { return ofFilter(s, filter, 0, 0, 0); }
    __device__ __forceinline__ Part along(int index) const
    {
        Pixel pixel = resultPixel(s, index);
        return ofGradient(s, pixel.plane, pixel.row, pixel.column, 0);
    }

    __device__ __forceinline__ bool join(const Part& a, const Part& b, const Element*& at) const
    {
        return gradient(g, argmax, s, a, b, at);
    }

    __device__ __forceinline__ bool find(int filter, int index, const Element*& at) const
    {
        return join(across(filter), along(index), at);
    }
};

// i: taps and, with SUMS 1, one more whose element is always 1; j: filters; k: pixels of the result, of which there are
// many. EPILOGUE(x, at), where y[at] is the weight; SUMS_EPILOGUE(x, filter) for sums[filter], the sum of the filter's
// gradients, which is the gradient of its bias. With POOL g is the gradient of the pooled result.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) conv_weights_gradient(
    const Element* x, const Element* g, const int* argmax, T* y, T* sums, T* workspace, ConvShape given OPERANDS)
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

        int at = filter * s.taps() + tap;
        EPILOGUE(value, at)
        y[at] = value;
    });
}
