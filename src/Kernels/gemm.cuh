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
//    32 ×  32 × 32, 16 × 64 × 32, 8 × 4  units) that they are bound by latency: many tiles let more of the GPU take part
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
// copies through registers, which hold a slice beside the sums.
constexpr int Blocks = ROWS * COLUMNS > 32 || !ASYNC_COPIES ? 1 : 512 / Threads;

// A row in shared memory is longer than it need be, so that threads that read or write a column of it meet different
// banks; by 16 bytes or more, so that rows stay aligned.
constexpr int Padding = 4;

// The slice that a thread multiplies at once: as many elements along k as one access reads, up to 4.
constexpr int Step = 4;

// One operand of a block: Side of its rows, of which each thread takes Own. A source has
//
//   AlongK          whether neighbours along k, not across, are neighbours in memory
//   Vector          how many of them are copied together
//   find(i, k, at)  where that many elements from (i, k) on lie; false if there are none, and they count as 0
//   IsEven          whether (i, k + 1) lies evenly far from (i, k) wherever there is one: then a thread finds its
//                   elements of the first slice, and for each further slice moves on by
//   step(i)         so many elements for each of TILE_K
//   IsGrid          whether (i + 1, k) lies evenly far from (i, k) too:
//   apart()         so many elements
template <int Side, int Own, int OwnThreads, typename Source>
struct Tile {
    static constexpr int Vector = Source::Vector;
    static constexpr int Stride = (Source::AlongK ? TILE_K : Side) + Padding;
    static constexpr int Elements = (Source::AlongK ? Side : TILE_K) * Stride;
    static constexpr int Vectors = Side * TILE_K / Vector, Copies = (Vectors + Threads - 1) / Threads;
    static_assert(Side == Own * OwnThreads && TILE_K / Teams % Step == 0, "no row and no part of a slice is left");

    // Rows that one access reads, and how many are left for a smaller one.
    static constexpr int Group = 4, Left = Own % Group, Grouped = Own - Left;

    // Which of the block's rows a thread's are. Where the tile lies along k they are as far apart as there are threads,
    // so that the threads of a warp read neighbouring rows, which lie on different banks; else they come in groups that
    // one access reads.
    static __device__ __forceinline__ int row(int thread, int own)
    {
        int together = own < Grouped ? Group : Left;
        return Source::AlongK ? own * OwnThreads + thread
                              : own / Group * (Group * OwnThreads) + thread * together + own % Group;
    }

    // How far apart the rows of a group are.
    static constexpr int Apart = Source::AlongK ? OwnThreads : 1;

    // Neighbours in memory go to neighbouring threads.
    static constexpr unsigned RowVectors = (Source::AlongK ? TILE_K : Side) / Vector;

    static __device__ __forceinline__ int across(int copy)
    {
        unsigned i = copy * Threads + threadIdx.x;
        return Source::AlongK ? i / RowVectors : i % RowVectors * Vector;
    }

    static __device__ __forceinline__ int along(int copy)
    {
        unsigned i = copy * Threads + threadIdx.x;
        return Source::AlongK ? i % RowVectors * Vector : i / RowVectors;
    }

    // Whether the thread has such a copy to make: of a narrow tile not all have.
    static __device__ __forceinline__ bool takes(int copy)
    {
        return Vectors % Threads == 0 || copy * Threads + (int)threadIdx.x < Vectors;
    }

    static __device__ __forceinline__ int place(int across, int along)
    {
        return Source::AlongK ? across * Stride + along : along * Stride + across;
    }

#if !ASYNC_COPIES
    Pack<Vector> next[Copies];
#endif

    // Where the thread's elements of the next slice lie, and how many bytes there are: none outside of the rows there
    // are. Single elements are up to 32 copies, whose addresses are too many to be held at once.
    static constexpr bool Holds = Source::IsEven && Copies <= 8;
    static constexpr int Held = Holds ? Copies : 1, Bytes = Vector * sizeof(T);
    const T* at[Held];
    int bytes[Held];
    int64 to[Held];

    // Where in a buffer they go.
    __device__ __forceinline__ T* placeIn(T* buffer, int copy) const
    {
        return Holds ? (T*)((char*)buffer + to[Holds ? copy : 0]) : buffer + place(across(copy), along(copy));
    }

