// Attention, tile by tile: the matrix of all products of queries and keys is never stored (FlashAttention,
// arXiv:2205.14135).
//
//   y = softmax(q·kᵀ + mask)·v, log = the logarithm of each row's sum of powers
//   p = exp(q·kᵀ + mask − log), c = p∘(g·vᵀ − common):  dq = c·k, dk = cᵀ·q, dv = pᵀ·g
//
// q: T, (batch, queries, size); k: (batch, keys, size); v: (batch, keys, valueSize). The mask repeats along axes whose
// step is 0. With CAUSAL 1, query i looks only at the keys 0 to i.
//
// A block computes a chunk of 64 columns of 32 rows of a result. It goes over the other rows, 32 at a time, and
// computes their products again for each chunk. The bound is these products: a thread keeps 2 × 2 of them, and 2 × 4
// elements of the result.
#include "common.cuh"

#ifndef CAUSAL
#define CAUSAL 0
#endif

constexpr int TileSize = 32, Chunk = 64, AttentionThreads = 256, Columns = 16, Rows = 8;

struct AttentionShape {
    int queries, keys, size, valueSize;
    int64 maskBatch;
    int maskRow, maskColumn, chunks;
};

// A tile of rows for multiplication. The extra column keeps threads on different banks. Two such tiles are as large as
// a tile of values.
typedef T Square[TileSize][TileSize + 1];

// The products of the rows of two matrices: result[i][j] = sum of a[2·ty + i]·b[tx + 16·j].
__device__ __forceinline__ void dots(
    const T* a, int rowsA, const T* b, int rowsB, int size, Square left, Square right, T result[2][2])
{
    int tx = threadIdx.x % Columns, ty = threadIdx.x / Columns;
    result[0][0] = result[0][1] = result[1][0] = result[1][1] = T(0);
    for (int first = 0; first < size; first += TileSize) {
        for (int i = threadIdx.x; i < TileSize * TileSize; i += AttentionThreads) {
            int row = i / TileSize, column = i % TileSize;
            bool isInside = first + column < size;
            left[row][column] = isInside && row < rowsA ? a[(size_t)row * size + first + column] : T(0);
            right[row][column] = isInside && row < rowsB ? b[(size_t)row * size + first + column] : T(0);
        }

        __syncthreads();
        #pragma unroll 8
        for (int k = 0; k < TileSize; k++) {
            T a0 = left[2 * ty][k], a1 = left[2 * ty + 1][k], b0 = right[tx][k], b1 = right[tx + Columns][k];
            result[0][0] += a0 * b0;
            result[0][1] += a0 * b1;
            result[1][0] += a1 * b0;
            result[1][1] += a1 * b1;
        }

        __syncthreads();
    }
}

// Loads a chunk of columns of some rows; 0 where there are none.
__device__ __forceinline__ void loadValues(const T* from, int rows, int size, int first, T* values)
{
    for (int i = threadIdx.x; i < TileSize * Chunk; i += AttentionThreads) {
        int row = i / Chunk, column = i % Chunk;
        bool isInside = row < rows && first + column < size;
        values[row * (Chunk + 1) + column] = isInside ? from[(size_t)row * size + first + column] : T(0);
    }
}

// Adds the products of a tile, or of its transpose, and a chunk of values.
template <bool IsTransposed>
__device__ __forceinline__ void addProducts(const Square& tile, const T* values, T total[2][4])
{
    int tx = threadIdx.x % Columns, ty = threadIdx.x / Columns;
    for (int at = 0; at < TileSize; at++) {
        #pragma unroll
        for (int j = 0; j < 4; j++) {
            T value = values[at * (Chunk + 1) + tx + Columns * j];
            #pragma unroll
            for (int i = 0; i < 2; i++) {
                total[i][j] += (IsTransposed ? tile[at][2 * ty + i] : tile[2 * ty + i][at]) * value;
            }
        }
    }
}

// A product with the mask added; minus infinity if the query does not look at the key.
__device__ __forceinline__ T masked(T score, const T* mask, const AttentionShape& s, int64 batch, int query, int key)
{
    if (key >= s.keys || query >= s.queries || (CAUSAL && key > query)) {
        return -infinity(T(0));
    }

    return mask == nullptr
        ? score
        : score + mask[batch * s.maskBatch + (int64)query * s.maskRow + (int64)key * s.maskColumn];
}

__device__ __forceinline__ int lesserOf(int a, int b) { return a < b ? a : b; }

