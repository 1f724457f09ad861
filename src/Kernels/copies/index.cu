// Reads, writes or adds to the part of an array that an index expression selects. The bound is the memory bandwidth;
// neighboring threads move neighboring elements of the part.
//
//   part[i] <-> x[start + loops(i) + offsets[b]]
//
// The loops go over the part; b is the index of one of them in the list of offsets of the index arrays (Ops/Indexing).
#include "common.cuh"

#ifndef ADDS
#define ADDS 0
#endif

// offsets[i] = the sum over the index arrays of index · stride, one launch for each array; −1 if an index is out of
// range, which is reported. The loops go over the shape that the index arrays broadcast to.
extern "C" __global__ void index_offsets(
    const int* indices, int* offsets, LoopsArgument loops, int dim, int stride, int isFirst, unsigned count,
    Fault* fault, int code)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int index = indices[loops.offset(0, i)], counted = index < 0 ? index + dim : index;
        int before = isFirst ? 0 : offsets[i];
        bool isInside = (unsigned)counted < (unsigned)dim;
        if (!isInside) {
            reportFault(fault, code, index, i);
        }

        offsets[i] = isInside && before >= 0 ? before + counted * stride : -1;
    }
}

// Narrows 64-bit indices; one that 32 bits do not hold is reported, its upper half as the element.
extern "C" __global__ void narrow_indices(const int64* x, int* y, unsigned count, Fault* fault, int code)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        y[i] = (int)x[i];
        if (y[i] != x[i]) {
            reportFault(fault, code, y[i], (int)(x[i] >> 32));
        }
    }
}

extern "C" __global__ void take(
    const T* x, const int* offsets, T* part, int64 start, LoopsArgument loops, int hasOffsets, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int offset = hasOffsets ? offsets[loops.offset(1, i)] : 0;
        if (offset >= 0) {
            part[i] = x[start + loops.offset(0, i) + offset];
        }
    }
}

// The loops go over all axes except the list of offsets, whose elements are `behind` elements of the part apart. Only
// elements of the part with equal offsets meet in one element of x. A thread goes through the offsets in order, and no
// two threads write one element: the last value that is set stays, and values are added in order. If the loops are few,
// `groups` threads share the offsets, each those with one remainder. indices: −1 if there are only loops.
extern "C" __global__ void put(
    const T* part, const int* offsets, T* x, int64 start, LoopsArgument loops, int indices, int behind, int groups,
    unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        unsigned element = i / groups, group = i % groups;
        unsigned outer = element / behind, inner = element % behind;
        T* to = x + start + loops.offset(0, element);
        if (indices < 0) {
            T value = part[element];
            *to = ADDS ? (T)add(*to, value) : value;
            continue;
        }

        const T* from = part + (size_t)outer * indices * behind + inner;
        for (int index = 0; index < indices; index++) {
            int offset = offsets[index];
            if (offset >= 0 && (unsigned)offset % groups == group) {
                T value = from[(size_t)index * behind];
                to[offset] = ADDS ? (T)add(to[offset], value) : value;
            }
        }
    }
}
