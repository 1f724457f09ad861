// The maximum of a window of 2 × 2 pixels, for convolutions that pool. NaN is greater than all numbers, and the first
// of equal elements counts.
#pragma once
#include "common.cuh"

struct WindowMax {
    T value = T(0);
    int pixel = -1;

    __device__ __forceinline__ void take(T other, int at)
    {
        // Not less or equal means greater, or one of the two is NaN.
        bool isMax = pixel < 0 || (value == value && !(other <= value));
        value = isMax ? other : value;
        pixel = isMax ? at : pixel;
    }
};
