// The core of matrix products and convolutions: one tile of C[i][j] = sum over k of A[i][k] * B[j][k]. A and B are any
// types that can find an element. C is any function that takes an element.
//
// A block computes one tile of C. It loads a K-tile of both operands (TILE_K elements along k) into shared memory. Each
// thread multiplies ROWS elements of A by COLUMNS of B into its register tile of accumulators: ROWS · COLUMNS products
// for ROWS + COLUMNS reads, so that the bound is arithmetic and not shared memory. Shared memory is double-buffered:
// while one K-tile is multiplied, the next is loaded, by asynchronous copies from sm_80 on and through registers on
// older GPUs (ptx.cuh). One barrier for each K-tile is enough.
//
// A tile in shared memory has the layout of its matrix in memory, along k or across, so that it is copied 16 bytes at
// a time and no element passes through a register. The host knows which vectors are safe when it makes the plan. If a
// dimension is not a multiple of four, or an address not one of 16 bytes, the operand's Vector is 1 and single elements
// are copied. A vector is therefore inside the matrix if its first element is. Elements outside count as 0.
//
// Tiles (the host chooses one for each shape by an estimate of clocks, see CudaTiles):
//   128 × 128 × 16, 8 × 8 accumulators  the most products for a read; for matrices that have 128 such tiles
//    64 ×  64 × 32, 8 × 4                for medium sizes
//    64 ×  64 × 16, 4 × 4                the same for double, whose 8 × 4 and K-tiles would not fit
//    64 ×  32 × 32, 64 × 16 × 32,        for few columns or rows, and for products so small (a batch of 128 by 100
//    32 ×  32 × 32, 16 × 64 × 32, 8 × 4  units) that they are bound by latency: many tiles keep more of the GPU busy
//    64 ×  20 × 32, 8 × 5                the same, for 100, 200 or 1000 columns, which are multiples of 20
// The smaller the tile, the longer its K-tile: multiplying one takes at least 256 clocks per scheduler. The next one
// takes about as long to arrive from the L2 cache, where the operands of a network's layers are.
//
// Split-K: if there are few tiles, gridDim.z blocks share the range of k; split_k.cuh adds up their accumulators.
//
// The epilogue is what happens to an element of the product before it is stored. A kernel that uses this file has two
// macros that are empty unless the compiler of plans defines them:
//
//   OPERANDS         further parameters of the kernel, after its own: `, const T* bias, float* velocity`
//   EPILOGUE(x, …)   statements that change x, an lvalue of type T, and may read and write the further parameters;
//                    the element's indices follow x, each the name of an int that is evaluated once. For a product
//                    with bias and rectifier: `x = maximum(x + bias[j], T(0));`
//
// It runs once for each element, after split-K, in the thread that stores the element. Therefore it may read the old
// value at the address of the store, as an update of weights by their gradient does.
#pragma once
#include "common.cuh"
#include "packs.cuh"
#include "split_k.cuh"
#include "ptx.cuh"

#ifndef OPERANDS
#define OPERANDS
#endif
#ifndef EPILOGUE
#define EPILOGUE(...)
#endif

// Slice-K: where a tile's accumulators need only a part of the threads, SliceK groups of warps keep the same
// accumulators, each for its slice of every K-tile, and add them up at the end. Smaller register tiles for all threads
// would be bound by shared memory: 4 × 2 products for 4 + 2 reads.
constexpr int Threads = TILE_THREADS, SliceThreads = TILE_M / ROWS * (TILE_N / COLUMNS);
constexpr int SliceK = Threads / SliceThreads;
static_assert(SliceK * SliceThreads == Threads, "kTiles of K are whole");

// Occupancy: the number of blocks that share a multiprocessor, so that one multiplies while another waits. With 8 × 8
// accumulators the compiler decides: if both operands are along k, it needs more than the 128 registers that two blocks
// leave. Copies through registers may need more, too, because they hold a K-tile in addition to the accumulators.
// RESIDENT_THREADS is the number of threads that share a multiprocessor: 512 have 128 registers each, 384 have 168.
#ifndef RESIDENT_THREADS
#define RESIDENT_THREADS 512
#endif
constexpr int Blocks = ROWS * COLUMNS > 32 || !ASYNC_COPIES ? 1 : RESIDENT_THREADS / Threads;

// Padding of each row in shared memory: threads that read or write a column then use different banks. It is 16 bytes or
// more, so that rows stay aligned.
constexpr int Padding = 16 / (sizeof(Element) < sizeof(float) ? sizeof(Element) : sizeof(float));

// Tensor cores read four rows of eight at once, not eight neighbors of one row.
#ifndef TENSOR
#define TENSOR 0
#endif
constexpr int AcrossPadding = TENSOR ? 8 : 4;

// The number of elements along k that a thread reads before it multiplies them: as many as one access reads, up to 4.
constexpr int Step = 4;

#include "tile.cuh"

#if TENSOR
#include "tensor.cuh"
#else

// A block's tile of the product of two sources.
template <typename A, typename B>
struct Product {
    static constexpr int ThreadRows = TILE_M / ROWS, ThreadColumns = TILE_N / COLUMNS;

