// Convolution. conv.cuh says what it computes and how.
//
// x: (N, C, H, W), w: (O, C, KH, KW), y: (N, O, OH, OW)
#include "conv.cuh"
#include "window_max.cuh"

#ifndef POOLED_EPILOGUE
#define POOLED_EPILOGUE(...)
#endif

// With tensor cores, a lane has rows g, g + 8, g + 16 and g + 24 of every 32 of a tile: they are a window, pooled.
constexpr int LaneRows = 8, TileWindows = POOL && TENSOR ? LaneRows * Window : 1;

__device__ __forceinline__ int pixelOf(int row)
{
    return TileWindows == 1
        ? row
        : row / TileWindows * TileWindows + row % LaneRows * Window + row % TileWindows / LaneRows;
}

struct Columns {
    static constexpr bool AlongK = false, IsEven = false, IsGrid = false, IsSplit = true;
    static constexpr int Vector = 1, Length = 0;
    const Element* x;
    const ConvShape& s;
    __device__ __forceinline__ Part across(int row) const
    {
        int pixel = pixelOf(row);
        return TileWindows > 1 && pixel >= resultPixels(s) ? outside() : ofResult(s, resultPixel(s, pixel));
    }

    __device__ __forceinline__ Part along(int tap) const { return ofTap(s, tap); }
    __device__ __forceinline__ bool join(const Part& a, const Part& b, const Element*& at) const
    {
        return under(x, s, a, b, at);
    }

    __device__ __forceinline__ bool find(int row, int tap, const Element*& at) const
    {
        return join(across(row), along(tap), at);
    }
};

struct Filters {
    static constexpr bool AlongK = true, IsEven = true, IsGrid = true, IsSplit = false;
    static constexpr int Vector = VECTOR_W, Length = 0;
    const Element* w;
    int taps;
    __device__ __forceinline__ bool find(int filter, int tap, const Element*& at) const
    {
        at = w + (size_t)filter * taps + tap;
        return true;
    }

    __device__ __forceinline__ int64 step(int) const { return 1; }
    __device__ __forceinline__ int64 apart() const { return taps; }
};

// i: pixels of the result, j: filters, k: taps. EPILOGUE(x, image, filter, pixel), where the pixel is oh · OW + ow.
// With POOL y is (N, O, OH / 2, OW / 2): the maximum of each window after the epilogue. NaN is greater than all
// numbers. Then comes POOLED_EPILOGUE(x, at), where y[at] is the element. argmax, of the same shape, is the pixel of
// the maximum, the first of equal ones.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) conv_forward(
    const Element* x, const Element* w, T* y, int* argmax, T* workspace, ConvShape given OPERANDS)
{
    CONV_SHAPE_OF(given);
    Product<Columns, Filters> product;
    int rows = (resultPixels(s) + TileWindows - 1) / TileWindows * TileWindows;
    if (!product.compute(Columns{x, s}, Filters{w, s.taps()}, rows, s.filters, s.taps(), workspace)) {
        return;
    }

#if POOL
    static_assert(Window == product.Four, "a thread has whole windows");
    #pragma unroll
    for (int four = 0; four < product.Count / Window; four++) {
        int first = product.ofFour(four, 0), i = pixelOf(product.row(first)), filter = product.column(first);
        if (!product.has(first) || i >= resultPixels(s) || filter >= s.filters) {
            continue;
        }

        WindowMax windowMax;
        Pixel corner = resultPixel(s, i / Window * Window);
        int image = corner.plane;
        #pragma unroll
        for (int result = 0; result < Window; result++) {
            int pixel = (corner.row + result / 2) * s.resultWidth + corner.column + result % 2;
            T value = product.accumulators[product.ofFour(four, result)];
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
