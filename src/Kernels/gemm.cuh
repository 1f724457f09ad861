// The heart of matrix products and convolutions: a tile of C[i][j] = sum over k of A[i][k] * B[j][k], where A and B are
// anything that can say where an element lies and C anything that takes one.
//
// A block computes a tile of C. It brings a slice of TILE_K along k of either operand into shared memory, where each of
// its threads multiplies ROWS elements of the one by COLUMNS of the other into a little matrix of sums that stays in
// registers: of ROWS · COLUMNS products for ROWS + COLUMNS reads, so that arithmetic, not shared memory, is the bound.
// There are two buffers: while one slice is multiplied the next is on its way into the other, by asynchronous copies
// from sm_80 on and through registers before (ptx.cuh). One barrier a slice suffices.
//
// A tile lies in shared memory as its matrix lies in memory, along k or across, so that it is copied 16 bytes at a time
// with no element passing through a register. Which vectors are safe the host knows when it makes the plan: where a
// side is no multiple of four, or an address none of 16 bytes, the operand's Vector is 1 and single elements are
// copied. A vector is then inside the matrix if its first element is, and what lies outside counts as 0.
//
// Tiles (the host chooses one for each shape by an estimate of clocks, see CudaTiles):
//   128 × 128 × 16, 8 × 8 sums a thread  the most products for a read; for matrices that have 128 such tiles
//    64 ×  64 × 32, 8 × 4                for middling ones
//    64 ×  64 × 16, 4 × 4                the same for double, whose 8 × 4 sums and slices would not fit
//    64 ×  32 × 32, 64 × 16 × 32,        for few columns or rows, and for products so small (a batch of 128 by 100
//    32 ×  32 × 32, 16 × 64 × 32, 8 × 4  units) that they are bound by latency: many tiles keep more of the GPU busy
//    64 ×  20 × 32, 8 × 5                the same, for the 100, 200 or 1000 columns that are whole numbers of 20
// The smaller the tile the deeper the slice: multiplying one takes at least 256 clocks a scheduler, about as long as
// the next takes to come from the L2 cache, where the operands of a network's layers lie.
//
// The inner side is split among gridDim.z blocks where there are few tiles; parts.cuh says how their sums are joined.
//
// The epilogue: what is done with an element of the product before it is stored. A kernel that uses this file has two
// macros that are empty unless the compiler of plans defines them:
//
//   OPERANDS         further parameters of the kernel, after its own: `, const T* bias, float* velocity`
//   EPILOGUE(x, …)   statements that change x, an lvalue of type T, and may read and write the further parameters;
//                    after x come the element's indices, each the name of an int that is evaluated once. For a product
//                    with bias and rectifier: `x = greater(x + bias[j], T(0));`
//
// It runs once for each element, after all parts of it are joined, in the thread that stores it; so it may read the old
// value at the place it is stored to, as an update of weights by their gradient does.
#pragma once
#include "common.cuh"
#include "packs.cuh"
#include "parts.cuh"
#include "ptx.cuh"

#ifndef OPERANDS
#define OPERANDS
#endif
#ifndef EPILOGUE
#define EPILOGUE(...)
#endif

// Where a tile's sums need but a part of the threads, several teams keep the same sums, each over its part of every
// slice, and add them up in the end. Smaller sums for all threads would wait for shared memory: 4 × 2 products for 4 + 2
// reads.
constexpr int Threads = TILE_THREADS, TeamThreads = TILE_M / ROWS * (TILE_N / COLUMNS), Teams = Threads / TeamThreads;
static_assert(Teams * TeamThreads == Threads, "teams are whole");

// Blocks that share a multiprocessor, so that one multiplies while another waits. With 8 × 8 sums a thread that is left
// to the compiler: where both operands lie along k it needs more than the 128 registers that would let two. So may
// copies through registers, which hold a slice beside the sums. RESIDENT_THREADS is how many threads share it: 512 have
// 128 registers each, 384 have 168.
#ifndef RESIDENT_THREADS
#define RESIDENT_THREADS 512
#endif
constexpr int Blocks = ROWS * COLUMNS > 32 || !ASYNC_COPIES ? 1 : RESIDENT_THREADS / Threads;

// A row in shared memory is longer than it need be, so that threads that read or write a column of it meet different
// banks; by 16 bytes or more, so that rows stay aligned.
constexpr int Padding = 4;