    __device__ __forceinline__ void begin(const Source& source, int first, int end, int k0)
    {
        // As many rows of memory further with each copy, where these take whole rows.
        constexpr bool IsWhole = Threads % RowVectors == 0;
        constexpr int Further = Threads / RowVectors;
        #pragma unroll
        for (int copy = 0; copy < Held && Holds; copy++) {
            int i = first + across(copy);
            bool isThere = true;
            if (copy > 0 && IsWhole && Source::IsGrid) {
                at[copy] = at[copy - 1] + (Source::AlongK ? source.apart() : source.step(i)) * Further;
            } else {
                isThere = source.find(i, k0 + along(copy), at[copy]);
            }

            bytes[copy] = takes(copy) && i < end && isThere ? Bytes : 0;
            to[copy] = place(across(copy), along(copy)) * (int)sizeof(T);
            keep(to[copy]);
        }
    }

    // Starts to bring a slice into a buffer. Slices come one after another, from that on with which it began.
    __device__ __forceinline__ void start(const Source& source, T* buffer, int first, int end, int k0, int k)
    {
        if (Holds && k0 + TILE_K > k) {
            // The last slice, of which not all is there.
            #pragma unroll
            for (int copy = 0; copy < Held; copy++) {
                bytes[copy] = k0 + along(copy) < k ? bytes[copy] : 0;
                keep(bytes[copy]);
            }
        }

#if ASYNC_COPIES
        #pragma unroll 8
#else
        #pragma unroll
#endif
        for (int copy = 0; copy < Copies; copy++) {
            const T* from = nullptr;
            int count;
            if constexpr (Holds) {
                from = at[copy];
                count = bytes[copy];
                at[copy] += source.step(first + across(copy)) * TILE_K;
            } else {
                int i = first + across(copy), j = k0 + along(copy);
                count = takes(copy) && i < end && j < k && source.find(i, j, from) ? Bytes : 0;
            }
#if ASYNC_COPIES
            if (takes(copy)) {
                copyAsync<Bytes>(placeIn(buffer, copy), from, count);
            }
#else
            next[copy] = count > 0 ? *(const Pack<Vector>*)from : Pack<Vector>{};
#endif
        }
    }

    // Ends it, where it goes through registers.
    __device__ __forceinline__ void finish(T* buffer)
    {
#if !ASYNC_COPIES
        #pragma unroll
        for (int copy = 0; copy < Copies; copy++) {
            if (takes(copy)) {
                *(Pack<Vector>*)placeIn(buffer, copy) = next[copy];
            }
        }
#endif
    }

    // Where in a slice the rows of a thread begin, from k0 on, and those that are left. All that it reads lies at constant
    // distances from there.
    int64 origin, originLeft;

    __device__ __forceinline__ void reads(int thread, int k0)
    {
        origin = place(Grouped > 0 || Source::AlongK ? row(thread, 0) : 0, k0) * (int)sizeof(T);
        originLeft = place(thread * Left, k0) * (int)sizeof(T);
        keep(origin);
        keep(originLeft);
    }

    // What a thread multiplies next: Step elements along k, from k0 on behind the origin, of each of its rows.
    __device__ __forceinline__ void read(const T* buffer, int k0, T (&own)[Step][Own]) const
    {
        const T* origin = (const T*)((const char*)buffer + this->origin);
        const T* left = (const T*)((const char*)buffer + originLeft);
        if (Source::AlongK) {
            #pragma unroll
            for (int r = 0; r < Own; r++) {
                T some[Step];
                load<Step>(some, origin + place(row(0, r), k0));
                #pragma unroll
                for (int j = 0; j < Step; j++) {
                    own[j][r] = some[j];
                }
            }
        } else {
            #pragma unroll
            for (int j = 0; j < Step; j++) {
                #pragma unroll
                for (int r = 0; r < Grouped; r += Group) {
                    load<Group>(&own[j][r], origin + place(row(0, r), k0 + j));
                }

                if constexpr (Left > 0) {
                    // It is counted from the thread's own place in its smaller groups.
                    load<Left>(&own[j][Grouped], left + place(row(0, Grouped), k0 + j));
                }
            }
        }
    }
};

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
        tileA.start(a, buffer, blockIdx.x * TILE_M, m, k0, k);
        tileB.start(b, buffer + TileA::Elements, blockIdx.y * TILE_N, n, k0, k);
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
