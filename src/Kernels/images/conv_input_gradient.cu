// The gradient of a convolution (conv.cuh) with respect to the images.
//
// w: (O, C, KH, KW), g: (N, O, OH, OW), y: (N, C, H, W)
#include "conv.cuh"

// The gradient at the position where the tap (o, kh, kw) covers a pixel (n, h, w) of the images.
struct Covering {
    static constexpr bool AlongK = false, IsEven = false, IsGrid = false;
    static constexpr int Vector = 1, Length = 0;
    const T* g;
    const int* argmax;
    const ConvShape& s;
    __device__ __forceinline__ bool find(int pixel, int tap, const T*& at) const
    {
        Pixel image(pixel, s.height, s.width), filter(tap, s.filterHeight, s.filterWidth);
        int row = image.row + s.padH - filter.row, column = image.column + s.padW - filter.column;
        int resultRow = row / s.strideH, resultColumn = column / s.strideW;
        return row >= 0 && column >= 0 && resultRow * s.strideH == row && resultColumn * s.strideW == column
            && resultRow < s.resultHeight && resultColumn < s.resultWidth
            && gradient(g, argmax, s, image.plane, filter.plane, resultRow, resultColumn, at);
    }
};

// The weight of a tap (o, kh, kw) for a channel.
struct Channels {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false;
    static constexpr int Vector = 1, Length = 0;
    const T* w;
    const ConvShape& s;
    __device__ __forceinline__ bool find(int channel, int tap, const T*& at) const
    {
        int filter = tap / s.filterArea();
        at = w + weight(s, filter, channel * s.filterArea() + (tap - filter * s.filterArea()));
        return true;
    }
};

// i: pixels of the images, j: channels, k: taps of all filters. EPILOGUE(x, image, channel, pixel), where the pixel is
// h · W + w. With POOL g is the gradient of the pooled result.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) conv_input_gradient(
    const T* w, const T* g, const int* argmax, T* y, T* workspace, ConvShape given OPERANDS)
{
    CONV_SHAPE_OF(given);
    int pixels = s.images * s.area(), taps = s.filters * s.filterArea();
    Product<Covering, Channels> product;
    if (!product.compute(Covering{g, argmax, s}, Channels{w, s}, pixels, s.channels, taps, workspace)) {
        return;
    }

    product.forEach(pixels, s.channels, [&](int i, int channel, T value) {
        int image = i / s.area(), pixel = i - image * s.area();
        EPILOGUE(value, image, channel, pixel)
        y[((size_t)image * s.channels + channel) * s.area() + pixel] = value;
    });
}