// Tensor cores take four rows of eight at once, not eight neighbours of one row.
#ifndef TENSOR
#define TENSOR 0
#endif
constexpr int AcrossPadding = TENSOR ? 8 : 4;

// The slice that a thread multiplies at once: as many elements along k as one access reads, up to 4.
constexpr int Step = 4;

#include "tile.cuh"

#if TENSOR
#include "tensor.cuh"
#else

// A block's tile of the product of two sources.
template <typename A, typename B>
struct Product {
    static constexpr int ThreadRows = TILE_M / ROWS, ThreadColumns = TILE_N / COLUMNS;

    // The lanes of a warp form 4 rows of 8, or as near to that as the tile allows: its reads of both operands are then
    // shortest.
    static constexpr int LaneRows = ThreadRows < 4 ? ThreadRows : ThreadColumns < 8 ? WarpThreads / ThreadColumns : 4;
    static constexpr int LaneColumns = WarpThreads / LaneRows, WarpsAcross = ThreadColumns / LaneColumns;
    static_assert(ThreadRows % LaneRows == 0 && ThreadColumns % LaneColumns == 0, "warps are whole");
    typedef Tile<TILE_M, ROWS, ThreadRows, A> TileA;
    typedef Tile<TILE_N, COLUMNS, ThreadColumns, B> TileB;

    // What a thread is left with: the sums that it made, column by column, or, where there are teams, all teams' of some
    // fours of rows that were one thread's. Neighbouring threads then have neighbouring columns.
    static constexpr int Four = 4, Fours = TILE_M * TILE_N / Four, Count = (Fours + Threads - 1) / Threads * Four;
    static_assert(ROWS % Four == 0, "fours are whole");
    T sums[Count];

    static __device__ __forceinline__ int team() { return threadIdx.x / TeamThreads; }
    static __device__ __forceinline__ int warp() { return threadIdx.x % TeamThreads / WarpThreads; }

    static __device__ __forceinline__ int threadRow()
    {
        return warp() / WarpsAcross * LaneRows + threadIdx.x % WarpThreads / LaneColumns;
    }

    static __device__ __forceinline__ int threadColumn()
    {
        return warp() % WarpsAcross * LaneColumns + threadIdx.x % LaneColumns;
    }

    // The place in C of the first of four of the thread's sums: these are of one column and of rows TileA::Apart apart,
    // that is, where A lies across k, side by side.
    static __device__ __forceinline__ int row(int sum)
    {
        unsigned four = place(sum) / TILE_N, thread = four % ThreadRows, own = four / ThreadRows * Four;
        return blockIdx.x * TILE_M + (Teams > 1 ? TileA::row(thread, own) : TileA::row(threadRow(), sum % ROWS));
    }

    static __device__ __forceinline__ int column(int sum)
    {
        unsigned slot = place(sum) % TILE_N, thread = slot % ThreadColumns, own = slot / ThreadColumns;
        return blockIdx.y * TILE_N + (Teams > 1 ? TileB::row(thread, own) : TileB::row(threadColumn(), sum / ROWS));
    }

    // The number of the four among those of the tile, and whether there is one: not all threads may have as many.
    static __device__ __forceinline__ unsigned place(int sum) { return sum / Four * Threads + threadIdx.x; }
    static __device__ __forceinline__ bool has(int sum) { return Fours % Threads == 0 || place(sum) < Fours; }

    static __device__ __forceinline__ void multiply(
        const TileA& a, const TileB& b, const T* bufferA, const T* bufferB, T (&all)[ROWS][COLUMNS])
    {
        // Not the whole slice: of a deep one more would be read ahead than there are registers for.
        #pragma unroll 4
        for (int k0 = 0; k0 < TILE_K / Teams; k0 += Step) {
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

    // Adds up what the teams made. Nobody reads the buffer any more. Fours of a row lie side by side, and rows so far
    // apart that those of eight lanes meet all banks.
    __device__ __forceinline__ void joinTeams(const T (&all)[ROWS][COLUMNS], T* buffer)
    {
        constexpr int Step = TILE_N % 8 == 0 ? TILE_N + 4 : TILE_N, Team = TILE_M * Step;
        T* to = buffer + team() * Team + (threadRow() * Step + threadColumn()) * Four;
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
                sums[i] = sums[i + 1] = sums[i + 2] = sums[i + 3] = T(0);
                continue;
            }

            const T* from = buffer + (place(i) / TILE_N * Step + place(i) % TILE_N) * Four;
            load<Four>(sums + i, from);
            #pragma unroll
            for (int other = 1; other < Teams; other++) {
                T some[Four];
                load<Four>(some, from + other * Team);
                #pragma unroll
                for (int j = 0; j < Four; j++) {
                    sums[i + j] += some[j];
                }
            }
        }
    }

