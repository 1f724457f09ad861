// The shape of a convolution of images (N, C, H, W) with filters (O, C, KH, KW), and values computed from it.
#pragma once
#include "common.cuh"

struct ConvShape {
    int images, channels, height, width;
    int filters, filterHeight, filterWidth;
    int strideH, strideW, padH, padW;
    int resultHeight, resultWidth;

    __device__ __forceinline__ int filterArea() const { return filterHeight * filterWidth; }
    __device__ __forceinline__ int taps() const { return channels * filterArea(); }
    __device__ __forceinline__ int area() const { return height * width; }
    __device__ __forceinline__ int resultArea() const { return resultHeight * resultWidth; }

    // The weight of a filter that belongs to a tap: the filters may be flipped.
    __device__ __forceinline__ int weightIndex(int tap) const { return FLIP ? filterArea() - 1 - tap : tap; }
};

// The shape as a kernel uses it: its argument or, if there is enough work to compile a kernel for this shape only,
// constants in its source. The compiler divides by constants with a multiplication and a shift.
#ifdef CONV_SHAPE
#define CONV_SHAPE_OF(given) constexpr ConvShape s = {CONV_SHAPE}
#else
#define CONV_SHAPE_OF(given) const ConvShape& s = given
#endif

// The position of a pixel in a stack of planes, from its flat index.
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