extern "C" __global__ void __launch_bounds__(AttentionThreads, 2) attend(
    const T* q, const T* k, const T* v, const T* mask, T* y, T* logs, AttentionShape s)
{
    __shared__ T tiles[2 * TileSize * (TileSize + 1)];
    __shared__ Square powers;
    __shared__ T rowMax[TileSize], sum[TileSize], factor[TileSize];
    Square& left = *(Square*)tiles;
    Square& right = *(Square*)(tiles + TileSize * (TileSize + 1));
    int tx = threadIdx.x % Columns, ty = threadIdx.x / Columns;
    int64 batch = blockIdx.x / s.chunks;
    int first = blockIdx.x % s.chunks * TileSize, column = blockIdx.y * Chunk;
    int rows = lesserOf(TileSize, s.queries - first);
    q += (batch * s.queries + first) * s.size;
    k += batch * s.keys * s.size;
    v += batch * s.keys * s.valueSize;
    if (threadIdx.x < TileSize) {
        rowMax[threadIdx.x] = -infinity(T(0));
        sum[threadIdx.x] = T(0);
    }

    T total[2][4] = {};
    int end = CAUSAL ? lesserOf(s.keys, first + TileSize) : s.keys;
    for (int key = 0; key < end; key += TileSize) {
        int count = lesserOf(TileSize, s.keys - key);
        T score[2][2];
        dots(q, rows, k + (size_t)key * s.size, count, s.size, left, right, score);
        #pragma unroll
        for (int i = 0; i < 4; i++) {
            int row = 2 * ty + i / 2, at = tx + i % 2 * Columns;
            powers[row][at] = masked(score[i / 2][i % 2], mask, s, batch, first + row, key + at);
        }

        __syncthreads();
        loadValues(v + (size_t)key * s.valueSize, count, s.valueSize, column, tiles);

        // Each warp handles its row and every eighth row after it.
        int lane = threadIdx.x % WarpThreads;
        for (int row = threadIdx.x / WarpThreads; row < TileSize; row += Rows) {
            T value = powers[row][lane], newMax = value;
            for (int step = WarpThreads / 2; step > 0; step /= 2) {
                T other = __shfl_xor_sync(WholeWarp, newMax, step);
                newMax = maximum(newMax, other);
            }

            // One lane reads the value that it will overwrite, and sends it to the others.
            T before = __shfl_sync(WholeWarp, lane == 0 ? rowMax[row] : T(0), 0);
            newMax = maximum(before, newMax);
            T shift = newMax == -infinity(T(0)) ? T(0) : newMax, power = exp(value - shift), added = power;
            for (int step = WarpThreads / 2; step > 0; step /= 2) {
                added += __shfl_xor_sync(WholeWarp, added, step);
            }

            powers[row][lane] = power;
            __syncwarp();
            if (lane == 0) {
                factor[row] = exp(before - shift);
                sum[row] = sum[row] * factor[row] + added;
                rowMax[row] = newMax;
            }
        }

        __syncthreads();
        #pragma unroll
        for (int i = 0; i < 2; i++) {
            #pragma unroll
            for (int j = 0; j < 4; j++) {
                total[i][j] *= factor[2 * ty + i];
            }
        }

        addProducts<false>(powers, tiles, total);
        __syncthreads();
    }

    #pragma unroll
    for (int i = 0; i < 2; i++) {
        int row = 2 * ty + i;
        #pragma unroll
        for (int j = 0; j < 4; j++) {
            int at = column + tx + Columns * j;
            if (row < rows && at < s.valueSize) {
                y[((size_t)batch * s.queries + first + row) * s.valueSize + at] = total[i][j] / sum[row];
            }
        }
    }

    if (column == 0 && threadIdx.x < rows) {
        T shift = rowMax[threadIdx.x] == -infinity(T(0)) ? T(0) : rowMax[threadIdx.x];
        logs[(size_t)batch * s.queries + first + threadIdx.x] = shift + log(sum[threadIdx.x]);
    }
}

