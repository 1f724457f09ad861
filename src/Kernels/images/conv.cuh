// Convolution of images (N, C, H, W) with filters (O, C, KH, KW), and its two gradients. All arrays are T except
// `argmax`, in C order.
//
//   y[n][o][oh][ow] = sum over c, kh, kw of
//       x[n][c][oh·strideH − padH + kh][ow·strideW − padW + kw] · w[o][c][fh][fw]
//
// with (fh, fw) = (KH − 1 − kh, KW − 1 − kw) if the filters are flipped (FLIP 1: a true convolution), otherwise (kh,
// kw). x is 0 outside the images. Each of the three is a matrix product (gemm.cuh) that looks its operands up in place.
// It does not first write a matrix of columns: for a filter of 3 × 3, the copies of im2col would take nine times the
// images' memory. The look-up divides by the dimensions for each element that is loaded into shared memory. With many
// filters each element is used often enough to pay for that. With few filters these divisions are the bound, so the
// shape of a large convolution is a constant (conv_shape.cuh).
//
// The three are conv.cu, conv_input_gradient.cu and conv_weights_gradient.cu. Each has the OPERANDS and the EPILOGUE of
// gemm.cuh.
//
// POOL 1: the result is pooled in windows of 2 × 2 that do not overlap; the remainder at the lower and right border is
// not computed. The pixels are numbered window by window, so that the four pixels of a window are four rows of one
// thread's accumulators, and pooling needs no memory access.
#pragma once
#include "gemm.cuh"
#include "conv_shape.cuh"

#ifndef POOL
#define POOL 0
#endif

constexpr int Window = 4;

// The number of pixels (n, oh, ow) of the result that are computed, and the pixel with a number.
__device__ __forceinline__ int resultPixels(const ConvShape& s)
{
    return POOL ? s.images * (s.resultHeight / 2) * (s.resultWidth / 2) * Window : s.images * s.resultArea();
}

__device__ __forceinline__ Pixel resultPixel(const ConvShape& s, int index)
{
    if (!POOL) {
        return Pixel(index, s.resultHeight, s.resultWidth);
    }

    Pixel pixel(index / Window, s.resultHeight / 2, s.resultWidth / 2);
    pixel.row = 2 * pixel.row + index % Window / 2;
    pixel.column = 2 * pixel.column + index % 2;
    return pixel;
}

// The element of the images under a tap (c, kh, kw) of the filter, for a pixel of the result.
__device__ __forceinline__ bool under(const T* x, const ConvShape& s, const Pixel& result, int tap, const T*& at)
{
    Pixel filter(tap, s.filterHeight, s.filterWidth);
    int row = result.row * s.strideH - s.padH + filter.row, column = result.column * s.strideW - s.padW + filter.column;
    at = x + ((size_t)(result.plane * s.channels + filter.plane) * s.height + row) * s.width + column;
    return row >= 0 && row < s.height && column >= 0 && column < s.width;
}

// The offset in (O, C, KH, KW) of the weight of a tap (c, kh, kw).
__device__ __forceinline__ int weight(const ConvShape& s, int filter, int tap)
{
    int channel = tap / s.filterArea();
    return (filter * s.channels + channel) * s.filterArea() + s.weightIndex(tap - channel * s.filterArea());
}

// The gradient with respect to a pixel of a filter's result. If the result was pooled, only the pixel that was its
// window's maximum has one, that of the pooled result.
__device__ __forceinline__ bool gradient(
    const T* g, const int* argmax, const ConvShape& s, int image, int filter, int row, int column, const T*& at)
{
    size_t plane = (size_t)image * s.filters + filter;
    if (!POOL) {
        at = g + (plane * s.resultHeight + row) * s.resultWidth + column;
        return true;
    }

    int height = s.resultHeight / 2, width = s.resultWidth / 2;
    size_t window = (plane * height + row / 2) * width + column / 2;
    at = g + window;
    return row / 2 < height && column / 2 < width && argmax[window] == row * s.resultWidth + column;
}