    // The lanes of a warp form 4 rows of 8, or as near to that as the tile allows, because a warp then reads the fewest
    // elements.
    static constexpr int LaneRows = ThreadRows < 4 ? ThreadRows : ThreadColumns < 8 ? WarpThreads / ThreadColumns : 4;
    static constexpr int LaneColumns = WarpThreads / LaneRows, WarpsAcross = ThreadColumns / LaneColumns;
    static_assert(ThreadRows % LaneRows == 0 && ThreadColumns % LaneColumns == 0, "warps are whole");
    typedef Tile<TILE_M, ROWS, ThreadRows, A> TileA;
    typedef Tile<TILE_N, COLUMNS, ThreadColumns, B> TileB;

    // The accumulators that a thread stores: its own, column by column; with slice-K, the totals of some groups of four
    // rows, so that neighboring threads have neighboring columns.
    static constexpr int Four = 4, Fours = TILE_M * TILE_N / Four, Count = (Fours + Threads - 1) / Threads * Four;
    static_assert(ROWS % Four == 0, "fours are whole");
    T accumulators[Count];

    static __device__ __forceinline__ int sliceOfK() { return threadIdx.x / SliceThreads; }
    static __device__ __forceinline__ int warp() { return threadIdx.x % SliceThreads / WarpThreads; }

    static __device__ __forceinline__ int threadRow()
    {
        return warp() / WarpsAcross * LaneRows + threadIdx.x % WarpThreads / LaneColumns;
    }

    static __device__ __forceinline__ int threadColumn()
    {
        return warp() % WarpsAcross * LaneColumns + threadIdx.x % LaneColumns;
    }

    // Row and column in C of the first of four accumulators of a thread. The four are in one column, and their rows are
    // TileA::Apart apart, which is 1 if A is across k.
    static __device__ __forceinline__ int row(int sum)
    {
        unsigned four = slot(sum) / TILE_N, thread = four % ThreadRows, own = four / ThreadRows * Four;
        return blockIdx.x * TILE_M + (SliceK > 1 ? TileA::row(thread, own) : TileA::row(threadRow(), sum % ROWS));
    }

    static __device__ __forceinline__ int column(int sum)
    {
        unsigned inRow = slot(sum) % TILE_N, thread = inRow % ThreadColumns, own = inRow / ThreadColumns;
        return blockIdx.y * TILE_N + (SliceK > 1 ? TileB::row(thread, own) : TileB::row(threadColumn(), sum / ROWS));
    }

    // The index of the four within the tile, and whether it exists: some threads may have fewer than others.
    static __device__ __forceinline__ unsigned slot(int sum) { return sum / Four * Threads + threadIdx.x; }
    static __device__ __forceinline__ bool has(int sum) { return Fours % Threads == 0 || slot(sum) < Fours; }

    // One of four accumulators in a column, for pooling.
    static constexpr __device__ __forceinline__ int ofFour(int four, int i) { return four * Four + i; }

    static __device__ __forceinline__ void multiply(
        const TileA& a, const TileB& b, const T* bufferA, const T* bufferB, T (&all)[ROWS][COLUMNS])
    {
        // Not the whole K-tile: for a long one, the compiler would read further ahead than there are registers for.
        #pragma unroll 4
        for (int k0 = 0; k0 < TILE_K / SliceK; k0 += Step) {
            T left[Step][ROWS], right[Step][COLUMNS];
            a.read(bufferA, k0, left);
            b.read(bufferB, k0, right);
            #pragma unroll
            for (int d = 0; d < Step; d++) {
                #pragma unroll
                for (int r = 0; r < ROWS; r++) {
                    #pragma unroll
                    for (int s = 0; s < COLUMNS; s++) {
                        all[r][s] += left[d][r] * right[d][s];
                    }
                }
            }
        }
    }

    // Slice-K: adds up the groups' accumulators in the shared memory of the K-tiles, which are no longer read. Fours of
    // a row are side by side. The rows of eight lanes are so far apart that they use all banks.
    __device__ __forceinline__ void reduceSliceK(const T (&all)[ROWS][COLUMNS], T* buffer)
    {
        constexpr int Step = TILE_N % 8 == 0 ? TILE_N + 4 : TILE_N, Group = TILE_M * Step;
        T* to = buffer + sliceOfK() * Group + (threadRow() * Step + threadColumn()) * Four;
        #pragma unroll
        for (int r = 0; r < ROWS; r += Four) {
            #pragma unroll
            for (int s = 0; s < COLUMNS; s++) {
                T own[Four] = {all[r][s], all[r + 1][s], all[r + 2][s], all[r + 3][s]};
                store<Four>(to + (r / Four * ThreadRows * Step + s * ThreadColumns) * Four, own);
            }
        }

        __syncthreads();
        #pragma unroll
        for (int i = 0; i < Count; i += Four) {
            if (!has(i)) {
                accumulators[i] = accumulators[i + 1] = accumulators[i + 2] = accumulators[i + 3] = T(0);
                continue;
            }

            const T* from = buffer + (slot(i) / TILE_N * Step + slot(i) % TILE_N) * Four;
            load<Four>(accumulators + i, from);
            #pragma unroll
            for (int other = 1; other < SliceK; other++) {
                T some[Four];
                load<Four>(some, from + other * Group);
                #pragma unroll
                for (int j = 0; j < Four; j++) {
                    accumulators[i + j] += some[j];
                }
            }
        }
    }

