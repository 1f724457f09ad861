// A block's tile of the product of two sources, on tensor cores. The operands' elements are rounded to TF32 (8 bits of
// exponent, 10 of mantissa) when they are read from shared memory, and products are summed in float32. With TENSOR 1 it
// replaces gemm.cuh's Product and has the same members.
//
// A warp computes WARP_M × WARP_N of the tile with mma.sync.m16n8k8. The PTX manual defines how its fragments are
// distributed to lanes: with g = lane / 4 and t = lane % 4, a lane holds of A (g, t), (g + 8, t), (g, t + 4),
// (g + 8, t + 4), of B (t, g) and (t + 4, g), of the sums (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1). Slices of
// an operand have the layout of tile.cuh in shared memory, with rows so far apart that the 32 lanes of a fragment use
// all banks.
//
// With HALVES 1, operands of 16 bits are multiplied as they are stored, with mma.sync.m16n8k16. A register holds two
// neighbors along k: a lane holds of A (g, 2t), (g + 8, 2t), (g, 2t + 8), (g + 8, 2t + 8), of B (2t, g) and (2t + 8,
// g), each with the next element along k. ldmatrix reads four matrices of 8 × 8 at once, transposed if necessary.
//
// STAGES K-tiles are in shared memory: one is multiplied while the others are on their way (cp.async).
#pragma once
#include "common.cuh"
#include "split_k.cuh"
#include "ptx.cuh"
#include "tile.cuh"

#ifndef HALVES
#define HALVES 0
#endif

template <typename A, typename B>
struct Product {
    static constexpr int MmaM = 16, MmaN = 8, MmaK = HALVES ? 16 : 8, Four = 4;
    static constexpr int WarpsAcross = TILE_N / WARP_N, FragmentsM = WARP_M / MmaM, FragmentsN = WARP_N / MmaN;
    static constexpr int Count = FragmentsM * FragmentsN * Four;
    static_assert(TILE_M / WARP_M * WarpsAcross * WarpThreads == Threads, "each warp has its part of the tile");
    static_assert(TILE_K % MmaK == 0, "K-tiles are whole");
    typedef Tile<TILE_M, TILE_M / 4, 4, A> TileA;
    typedef Tile<TILE_N, TILE_N / 4, 4, B> TileB;
    static constexpr int KTile = TileA::Elements + TileB::Elements;

    // The bytes of a K-tile in shared memory, with the parts of its elements' offsets.
    static constexpr int StageParts = TileA::StageParts + TileB::StageParts;
    static constexpr int Stage = KTile * (int)sizeof(Element) + StageParts * (int)sizeof(Part);

    // Fragment (f / FragmentsN, f % FragmentsN) has the four accumulators from 4 f on.
    T accumulators[Count];

    static __device__ __forceinline__ int warpRow() { return threadIdx.x / WarpThreads / WarpsAcross * WARP_M; }
    static __device__ __forceinline__ int warpColumn() { return threadIdx.x / WarpThreads % WarpsAcross * WARP_N; }
    static __device__ __forceinline__ int group() { return threadIdx.x % WarpThreads / 4; }
    static __device__ __forceinline__ int inGroup() { return threadIdx.x % 4; }

    static __device__ __forceinline__ int row(int sum)
    {
        return blockIdx.x * TILE_M + warpRow() + sum / Four / FragmentsN * MmaM + group() + sum % Four / 2 * (MmaM / 2);
    }

    static __device__ __forceinline__ int column(int sum)
    {
        return blockIdx.y * TILE_N + warpColumn() + sum / Four % FragmentsN * MmaN + inGroup() * 2 + sum % 2;
    }

    static __device__ __forceinline__ bool has(int) { return true; }

    // One of four accumulators in a column, for pooling: those of two fragments, in rows that are 8 apart.
    static constexpr __device__ __forceinline__ int ofFour(int four, int i)
    {
        int column = four % 2, fragment = four / 2 % FragmentsN, pair = four / 2 / FragmentsN;
        return ((pair * 2 + i / 2) * FragmentsN + fragment) * Four + i % 2 * 2 + column;
    }

#if HALVES

    // The offset in a K-tile of the row whose address this lane gives to ldmatrix. For A, the four matrices of 8 × 8
    // are the quarters of a fragment, in column-major order; for B, they are the halves along k of two fragments.
    static __device__ __forceinline__ int ownRowOfA()
    {
        int lane = threadIdx.x % WarpThreads, first = lane % 8, rows = lane / 8 % 2 * 8, along = lane / 16 * 8;
        return A::AlongK
            ? TileA::offset(warpRow() + rows + first, along)
            : TileA::offset(warpRow() + rows, along + first);
    }

    static __device__ __forceinline__ int ownRowOfB()
    {
        int lane = threadIdx.x % WarpThreads, first = lane % 8, along = lane / 8 % 2 * 8, columns = lane / 16 * 8;
        return B::AlongK ? TileB::offset(warpColumn() + columns + first, along)
                         : TileB::offset(warpColumn() + columns, along + first);
    }