// The powers, and the gradients of their products, for a tile of queries and keys.
__device__ __forceinline__ void products(
    const T* q, const T* k, const T* v, const T* g, const T* mask, const T* logs, const T* common,
    const AttentionShape& s,
    int64 batch, int query, int key, Square left, Square right, Square powers, Square terms)
{
    int tx = threadIdx.x % Columns, ty = threadIdx.x / Columns;
    int rows = lesserOf(TileSize, s.queries - query), count = lesserOf(TileSize, s.keys - key);
    int64 row0 = batch * s.queries + query, key0 = batch * s.keys + key;
    T score[2][2], gradient[2][2];
    dots(q + row0 * s.size, rows, k + key0 * s.size, count, s.size, left, right, score);
    dots(g + row0 * s.valueSize, rows, v + key0 * s.valueSize, count, s.valueSize, left, right, gradient);
    #pragma unroll
    for (int i = 0; i < 4; i++) {
        int row = 2 * ty + i / 2, at = tx + i % 2 * Columns;
        bool isInside = row < rows && at < count;
        T power = isInside
            ? exp(masked(score[i / 2][i % 2], mask, s, batch, query + row, key + at) - logs[row0 + row])
            : T(0);
        powers[row][at] = power;

        // A power of 0 has gradient 0, even if the other factor overflows.
        terms[row][at] = isInside && power != T(0) ? power * (gradient[i / 2][i % 2] - common[row0 + row]) : T(0);
    }

    __syncthreads();
}

extern "C" __global__ void __launch_bounds__(AttentionThreads) attend_queries(
    const T* q, const T* k, const T* v, const T* logs, const T* common, const T* g, const T* mask, T* dq,
    AttentionShape s)
{
    __shared__ T tiles[2 * TileSize * (TileSize + 1)];
    __shared__ Square powers, terms;
    Square& left = *(Square*)tiles;
    Square& right = *(Square*)(tiles + TileSize * (TileSize + 1));
    int tx = threadIdx.x % Columns, ty = threadIdx.x / Columns;
    int64 batch = blockIdx.x / s.chunks;
    int first = blockIdx.x % s.chunks * TileSize, column = blockIdx.y * Chunk;
    T total[2][4] = {};
    int end = CAUSAL ? lesserOf(s.keys, first + TileSize) : s.keys;
    for (int key = 0; key < end; key += TileSize) {
        products(q, k, v, g, mask, logs, common, s, batch, first, key, left, right, powers, terms);
        loadValues(k + (batch * s.keys + key) * s.size, lesserOf(TileSize, s.keys - key), s.size, column, tiles);
        __syncthreads();
        addProducts<false>(terms, tiles, total);
        __syncthreads();
    }

    #pragma unroll
    for (int i = 0; i < 8; i++) {
        int row = first + 2 * ty + i / 4, at = column + tx + Columns * (i % 4);
        if (row < s.queries && at < s.size) {
            dq[(batch * s.queries + row) * s.size + at] = total[i / 4][i % 4];
        }
    }
}

extern "C" __global__ void __launch_bounds__(AttentionThreads) attend_keys(
    const T* q, const T* k, const T* v, const T* logs, const T* common, const T* g, const T* mask, T* dk, T* dv,
    AttentionShape s)
{
    __shared__ T tiles[2 * TileSize * (TileSize + 1)];
    __shared__ Square powers, terms;
    Square& left = *(Square*)tiles;
    Square& right = *(Square*)(tiles + TileSize * (TileSize + 1));
    int tx = threadIdx.x % Columns, ty = threadIdx.x / Columns;
    int64 batch = blockIdx.x / s.chunks;
    int first = blockIdx.x % s.chunks * TileSize, column = blockIdx.y * Chunk;
    T ofKeys[2][4] = {}, ofValues[2][4] = {};
    for (int query = CAUSAL ? first : 0; query < s.queries; query += TileSize) {
        int rows = lesserOf(TileSize, s.queries - query);
        products(q, k, v, g, mask, logs, common, s, batch, query, first, left, right, powers, terms);
        loadValues(q + (batch * s.queries + query) * s.size, rows, s.size, column, tiles);
        __syncthreads();
        addProducts<true>(terms, tiles, ofKeys);
        __syncthreads();
        loadValues(g + (batch * s.queries + query) * s.valueSize, rows, s.valueSize, column, tiles);
        __syncthreads();
        addProducts<true>(powers, tiles, ofValues);
        __syncthreads();
    }

    #pragma unroll
    for (int i = 0; i < 8; i++) {
        int key = first + 2 * ty + i / 4, at = column + tx + Columns * (i % 4);
        if (key < s.keys && at < s.size) {
            dk[(batch * s.keys + key) * s.size + at] = ofKeys[i / 4][i % 4];
        }

        if (key < s.keys && at < s.valueSize) {
            dv[(batch * s.keys + key) * s.valueSize + at] = ofValues[i / 4][i % 4];
        }
    }
}
