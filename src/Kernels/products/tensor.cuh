// A block's tile of the product of two sources, on tensor cores: the operands' elements are rounded to TF32 (8 bits of
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

    // Multiplies a K-tile.
    __device__ __forceinline__ void multiply(Element* a, Element* b)
    {
        static_assert(FragmentsN % 2 == 0, "ldmatrix reads two fragments of B");
        SharedAddress originA = sharedAddress(a + ownRowOfA()), originB = sharedAddress(b + ownRowOfB());
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

    // Multiplies a K-tile.
    __device__ __forceinline__ void multiply(const T* a, const T* b)
    {
        const T* originA = a + TileA::offset(warpRow() + group(), inGroup());
        const T* originB = b + TileB::offset(warpColumn() + group(), inGroup());
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

        TileA tileA;
        TileB tileB;
        tileA.begin(a, m0, m, first * TILE_K);
        tileB.begin(b, n0, n, first * TILE_K);

        // The buffer of a K-tile is its number modulo STAGES. A K-tile behind the last is a group without copies, so
        // that groups can be counted.
        int filled = 0;
        constexpr bool AreSplit = StageParts + TileA::BlockParts + TileB::BlockParts > 0;
        if constexpr (AreSplit) {
            Part* parts = (Part*)(stages + STAGES * Stage);
            tileA.fillBlock(a, parts, m0, m);
            tileB.fillBlock(b, parts + TileA::BlockParts, n0, n);
            tileA.parts = parts;
            tileB.parts = parts + TileA::BlockParts;
        }

        // Other threads see the parts after the next barrier.
        auto fill = [&](int kTile, int stage) {
            if (AreSplit && kTile < last) {
                Part* parts = (Part*)(stages + stage * Stage + KTile * sizeof(Element));
                tileA.fillStage(a, parts, kTile * TILE_K, k);
                tileB.fillStage(b, parts + TileA::StageParts, kTile * TILE_K, k);
            }
        };
        auto bring = [&](int kTile) {
            if (kTile < last) {
                const Part* parts = (const Part*)(stages + filled * Stage + KTile * sizeof(Element));
                if constexpr (TileA::StageParts > 0) {
                    tileA.parts = parts;
                }

                if constexpr (TileB::StageParts > 0) {
                    tileB.parts = parts + TileA::StageParts;
                }

                SharedAddress shared = sharedAddress(stages) + filled * Stage;
                tileA.start(a, shared, m0, m, kTile * TILE_K, k);
                tileB.start(b, shared + TileA::Elements * (int)sizeof(Element), n0, n, kTile * TILE_K, k);
            }

            commitCopies();
        };
        auto finish = [&](int kTile) {
            if (kTile < last) {
                Element* buffer = (Element*)(stages + filled * Stage);
                tileA.finish(buffer);
                tileB.finish(buffer + TileA::Elements);
                filled = filled + 1 < STAGES ? filled + 1 : 0;
            }
        };
        if constexpr (AreSplit) {
            for (int stage = 0; stage < STAGES - 1; stage++) {
                fill(first + stage, stage);
            }

            __syncthreads();
        }

        for (int kTile = first; kTile < first + STAGES - 1; kTile++) {
            bring(kTile);
            finish(kTile);
        }

        int ready = 0;
        for (int kTile = first; kTile < last; kTile++) {
            // The K-tile has arrived, and no thread reads the previous one: its buffer may be filled.
            fill(kTile + STAGES - 1, filled);
            waitForCopies<STAGES - 2>();
            __syncthreads();
            bring(kTile + STAGES - 1);
            Element* buffer = (Element*)(stages + ready * Stage);
            multiply(buffer, buffer + TileA::Elements);
            finish(kTile + STAGES - 1);
            ready = ready + 1 < STAGES ? ready + 1 : 0;
        }

        waitForCopies<0>();
        return reduceSplits<Count, Threads>(accumulators, workspace);
    }

    // Calls store(i, j, accumulator) for each of the accumulators that is inside C.
    template <typename Store>
    __device__ __forceinline__ void forEach(int m, int n, Store store) const
    {
        #pragma unroll
        for (int sum = 0; sum < Count; sum++) {
            int i = row(sum), j = column(sum);
            if (i < m && j < n) {
                store(i, j, accumulators[sum]);
            }
        }
    }
};
