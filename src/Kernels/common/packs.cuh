// Elements of type T that are read or copied together.
#pragma once
#include "common.cuh"

// The elements in 16 bytes.
constexpr int MostVector = 16 / sizeof(T);

template <int Count>
struct __align__(Count * sizeof(T)) Pack {
    T x[Count];
};

// Reads or writes neighboring elements in as few accesses of up to 16 bytes as possible.
template <int Count>
__device__ __forceinline__ void load(T* to, const T* from)
{
    constexpr int Part = Count < MostVector ? Count : MostVector;
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
    constexpr int Part = Count < MostVector ? Count : MostVector;
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
