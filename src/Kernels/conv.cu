// Convolution of images (N, C, H, W) with filters (O, C, KH, KW), and its two gradients; all T, in C order.
//
//   y[n][o][oh][ow] = bias[o] + sum over c, kh, kw of
//       x[n][c][oh·strideH − padH + kh][ow·strideW − padW + kw] · w[o][c][fh][fw]
//
// with (fh, fw) = (KH − 1 − kh, KW − 1 − kw) where the filters are turned (FLIP 1: a true convolution), else (kh,
// kw); x is 0 outside the images. Each of the three is a matrix product (gemm.cuh) whose operands are looked up where
// they lie instead of being written out as a matrix of columns first: im2col's copies would cost nine times the
// images' memory for a filter of 3 × 3. The look-up divides by the sides for each element that is brought into shared
// memory, which the many products made of each element pay for when there are many filters; with few the bound is
// those divisions.
#include "gemm.cuh"

struct Sides {
    int images, channels, height, width;
    int filters, filterHeight, filterWidth;
    int strideH, strideW, padH, padW;
    int resultHeight, resultWidth;
};

// A place in a stack of planes.
struct Pixel {
    int plane, row, column;
    __device__ __forceinline__ Pixel(int index, int height, int width)
    {
        int line = index / width;
        column = index - line * width;
        plane = line / height;
        row = line - plane * height;
    }
};

// The element of the images under a tap (c, kh, kw) of the filter that gives a pixel (n, oh, ow) of the result.
__device__ __forceinline__ T under(const T* x, const Sides& s, int pixel, int tap)
{
    Pixel result(pixel, s.resultHeight, s.resultWidth), filter(tap, s.filterHeight, s.filterWidth);
    int row = result.row * s.strideH - s.padH + filter.row, column = result.column * s.strideW - s.padW + filter.column;
    return row >= 0 && row < s.height && column >= 0 && column < s.width
        ? x[(((size_t)result.plane * s.channels + filter.plane) * s.height + row) * s.width + column]
        : T(0);
}

// Where in (O, C, KH, KW) the weight of a tap (c, kh, kw) lies.
__device__ __forceinline__ size_t weight(const Sides& s, int filter, int tap)
{
    int area = s.filterHeight * s.filterWidth, channel = tap / area;
    int place = tap - channel * area;
    return ((size_t)filter * s.channels + channel) * area + (FLIP ? area - 1 - place : place);
}

// Where in (N, O, OH, OW) a filter's result at a pixel (n, oh, ow) lies.
__device__ __forceinline__ size_t resultAt(const Sides& s, int filter, int pixel)
{
    int area = s.resultHeight * s.resultWidth, image = pixel / area;
    return ((size_t)image * s.filters + filter) * area + (pixel - image * area);
}

struct Columns {
    static constexpr bool AlongK = false;
    const T* x;
    const Sides& s;
    __device__ __forceinline__ T at(int pixel, int tap) const { return under(x, s, pixel, tap); }
};

struct Filters {
    static constexpr bool AlongK = true;
    const T* w;
    const Sides& s;
    __device__ __forceinline__ T at(int filter, int tap) const { return w[weight(s, filter, tap)]; }
};

struct Result {
    const T* bias;
    T* y;
    const Sides& s;
    __device__ __forceinline__ void put(int pixel, int filter, T sum) const
    {
        y[resultAt(s, filter, pixel)] = bias ? sum + bias[filter] : sum;
    }
};

// i: pixels of the result, j: filters, k: taps.
extern "C" __global__ void __launch_bounds__(Threads) conv_forward(
    const T* x, const T* w, const T* bias, T* y, Sides s)
{
    __shared__ __align__(16) T tileA[Tiled::SharedA];
    __shared__ __align__(16) T tileB[Tiled::SharedB];
    int pixels = s.images * s.resultHeight * s.resultWidth, taps = s.channels * s.filterHeight * s.filterWidth;
    Tiled::run(Columns{x, s}, Filters{w, s}, Result{bias, y, s}, pixels, s.filters, taps, tileA, tileB);
}

// The gradient with respect to the result at the place whose tap (o, kh, kw) covers a pixel (n, h, w) of the images.
struct Covering {
    static constexpr bool AlongK = false;
    const T* g;
    const Sides& s;
    __device__ __forceinline__ T at(int pixel, int tap) const
    {
        Pixel image(pixel, s.height, s.width), filter(tap, s.filterHeight, s.filterWidth);
        int row = image.row + s.padH - filter.row, column = image.column + s.padW - filter.column;
        int resultRow = row / s.strideH, resultColumn = column / s.strideW;
        size_t plane = (size_t)image.plane * s.filters + filter.plane;
        return row >= 0 && column >= 0 && resultRow * s.strideH == row && resultColumn * s.strideW == column
            && resultRow < s.resultHeight && resultColumn < s.resultWidth
            ? g[(plane * s.resultHeight + resultRow) * s.resultWidth + resultColumn]
            : T(0);
    }
};

// The weight of a tap (o, kh, kw) for a channel.
struct Channels {
    static constexpr bool AlongK = false;
    const T* w;
    const Sides& s;
    __device__ __forceinline__ T at(int channel, int tap) const
    {
        int area = s.filterHeight * s.filterWidth, filter = tap / area;
        return w[weight(s, filter, channel * area + (tap - filter * area))];
    }
};

struct Images {
    T* y;
    const Sides& s;
    __device__ __forceinline__ void put(int pixel, int channel, T sum) const
    {
        int area = s.height * s.width, image = pixel / area;
        y[((size_t)image * s.channels + channel) * area + (pixel - image * area)] = sum;
    }
};

// i: pixels of the images, j: channels, k: taps of all filters.
extern "C" __global__ void __launch_bounds__(Threads) conv_input_gradient(const T* w, const T* g, T* y, Sides s)
{
    __shared__ __align__(16) T tileA[Tiled::SharedA];
    __shared__ __align__(16) T tileB[Tiled::SharedB];
    int pixels = s.images * s.height * s.width, taps = s.filters * s.filterHeight * s.filterWidth;
    Tiled::run(Covering{g, s}, Channels{w, s}, Images{y, s}, pixels, s.channels, taps, tileA, tileB);
}

struct Taps {
    static constexpr bool AlongK = true;
    const T* x;
    const Sides& s;
    __device__ __forceinline__ T at(int tap, int pixel) const { return under(x, s, pixel, tap); }
};

struct Gradients {
    static constexpr bool AlongK = true;
    const T* g;
    const Sides& s;
    __device__ __forceinline__ T at(int filter, int pixel) const { return g[resultAt(s, filter, pixel)]; }
};

struct Weights {
    T* y;
    const Sides& s;
    __device__ __forceinline__ void put(int tap, int filter, T sum) const { y[weight(s, filter, tap)] = sum; }
};

// i: taps, j: filters, k: pixels of the result, which are many: with parts of k, y holds one array of weights a part.
extern "C" __global__ void __launch_bounds__(Threads) conv_weights_gradient(const T* x, const T* g, T* y, Sides s)
{
    __shared__ __align__(16) T tileA[Tiled::SharedA];
    __shared__ __align__(16) T tileB[Tiled::SharedB];
    int pixels = s.images * s.resultHeight * s.resultWidth, taps = s.channels * s.filterHeight * s.filterWidth;
    y += (size_t)blockIdx.z * taps * s.filters;
    Tiled::run(Taps{x, s}, Gradients{g, s}, Weights{y, s}, taps, s.filters, pixels, tileA, tileB);
}
