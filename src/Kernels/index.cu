// The part of an array that an index expression names, taken out, written to or added to. The bound is the memory's
// bandwidth; neighboring threads move neighboring elements of the part.
//
//   part[i] <-> x[start + loops(i) + offsets[b]]
//
// The loops go over the part; b is where one of them is in the list of places that arrays choose (Ops/Indexing).
#include "common.cuh"

#ifndef ADDS
#define ADDS 0
#endif

// offsets[i] = the sum over the arrays of place · stride, one launch an array; −1 where a place lies outside its axis,
// which is reported. The loops go over what the arrays broadcast to.
extern "C" __global__ void places(
    const int* indices, int* offsets, LoopsArgument loops, int side, int stride, int isFirst, unsigned count, Fault* fault,
    int code)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int place = indices[loops.offset(0, i)], counted = place < 0 ? place + side : place;
        int before = isFirst ? 0 : offsets[i];
        bool isInside = (unsigned)counted < (unsigned)side;
        if (!isInside) {
            reportFault(fault, code, place, i);
        }

        offsets[i] = isInside && before >= 0 ? before + counted * stride : -1;
    }
}

extern "C" __global__ void take(
    const T* x, const int* offsets, T* part, int64 start, LoopsArgument loops, int hasPlaces, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        int place = hasPlaces ? offsets[loops.offset(1, i)] : 0;
        if (place >= 0) {
            part[i] = x[start + loops.offset(0, i) + place];
        }
    }
}

// The loops go over all but the places, which lie `behind` elements of the part apart. Elements of x have only their place
// in common, so a thread goes through the places in order and no two write one element: of the values set at one place the
// last stays, those added are added in order. Where the loops are few, `groups` threads each take the places of a
// remainder. places: −1 where the loops are all there is.
extern "C" __global__ void put(
    const T* part, const int* offsets, T* x, int64 start, LoopsArgument loops, int places, int behind, int groups,
    unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        unsigned element = i / groups, group = i % groups;
        unsigned outer = element / behind, inner = element % behind;
        T* to = x + start + loops.offset(0, element);
        if (places < 0) {
            T value = part[element];
            *to = ADDS ? (T)add(*to, value) : value;
            continue;
        }

        const T* from = part + (size_t)outer * places * behind + inner;
        for (int place = 0; place < places; place++) {
            int offset = offsets[place];
            if (offset >= 0 && (unsigned)offset % groups == group) {
                T value = from[(size_t)place * behind];
                to[offset] = ADDS ? (T)add(to[offset], value) : value;
            }
        }
    }
}
