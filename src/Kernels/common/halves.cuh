// 16-bit floats: storage and conversion. Nothing is computed in them: a kernel reads them as float, and rounds what it
// stores to nearest, ties to even.
#pragma once
#include "ptx.cuh"

// IEEE 754 half precision: 5 bits of exponent and 10 of mantissa.
struct float16 {
    static constexpr uint16 One = 0x3c00;
    uint16 bits;
    float16() = default;
    __device__ __forceinline__ explicit float16(float x) : bits(toHalf(x)) {}
    __device__ __forceinline__ operator float() const { return ofHalf(bits); }
};

// The upper half of a float: 8 bits of exponent and 7 of mantissa.
struct bfloat16 {
    static constexpr uint16 One = 0x3f80;
    uint16 bits;
    bfloat16() = default;
    __device__ __forceinline__ explicit bfloat16(float x)
    {
        uint32 all = (uint32)__float_as_int(x);

        // Adds half of the dropped bits' unit, minus one if the result is even already. A NaN stays a NaN.
        bits = (uint16)((x != x ? all | 0x400000u : all + 0x7fffu + (all >> 16 & 1)) >> 16);
    }

    __device__ __forceinline__ operator float() const { return __int_as_float((int)((uint32)bits << 16)); }
};

// Rounds a double to odd: a value between two floats becomes the odd one of them. A shorter type can then be rounded
// from the float as if from the double.
__device__ __forceinline__ float roundedToOdd(double x)
{
    float nearest = (float)x;
    int bits = __float_as_int(nearest);
    return nearest == x || x != x ? nearest : __int_as_float((bits - (fabs((double)nearest) > fabs(x))) | 1);
}

template <typename V>
__device__ __forceinline__ float16 convert(V x, float16) { return float16((float)x); }
template <typename V>
__device__ __forceinline__ bfloat16 convert(V x, bfloat16) { return bfloat16((float)x); }
__device__ __forceinline__ float16 convert(double x, float16) { return float16(roundedToOdd(x)); }
__device__ __forceinline__ bfloat16 convert(double x, bfloat16) { return bfloat16(roundedToOdd(x)); }
template <typename U>
__device__ __forceinline__ U convert(float16 x, U like) { return convert((float)x, like); }
template <typename U>
__device__ __forceinline__ U convert(bfloat16 x, U like) { return convert((float)x, like); }
__device__ __forceinline__ float16 convert(float16 x, float16) { return x; }
__device__ __forceinline__ float16 convert(bfloat16 x, float16) { return float16((float)x); }
__device__ __forceinline__ bfloat16 convert(float16 x, bfloat16) { return bfloat16((float)x); }
__device__ __forceinline__ bfloat16 convert(bfloat16 x, bfloat16) { return x; }
