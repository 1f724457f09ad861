// Elements that are read or copied together, of type T unless another is named.
#pragma once
#include "common.cuh"

// The type of a product's or a convolution's operands: T, or a type of 16 bits, which tensor cores multiply; T is float
// then.
#ifndef ELEMENT
#define ELEMENT T
#endif
typedef ELEMENT Element;

// The elements in 16 bytes.
constexpr int MaxVector = 16 / sizeof(T);

template <int Count, typename U = T>
struct __align__(Count * sizeof(U)) Pack {
    U x[Count];
};

// Reads or writes neighboring elements in as few accesses of up to 16 bytes as possible.
template <int Count>
__device__ __forceinline__ void load(T* to, const T* from)
{
    constexpr int Part = Count < MaxVector ? Count : MaxVector;
    #pragma unroll
    for (int i = 0; i < Count; i += Part) {
        Pack<Part> pack = *(const Pack<Part>*)(from + i);
        #pragma unroll
        for (int j = 0; j < Part; j++) {
            to[i + j] = pack.x[j];
        }
    }
}

template <int Count>
__device__ __forceinline__ void store(T* to, const T* from)
{
    constexpr int Part = Count < MaxVector ? Count : MaxVector;
    #pragma unroll
    for (int i = 0; i < Count; i += Part) {
        Pack<Part> pack;
        #pragma unroll
        for (int j = 0; j < Part; j++) {
            pack.x[j] = from[i + j];
        }

        *(Pack<Part>*)(to + i) = pack;
    }
}
