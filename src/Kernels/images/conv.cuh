// Convolution of images (N, C, H, W) with filters (O, C, KH, KW), and its two gradients. All arrays are in C
// order. x, w and g have elements of type Element, `argmax` has ints, all else is T.
//
//   y[n][o][oh][ow] = sum over c, kh, kw of
//       x[n][c][oh·strideH − padH + kh][ow·strideW − padW + kw] · w[o][c][fh][fw]
//
// with (fh, fw) = (KH − 1 − kh, KW − 1 − kw) if the filters are flipped (FLIP 1: a true convolution), otherwise (kh,
// kw). x is 0 outside the images. Each of the three is a matrix product (gemm.cuh) that looks its operands up in place.
// It does not first write a matrix of columns: for a filter of 3 × 3, the copies of im2col would take nine times the
// images' memory. Taps are numbered in the order of the weights, (c, fh, fw), so that filters are rows of a matrix.
//
// The offset of an element has two parts (tile.cuh), that of a pixel and that of a tap, which are added. Both divide by
// the dimensions. Without tensor cores they are computed for each element that is loaded into shared memory. With many
// filters each element is used often enough to pay for that. With few filters these divisions are the bound, so the
// shape of a large convolution is a constant (conv_shape.cuh). Tensor cores multiply so fast that the look-up is the
// bound even with many filters; there a block computes each part once, and what remains is about ten instructions.
//
// The three are conv.cu, conv_input_gradient.cu and conv_weights_gradient.cu. Each has the OPERANDS and the EPILOGUE of
// gemm.cuh.
//
// POOL 1: the result is pooled in windows of 2 × 2 that do not overlap; the remainder at the lower and right border is
// not computed. The pixels are numbered window by window, so that the four pixels of a window are in one thread's
// accumulators, and pooling needs no memory access.
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

// A tap's plane (a channel or a filter), row and column, from its number in the order of the weights.
__device__ __forceinline__ Pixel tapAt(const ConvShape& s, int number)
{
    int plane = number / s.filterArea();
    Pixel tap(s.weightIndex(number - plane * s.filterArea()), s.filterHeight, s.filterWidth);
    tap.plane = plane;
    return tap;
}

// The element of the images under a tap (c, fh, fw), for a pixel of the result: its two parts, and the element. It is
// outside the images if a row or a column is, as an unsigned number.
__device__ __forceinline__ Part ofResult(const ConvShape& s, const Pixel& result)
{
    int row = result.row * s.strideH - s.padH, column = result.column * s.strideW - s.padW;
    return Part{(result.plane * s.channels * s.height + row) * s.width + column, row, column, 0};
}

__device__ __forceinline__ Part ofTap(const ConvShape& s, int number)
{
    Pixel tap = tapAt(s, number);
    return Part{(tap.plane * s.height + tap.row) * s.width + tap.column, tap.row, tap.column, 0};
}

__device__ __forceinline__ bool under(
    const Element* x, const ConvShape& s, const Part& a, const Part& b, const Element*& at)
{
    at = x + (a.offset + b.offset);
    return (unsigned)(a.row + b.row) < (unsigned)s.height
        && (s.padW == 0 || (unsigned)(a.column + b.column) < (unsigned)s.width);
}

// The gradient with respect to a pixel (row, column) of the result of a filter: the part of an image's pixel, the part
// of a filter's plane and a distance within it, and the element. If the result was pooled, only the pixel that was its
// window's maximum has a gradient, that of the pooled result.
__device__ __forceinline__ Part ofGradient(const ConvShape& s, int image, int row, int column, int phase)
{
    int plane = image * s.filters;
    return POOL
        ? Part{plane * (s.resultHeight / 2) * (s.resultWidth / 2), row, column, phase}
        : Part{(plane * s.resultHeight + row) * s.resultWidth + column, row, column, phase};
}

__device__ __forceinline__ Part ofFilter(const ConvShape& s, int filter, int row, int column, int phase)
{
    return POOL
        ? Part{filter * (s.resultHeight / 2) * (s.resultWidth / 2), row, column, phase}
        : Part{(filter * s.resultHeight + row) * s.resultWidth + column, row, column, phase};
}

__device__ __forceinline__ bool gradient(
    const Element* g, const int* argmax, const ConvShape& s, const Part& a, const Part& b, const Element*& at)
{
    int row = a.row + b.row, column = a.column + b.column, offset = a.offset + b.offset;
    bool isThere = s.strideH * s.strideW == 1 || a.phase == b.phase;
    if (!POOL) {
        at = g + offset;
        return isThere && (unsigned)row < (unsigned)s.resultHeight && (unsigned)column < (unsigned)s.resultWidth;
    }

    int height = s.resultHeight / 2, width = s.resultWidth / 2;
    at = g;
    if (!isThere || (unsigned)row >= (unsigned)(2 * height) || (unsigned)column >= (unsigned)(2 * width)) {
        return false;
    }

    offset += row / 2 * width + column / 2;
    at += offset;
    return argmax[offset] == row * s.resultWidth + column;
}