    // Starts to bring a slice of either operand into a buffer.
    static __device__ __forceinline__ void bring(
        TileA& tileA, TileB& tileB, const A& a, const B& b, T* buffer, int m, int n, int k0, int k)
    {
        SharedPlace place = sharedPlace(buffer);
        tileA.start(a, place, blockIdx.x * TILE_M, m, k0, k);
        tileB.start(b, place + TileA::Elements * (int)sizeof(T), blockIdx.y * TILE_N, n, k0, k);
    }

    // Ends it: after the next barrier both are there for all threads.
    static __device__ __forceinline__ void finish(TileA& tileA, TileB& tileB, T* buffer)
    {
        tileA.finish(buffer);
        tileB.finish(buffer + TileA::Elements);
#if ASYNC_COPIES
        waitForCopies();
#endif
    }

    // Whether this block holds the sums now. Grid: tiles along i (of m), tiles along j (of n), parts of k.
    __device__ __forceinline__ bool compute(const A& a, const B& b, int m, int n, int k, T* workspace)
    {
        // Given by the launch, not declared: kernels that share a launch then share it too.
        extern __shared__ __align__(16) unsigned char slicesOfBoth[];
        constexpr int Slice = TileA::Elements + TileB::Elements;
        static_assert(TileA::Elements % MostVector == 0 && Slice % MostVector == 0, "all slices are aligned");
        T* now = (T*)slicesOfBoth;
        T* next = now + Slice;
        int m0 = blockIdx.x * TILE_M, n0 = blockIdx.y * TILE_N;
        int slices = k / TILE_K + (k % TILE_K != 0);
        int slice = 0, last = slices;
#if ARRIVALS
        // Parts differ by a slice at most.
        int each = slices / (int)gridDim.z, more = slices % (int)gridDim.z, part = blockIdx.z;
        slice = part * each + min(part, more);
        last = slice + each + (part < more);
#endif
        TileA tileA;
        TileB tileB;
        T all[ROWS][COLUMNS] = {};
        if (slice < last) {
            tileA.reads(threadRow(), team() * (TILE_K / Teams));
            tileB.reads(threadColumn(), team() * (TILE_K / Teams));
            tileA.begin(a, m0, m, slice * TILE_K);
            tileB.begin(b, n0, n, slice * TILE_K);
            bring(tileA, tileB, a, b, next, m, n, slice * TILE_K, k);
            finish(tileA, tileB, next);
        }

        for (; slice < last; slice++) {
            // The slice has come, and nobody reads the one before any more: its buffer may be filled.
            __syncthreads();
            T* free = now;
            now = next;
            next = free;
            bool isMore = slice + 1 < last;
            if (isMore) {
                bring(tileA, tileB, a, b, next, m, n, (slice + 1) * TILE_K, k);
            }

            multiply(tileA, tileB, now, now + TileA::Elements, all);
            if (isMore) {
                finish(tileA, tileB, next);
            }
        }

        if constexpr (Teams > 1) {
            __syncthreads();
            joinTeams(all, (T*)slicesOfBoth);
        } else {
            #pragma unroll
            for (int i = 0; i < Count; i++) {
                sums[i] = all[i % ROWS][i / ROWS];
            }
        }

        return joinParts<Count, Threads>(sums, workspace);
    }

    // Calls store(i, j, sum) for each of the thread's sums that C has a place for.
    template <typename Store>
    __device__ __forceinline__ void forEach(int m, int n, Store store) const
    {
        if ((blockIdx.x + 1) * TILE_M <= m && (blockIdx.y + 1) * TILE_N <= n) {
            forEachInside<true>(m, n, store);
        } else {
            forEachInside<false>(m, n, store);
        }
    }

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
                    store(i, j, sums[sum + r]);
                }
            }
        }
    }
};

#endif
