// Split-K: several blocks compute one tile, each over its own range of k. This file adds up their accumulators, in the
// same launch and always in the same order.
//
// A product with few tiles and a long k is split along k among gridDim.z blocks, so that the whole GPU has work. A
// block writes its accumulators into the workspace. The last block of a group of Fan to arrive adds the group's splits
// from the first to the last, and then represents the group in the next round. Thus no float is added by an atomic, the
// order does not depend on which block is late, and there is no second kernel to wait for. Rounds of Fan replace one
// long sum: a single block would read 128 splits of 4 KB in about 8,000 clocks; two rounds of 16 and 8 take a fifth of
// that.
//
//   workspace: T, gridDim.x · gridDim.y tiles × gridDim.z splits × (Count × Threads); written and read only here
#pragma once
#include "common.cuh"

#if ARRIVALS

constexpr int Fan = 16;

// The number of blocks of a group that have arrived. The last one resets it to 0, so that every launch begins with
// zeros. Launches of one kernel never overlap: a second stream only adds up what ranks exchange.
__device__ unsigned arrivals[ARRIVALS];

// Adds up Count accumulators of each of Threads threads over all splits. Returns true if this block now holds the
// totals; if not, its work is done.
template <int Count, int Threads>
__device__ __forceinline__ bool reduceSplits(T* accumulators, T* workspace)
{
    __shared__ bool isLast;
    unsigned splits = gridDim.z, split = blockIdx.z, tile = blockIdx.y * gridDim.x + blockIdx.x;
    T* own = workspace + (size_t)tile * splits * Count * Threads + threadIdx.x;
    unsigned round = 0;
    for (unsigned step = 1; step < splits; step *= Fan) {
        size_t group = split / (step * Fan) * (step * Fan);
        unsigned members = min((splits - (unsigned)group + step - 1) / step, (unsigned)Fan);
        #pragma unroll
        for (int i = 0; i < Count; i++) {
            own[((size_t)split * Count + i) * Threads] = accumulators[i];
        }

        // This block's accumulators are written before its arrival counts, and the others' are visible before they are
        // read.
        __syncthreads();
        if (threadIdx.x == 0) {
            unsigned* arrived = &arrivals[(size_t)tile * splits + group + round];
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
            accumulators[i] = own[(group * Count + i) * Threads];
        }

        for (unsigned member = 1; member < members; member++) {
            #pragma unroll
            for (int i = 0; i < Count; i++) {
                accumulators[i] += own[((group + member * step) * Count + i) * Threads];
            }
        }

        split = (unsigned)group;
        round++;
    }

    return true;
}

#else

template <int Count, int Threads>
__device__ __forceinline__ bool reduceSplits(T*, T*) { return true; }

#endif