    // The bytes from a K-tile to the rows of A and of B that this lane reads.
    int ownA, ownB;

    // Multiplies a K-tile.
    __device__ __forceinline__ void multiply(unsigned char* kTile)
    {
        static_assert(FragmentsN % 2 == 0, "ldmatrix reads two fragments of B");
        SharedAddress originA = sharedAddress(kTile) + ownA, originB = sharedAddress(kTile) + ownB;
        #pragma unroll
        for (int k = 0; k < TILE_K; k += MmaK) {
            unsigned left[FragmentsM][4], right[FragmentsN][2];
            #pragma unroll
            for (int f = 0; f < FragmentsM; f++) {
                readMatrices<!A::AlongK>(left[f], originA + TileA::offset(f * MmaM, k) * (int)sizeof(Element));
            }

            #pragma unroll
            for (int f = 0; f < FragmentsN; f += 2) {
                readMatrices<!B::AlongK>(right[f], originB + TileB::offset(f * MmaN, k) * (int)sizeof(Element));
            }

            #pragma unroll
            for (int f = 0; f < FragmentsM * FragmentsN; f++) {
                multiplyFragments(
                    accumulators + f * Four, left[f / FragmentsN], right[f % FragmentsN], (const Element*)nullptr);
            }
        }
    }

#else

    static __device__ __forceinline__ int ownRowOfA() { return TileA::offset(warpRow() + group(), inGroup()); }
    static __device__ __forceinline__ int ownRowOfB() { return TileB::offset(warpColumn() + group(), inGroup()); }

    int64 ownA, ownB;

    // Multiplies a K-tile.
    __device__ __forceinline__ void multiply(const unsigned char* kTile)
    {
        const T* originA = (const T*)(kTile + ownA);
        const T* originB = (const T*)(kTile + ownB);
        #pragma unroll
        for (int k = 0; k < TILE_K; k += MmaK) {
            unsigned left[FragmentsM][4], right[FragmentsN][2];
            #pragma unroll
            for (int f = 0; f < FragmentsM; f++) {
                #pragma unroll
                for (int i = 0; i < 4; i++) {
                    int row = f * MmaM + i % 2 * (MmaM / 2);
                    left[f][i] = toTensorFloat(originA[TileA::offset(row, k + i / 2 * (MmaK / 2))]);
                }
            }

            #pragma unroll
            for (int f = 0; f < FragmentsN; f++) {
                #pragma unroll
                for (int i = 0; i < 2; i++) {
                    right[f][i] = toTensorFloat(originB[TileB::offset(f * MmaN, k + i * (MmaK / 2))]);
                }
            }

            #pragma unroll
            for (int f = 0; f < FragmentsM * FragmentsN; f++) {
                multiplyFragments(accumulators + f * Four, left[f / FragmentsN], right[f % FragmentsN]);
            }
        }
    }

#endif

    // True if this block holds the totals. Grid: as gemm.cuh's.
    __device__ __forceinline__ bool compute(const A& a, const B& b, int m, int n, int k, T* workspace)
    {
        extern __shared__ __align__(16) unsigned char sharedTiles[];
        unsigned char* stages = sharedTiles;
        static_assert(
            TileA::Elements * sizeof(Element) % 16 == 0 && KTile * sizeof(Element) % 16 == 0, "K-tiles are aligned");
        int m0 = blockIdx.x * TILE_M, n0 = blockIdx.y * TILE_N;
        int kTiles = k / TILE_K + (k % TILE_K != 0), first = 0, last = kTiles;
#if ARRIVALS
        int each = kTiles / (int)gridDim.z, more = kTiles % (int)gridDim.z, part = blockIdx.z;
        first = part * each + min(part, more);
        last = first + each + (part < more);
#endif
        #pragma unroll
        for (int i = 0; i < Count; i++) {
            accumulators[i] = T(0);
        }

        ownA = ownRowOfA() * (int)sizeof(Element);
        ownB = (TileA::Elements + ownRowOfB()) * (int)sizeof(Element);
        keep(ownA);
        keep(ownB);
        TileA tileA;
        TileB tileB;
        tileA.begin(a, m0, m, first * TILE_K);
        tileB.begin(b, n0, n, first * TILE_K);

        // The buffer of a K-tile is its number modulo STAGES. A K-tile behind the last is a group without copies, so
        // that groups can be counted.
        constexpr bool AreSplit = StageParts + TileA::BlockParts + TileB::BlockParts > 0;
        if constexpr (AreSplit) {
            Part* parts = (Part*)(stages + STAGES * Stage);
            tileA.fillBlock(a, parts, m0, m);
            tileB.fillBlock(b, parts + TileA::BlockParts, n0, n);
            tileA.parts = parts;
            tileB.parts = parts + TileA::BlockParts;
        }

        // Other threads see the parts after the next barrier.
        auto fill = [&](int kTile, unsigned char* stage) {
            if (AreSplit && kTile < last) {
                Part* parts = (Part*)(stage + KTile * sizeof(Element));
                tileA.fillStage(a, parts, kTile * TILE_K, k);
                tileB.fillStage(b, parts + TileA::StageParts, kTile * TILE_K, k);
            }
        };
        auto bring = [&](int kTile, unsigned char* stage) {
            if (kTile < last) {
                const Part* parts = (const Part*)(stage + KTile * sizeof(Element));
                if constexpr (TileA::StageParts > 0) {
                    tileA.parts = parts;
                }

                if constexpr (TileB::StageParts > 0) {
                    tileB.parts = parts + TileA::StageParts;
                }

                SharedAddress shared = sharedAddress(stage);
                tileA.start(a, shared, m0, m, kTile * TILE_K, k);
                tileB.start(b, shared + TileA::Elements * (int)sizeof(Element), n0, n, kTile * TILE_K, k);
            }

            commitCopies();
        };
        auto finish = [&](int kTile, unsigned char* stage) {
            if (kTile < last) {
                tileA.finish((Element*)stage);
                tileB.finish((Element*)stage + TileA::Elements);
            }
        };
        if constexpr (AreSplit) {
            for (int stage = 0; stage < STAGES - 1; stage++) {
                fill(first + stage, stages + stage * Stage);
            }

            __syncthreads();
        }

        #pragma unroll
        for (int stage = 0; stage < STAGES - 1; stage++) {
            bring(first + stage, stages + stage * Stage);
            finish(first + stage, stages + stage * Stage);
        }

        // The offsets of the K-tile that is multiplied, and of the buffer before it, which is filled.
        int ready = 0, free = (STAGES - 1) * Stage;
        for (int kTile = first; kTile < last; kTile++) {
            // The K-tile has arrived, and no thread reads the previous one: its buffer may be filled.
            fill(kTile + STAGES - 1, stages + free);
            waitForCopies<STAGES - 2>();
            __syncthreads();
            bring(kTile + STAGES - 1, stages + free);
            multiply(stages + ready);
            finish(kTile + STAGES - 1, stages + free);
            free = ready;
            ready = ready + Stage < STAGES * Stage ? ready + Stage : 0;
        }

        waitForCopies<0>();
        return reduceSplits<Count, Threads>(accumulators, workspace);
    }