    // Starts to load a K-tile of both operands into a buffer.
    static __device__ __forceinline__ void bring(
        TileA& tileA, TileB& tileB, const A& a, const B& b, T* buffer, int m, int n, int k0, int k)
    {
        SharedAddress shared = sharedAddress(buffer);
        tileA.start(a, shared, blockIdx.x * TILE_M, m, k0, k);
        tileB.start(b, shared + TileA::Elements * (int)sizeof(T), blockIdx.y * TILE_N, n, k0, k);
    }

    // Completes the load; after the next barrier all threads see both.
    static __device__ __forceinline__ void finish(TileA& tileA, TileB& tileB, T* buffer)
    {
        tileA.finish(buffer);
        tileB.finish(buffer + TileA::Elements);
#if ASYNC_COPIES
        waitForCopies();
#endif
    }

    // Computes the tile. Returns true if this block holds the totals, false if another block of split-K does. Grid:
    // tiles along i (of m), tiles along j (of n), splits of k.
    __device__ __forceinline__ bool compute(const A& a, const B& b, int m, int n, int k, T* workspace)
    {
        // The launch sets the size, not a declaration, so that kernels of one horizontal fusion share the memory.
        extern __shared__ __align__(16) unsigned char sharedTiles[];
        constexpr int KTile = TileA::Elements + TileB::Elements;
        static_assert(TileA::Elements % MaxVector == 0 && KTile % MaxVector == 0, "K-tiles are aligned");
        T* now = (T*)sharedTiles;
        T* next = now + KTile;
        int m0 = blockIdx.x * TILE_M, n0 = blockIdx.y * TILE_N;
        int kTiles = k / TILE_K + (k % TILE_K != 0);
        int kTile = 0, last = kTiles;
#if ARRIVALS
        // The lengths of the splits differ by at most one K-tile.
        int each = kTiles / (int)gridDim.z, more = kTiles % (int)gridDim.z, split = blockIdx.z;
        kTile = split * each + min(split, more);
        last = kTile + each + (split < more);
#endif
        TileA tileA;
        TileB tileB;
        T all[ROWS][COLUMNS] = {};
        if (kTile < last) {
            tileA.reads(threadRow(), sliceOfK() * (TILE_K / SliceK));
            tileB.reads(threadColumn(), sliceOfK() * (TILE_K / SliceK));
            tileA.begin(a, m0, m, kTile * TILE_K);
            tileB.begin(b, n0, n, kTile * TILE_K);
            bring(tileA, tileB, a, b, next, m, n, kTile * TILE_K, k);
            finish(tileA, tileB, next);
        }

        for (; kTile < last; kTile++) {
            // This K-tile has arrived, and no thread reads the previous one: its buffer may be filled.
            __syncthreads();
            T* free = now;
            now = next;
            next = free;
            bool isMore = kTile + 1 < last;
            if (isMore) {
                bring(tileA, tileB, a, b, next, m, n, (kTile + 1) * TILE_K, k);
            }

            multiply(tileA, tileB, now, now + TileA::Elements, all);
            if (isMore) {
                finish(tileA, tileB, next);
            }
        }

        if constexpr (SliceK > 1) {
            __syncthreads();
            reduceSliceK(all, (T*)sharedTiles);
        } else {
            #pragma unroll
            for (int i = 0; i < Count; i++) {
                accumulators[i] = all[i % ROWS][i / ROWS];
            }
        }

        return reduceSplits<Count, Threads>(accumulators, workspace);
    }

    // Calls store(i, j, accumulator) for each of the thread's accumulators that is inside C.
    template <typename Store>
    __device__ __forceinline__ void forEach(int m, int n, Store store) const
    {
        if ((blockIdx.x + 1) * TILE_M <= m && (blockIdx.y + 1) * TILE_N <= n) {
            forEachInside<true>(m, n, store);
        } else {
            forEachInside<false>(m, n, store);
        }
    }

    // The same: the threads' columns are neighbors anyway.
    template <typename Store>
    __device__ __forceinline__ void forEachByRows(int m, int n, Store store) const { forEach(m, n, store); }

    template <bool IsWhole, typename Store>
    __device__ __forceinline__ void forEachInside(int m, int n, Store store) const
    {
        #pragma unroll
        for (int sum = 0; sum < Count; sum += Four) {
            int first = row(sum), j = column(sum);
            #pragma unroll
            for (int r = 0; r < Four && has(sum); r++) {
                int i = first + r * TileA::Apart;
                if (IsWhole || (i < m && j < n)) {
                    store(i, j, accumulators[sum + r]);
                }
            }
        }
    }
};

#endif
