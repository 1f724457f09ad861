// Sorts rows by merging sorted runs to runs of twice their length.
//
//   keys, indices: (rows, dimension) in runs of `width`; the outputs are in runs of 2 · width. In the first pass
//   there are no indices: an element's index is that in its row.
//
// Each thread handles an element of one of two neighboring runs. Its index in the merged run is its index in its own
// run plus the number of elements of the other run that come before it, which a binary search finds. Equal elements of
// the left run come first, so that they keep their order. NaN is greater than all numbers; with DESCENDING 1 the
// largest come first. The bound is the latency of log2(width) reads, most of them from the cache.
#include "common.cuh"

__device__ __forceinline__ bool isLess(T a, T b) { return a < b || (b != b && a == a); }

__device__ __forceinline__ bool isBefore(T a, T b) { return DESCENDING ? isLess(b, a) : isLess(a, b); }

extern "C" __global__ void merge_runs(
    const T* keys, const int* indices, T* keysOut, int* indicesOut, int dim, int width, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        unsigned row = i / dim;
        int at = i - row * dim, run = at / width;
        const T* line = keys + (size_t)row * dim;
        T key = line[at];
        bool isLeft = run % 2 == 0;
        int64 other = (int64)(isLeft ? run + 1 : run - 1) * width;
        int low = other < dim ? (int)other : dim, start = low, end = (int)(other + width < dim ? other + width : dim);

        // Before an element of the right run come equal elements of the left run; otherwise only lesser elements come
        // before.
        while (low < end) {
            int middle = low + (end - low) / 2;
            if (isLeft ? isBefore(line[middle], key) : !isBefore(key, line[middle])) {
                low = middle + 1;
            } else {
                end = middle;
            }
        }

        int64 pair = (int64)(run / 2) * 2 * width;
        size_t to = (size_t)row * dim + pair + (at - (int64)run * width) + (low - start);
        keysOut[to] = key;
        indicesOut[to] = indices == nullptr ? at : indices[i];
    }
}