    // Calls put(i, j, accumulator) for each of the accumulators that is inside C.
    template <typename Put>
    __device__ __forceinline__ void forEach(int m, int n, Put put) const
    {
        #pragma unroll
        for (int sum = 0; sum < Count; sum++) {
            int i = row(sum), j = column(sum);
            if (i < m && j < n) {
                put(i, j, accumulators[sum]);
            }
        }
    }

    // The same, row by row. In a fragment, four lanes have neighboring columns, and each has every other one: a request
    // would use half of a sector of float32, or a quarter of one of 16 bits. Therefore the lanes of a warp exchange
    // fragments through shared memory, 16 rows at a time. All threads take part.
    template <typename Put>
    __device__ __forceinline__ void forEachByRows(int m, int n, Put put) const
    {
        // Other warps may still multiply the last K-tile.
        __syncthreads();
        if ((blockIdx.x + 1) * TILE_M <= m && (blockIdx.y + 1) * TILE_N <= n) {
            forEachInside<true>(m, n, put);
        } else {
            forEachInside<false>(m, n, put);
        }
    }

    template <bool IsWhole, typename Put>
    __device__ __forceinline__ void forEachInside(int m, int n, Put put) const
    {
        // Eight more elements per row: four rows of pairs are then on different banks, and so are two rows of 16
        // elements that are two apart.
        static_assert(WARP_N == 16 || WARP_N == 32, "a request is a row, or two");
        constexpr int Stride = WARP_N + 8;
        extern __shared__ __align__(16) unsigned char sharedTiles[];
        int warp = threadIdx.x / WarpThreads, lane = threadIdx.x % WarpThreads;
        T* own = (T*)sharedTiles + warp * (MmaM * Stride);
        T* to = own + group() * Stride + inGroup() * 2;
        int lowRow = lane / WARP_N * 2, lowColumn = lane % WARP_N;
        const T* from = own + lowRow * Stride + lowColumn;
        int firstRow = blockIdx.x * TILE_M + warpRow() + lowRow, j = blockIdx.y * TILE_N + warpColumn() + lowColumn;
        #pragma unroll
        for (int f = 0; f < FragmentsM; f++) {
            #pragma unroll
            for (int pair = 0; pair < FragmentsN * 2; pair++) {
                const T* sums = accumulators + (f * FragmentsN + pair / 2) * Four + pair % 2 * 2;
                T two[2] = {sums[0], sums[1]};
                store<2>(to + pair % 2 * (MmaM / 2) * Stride + pair / 2 * MmaN, two);
            }

            __syncwarp();
            #pragma unroll
            for (int step = 0; step < MmaM * WARP_N / WarpThreads; step++) {
                int further = WARP_N == 32 ? step : step / 2 * 4 + step % 2, i = firstRow + f * MmaM + further;
                if (IsWhole || (i < m && j < n)) {
                    put(i, j, from[further * Stride]);
                }
            }

            __syncwarp();
        }
    }
};
