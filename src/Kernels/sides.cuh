// The sides of a convolution of images (N, C, H, W) with filters (O, C, KH, KW), and what follows from them.
#pragma once
#include "common.cuh"

struct Sides {
    int images, channels, height, width;
    int filters, filterHeight, filterWidth;
    int strideH, strideW, padH, padW;
    int resultHeight, resultWidth;

    __device__ __forceinline__ int filterArea() const { return filterHeight * filterWidth; }
    __device__ __forceinline__ int taps() const { return channels * filterArea(); }
    __device__ __forceinline__ int area() const { return height * width; }
    __device__ __forceinline__ int resultArea() const { return resultHeight * resultWidth; }

    // Which weight of a filter a tap is: the filters may be turned by half a circle.
    __device__ __forceinline__ int place(int tap) const { return FLIP ? filterArea() - 1 - tap : tap; }
};

// A kernel's sides: those it is given or, where the plan is for so much work that a kernel of its own is worth
// compiling, numbers in the text, by which the compiler divides with a multiplication and a shift.
#ifdef SIDES
#define SIDES_OF(given) constexpr Sides s = {SIDES}
#else
#define SIDES_OF(given) const Sides& s = given
#endif

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
