// The maximum of a window of 2 × 2 pixels, as convolutions that pool keep it: a NaN before all numbers, of equals the
// first.
#pragma once
#include "common.cuh"

struct WindowMax {
    T value = T(0);
    int pixel = -1;

    __device__ __forceinline__ void take(T other, int at)
    {
        // Not less or equal: greater, or one of the two is NaN.
        bool isGreatest = pixel < 0 || (value == value && !(other <= value));
        value = isGreatest ? other : value;
        pixel = isGreatest ? at : pixel;
    }
};
