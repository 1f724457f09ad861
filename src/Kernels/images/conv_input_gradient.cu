// The gradient of a convolution (conv.cuh) with respect to the images.
//
// w: (O, C, KH, KW), g: (N, O, OH, OW), y: (N, C, H, W)
#include "conv.cuh"

// The gradient at the position where the tap (o, fh, fw) covers a pixel (n, h, w) of the images. With strides, at most
// one tap in strideH · strideW is at such a position: both have the same remainders (phase) there.
struct Covering {
    static constexpr bool AlongK = false, IsEven = false, IsGrid = false, IsSplit = true;
    static constexpr int Vector = 1, Length = 0;
    const Element* g;
    const int* argmax;
    const ConvShape& s;
    __device__ __forceinline__ int phase(int row, int column) const
    {
        return row % s.strideH * s.strideW + column % s.strideW;
    }

    __device__ __forceinline__ Part across(int pixel) const
    {
        Pixel image(pixel, s.height, s.width);
        int row = image.row + s.padH, column = image.column + s.padW;
        return ofGradient(s, image.plane, row / s.strideH, column / s.strideW, phase(row, column));
    }

    __device__ __forceinline__ Part along(int number) const
    {
        Pixel tap = tapAt(s, number);
        return ofFilter(s, tap.plane, -(tap.row / s.strideH), -(tap.column / s.strideW), phase(tap.row, tap.column));
    }

    __device__ __forceinline__ bool join(const Part& a, const Part& b, const Element*& at) const
    {
        return gradient(g, argmax, s, a, b, at);
    }

    __device__ __forceinline__ bool find(int pixel, int tap, const Element*& at) const
    {
        return join(across(pixel), along(tap), at);
    }
};

// The weight of a tap (o, fh, fw) for a channel.
struct Channels {
    static constexpr bool AlongK = true, IsEven = false, IsGrid = false, IsSplit = true;
    static constexpr int Vector = 1, Length = 0;
    const Element* w;
    const ConvShape& s;
    __device__ __forceinline__ Part across(int channel) const { return Part{channel * s.filterArea(), 0, 0, 0}; }
    __device__ __forceinline__ Part along(int tap) const
    {
        int filter = tap / s.filterArea();
        return Part{filter * (s.channels - 1) * s.filterArea() + tap, 0, 0, 0};
    }

    __device__ __forceinline__ bool join(const Part& a, const Part& b, const Element*& at) const
    {
        at = w + (a.offset + b.offset);
        return a.row + b.row == 0;
    }

    __device__ __forceinline__ bool find(int channel, int tap, const Element*& at) const
    {
        return join(across(channel), along(tap), at);
    }
};

// i: pixels of the images, j: channels, k: taps of all filters. EPILOGUE(x, image, channel, pixel), where the pixel is
// h · W + w. With POOL g is the gradient of the pooled result.
extern "C" __global__ void __launch_bounds__(Threads, Blocks) conv_input_gradient(
    const Element* w, const Element* g, const int* argmax, T* y, T* workspace, ConvShape given OPERANDS)
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
