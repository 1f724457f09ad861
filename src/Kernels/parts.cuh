// Sums of which several blocks hold a part each, added in one launch and always in the same order.
//
// A product with few tiles and a long inner side k is cut along k into parts, a block each (gridDim.z of them), so that
// all of the GPU has work. A block writes its part into the workspace; the last block of a group of Fan to arrive adds
// the group's parts from the first to the last, whichever it holds itself, and goes on to stand for the group in the
// next round. So no float is ever added by an atomic, the order does not depend on which block was late, and there is
// no second kernel to wait for. Rounds of Fan rather than one long sum: a single block would read 128 parts of 4 KB
// in some 8,000 clocks; two rounds of 16 and 8 are read in a fifth of that.
//
//   workspace: T, gridDim.x · gridDim.y tiles × gridDim.z parts × (Count × Threads); written and read only here
#pragma once
#include "common.cuh"

#if ARRIVALS

constexpr int Fan = 16;

// How many blocks of a group have come; the last sets it back to 0, so that every launch begins with zeros. Launches of
// one kernel never overlap: a device has one stream.
__device__ unsigned arrivals[ARRIVALS];

// Count sums of each of Threads threads. Whether this block holds the whole sums now; if not, its work is done.
template <int Count, int Threads>
__device__ __forceinline__ bool joinParts(T* sums, T* workspace)
{
    __shared__ bool isLast;
    unsigned parts = gridDim.z, part = blockIdx.z, tile = blockIdx.y * gridDim.x + blockIdx.x;
    T* own = workspace + (size_t)tile * parts * Count * Threads + threadIdx.x;
    unsigned round = 0;
    for (unsigned step = 1; step < parts; step *= Fan) {
        size_t group = part / (step * Fan) * (step * Fan);
        unsigned members = min((parts - (unsigned)group + step - 1) / step, (unsigned)Fan);
        #pragma unroll
        for (int i = 0; i < Count; i++) {
            own[((size_t)part * Count + i) * Threads] = sums[i];
        }

        // All of this block's part is written before it is said to be there, and seen before the others' are read.
        __syncthreads();
        if (threadIdx.x == 0) {
            unsigned* arrived = &arrivals[(size_t)tile * parts + group + round];
            __threadfence();
            isLast = atomicAdd(arrived, 1u) == members - 1;
            __threadfence();
            if (isLast) {
                atomicExch(arrived, 0u);
            }
        }

        __syncthreads();
        if (!isLast) {
            return false;
        }

        #pragma unroll
        for (int i = 0; i < Count; i++) {
            sums[i] = own[(group * Count + i) * Threads];
        }

        for (unsigned member = 1; member < members; member++) {
            #pragma unroll
            for (int i = 0; i < Count; i++) {
                sums[i] += own[((group + member * step) * Count + i) * Threads];
            }
        }

        part = (unsigned)group;
        round++;
    }

    return true;
}

#else

template <int Count, int Threads>
__device__ __forceinline__ bool joinParts(T*, T*) { return true; }

#endif
