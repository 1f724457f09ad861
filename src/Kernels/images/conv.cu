// Convolution. conv.cuh says what it computes and how.
//
// x: (N, C, H, W), w: (O, C, KH, KW), y: (N, O, OH, OW)
#include "conv.cuh"
#include "window_max.cuh"

#ifndef POOLED_EPILOGUE
#define POOLED_EPILOGUE(...)
#endif

struct Columns {
    static constexpr bool AlongK = false, IsEven = false, IsGrid = false;
    static constexpr int Vector = 1, Length = 0;
    const T* x;
    const ConvShape& s;
    __device__ __forceinline__ bool find(int pixel, int tap, const T*& at) const
    {
        return under(x, s, resultPixel(s, pixel), tap, at);
    }
};

struct Filters {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false;
    static constexpr int Vector = VECTOR_W, Length = 0;
    const T* w;
    const ConvShape& s;
    __device__ __forceinline__ bool find(int filter, int tap, const T*& at) const
    {
        at = w + weight(s, filter, tap);
        return true;
    }
};

// i: pixels of the result, j: filters, k: taps. EPILOGUE(x, image, filter, pixel), where the pixel is oh · OW + ow.
// With POOL y is (N, O, OH / 2, OW / 2): the maximum of each window after the epilogue, where NaN is greater than all
// numbers, and then POOLED_EPILOGUE(x, at), where y[at] is the element. argmax, of the same shape, is the pixel of the
// maximum, the first of equal ones.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) conv_forward(
    const T* x, const T* w, T* y, int* argmax, T* workspace, ConvShape given OPERANDS)
{
    CONV_SHAPE_OF(given);
    Product<Columns, Filters> product;
    if (!product.compute(Columns{x, s}, Filters{w, s}, resultPixels(s), s.filters, s.taps(), workspace)) {
        return;
    }

#if POOL
    static_assert(Window == product.Four, "a thread has whole windows");
    #pragma unroll
    for (int sum = 0; sum < product.Count; sum += Window) {
        int i = product.row(sum), filter = product.column(sum);
        if (!product.has(sum) || i >= resultPixels(s) || filter >= s.filters) {
            continue;
        }

        WindowMax windowMax;
        int image = 0;
        #pragma unroll
        for (int result = 0; result < Window; result++) {
            Pixel at = resultPixel(s, i + result);
            image = at.plane;
            int pixel = at.row * s.resultWidth + at.column;
            T value = product.accumulators[sum + result];
            EPILOGUE(value, image, filter, pixel)
            windowMax.take(value, pixel);
        }

        int area = (s.resultHeight / 2) * (s.resultWidth / 2), window = i / Window - image * area;
        size_t to = ((size_t)image * s.filters + filter) * area + window;
        T value = windowMax.value;
        POOLED_EPILOGUE(value, to)
        y[to] = value;
        argmax[to] = windowMax.pixel;
    }
#else
    product.forEach(resultPixels(s), s.filters, [&](int i, int filter, T value) {
        int image = i / s.resultArea(), pixel = i - image * s.resultArea();
        EPILOGUE(value, image, filter, pixel)
        y[((size_t)image * s.filters + filter) * s.resultArea() + pixel] = value;
    });
#endif
}
