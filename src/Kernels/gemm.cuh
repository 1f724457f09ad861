// The heart of matrix products and convolutions: a tile of C[i][j] = sum over k of A[i][k] * B[j][k], where A and B are
// anything that can be asked for an element and C anything that takes one.
//
// A block computes a tile of C. For each slice of TileK along k it brings a tile of A and one of B into shared
// memory, and each thread multiplies a column of the one by a row of the other into a little matrix of sums that
// stays in registers: of Rows rows and Columns columns it makes Rows·Columns products from Rows + Columns reads, so
// that arithmetic, not shared memory, is the bound. The next slice's elements are on their way into registers while
// the present one is multiplied.
//
// Tile sizes: 128 × 128 × 8 with 8 × 8 sums a thread has the most products for a read (a quarter of a read each) but
// gives few blocks; 64 × 64 × 16 with 4 × 4 sums is for products too small to fill the GPU with those, and for
// double, whose 8 × 8 sums would not fit into the registers. Both take 256 threads, of which each moves 4 elements of
// either tile a slice.
//
// Where C has few tiles and k is long, the slices are split into parts (blockIdx.z), whose sums go to a workspace and
// are added in order by a second launch (reduce.cu): the same input always gives the same bits, and no atomics are
// needed.
#pragma once
#include "common.cuh"

constexpr int Threads = 256;

// Rows and columns that a thread takes side by side: four floats are one 16-byte access.
constexpr int Group = 4;

// A row of a tile in shared memory is longer than it need be, so that threads that write a column meet different banks.
constexpr int Padding = 4;

template <int TileM, int TileN, int TileK, int Rows, int Columns>
struct Multiplier {
    static constexpr int SharedA = TileK * (TileM + Padding), SharedB = TileK * (TileN + Padding);
    static constexpr int ThreadsN = TileN / Columns, ThreadsM = TileM / Rows;
    static_assert(ThreadsM * ThreadsN == Threads, "every thread has sums");

    // One operand: which elements of its tile the thread moves, from memory to registers and on to shared memory.
    template <int Side, typename Source>
    struct Mover {
        static constexpr int Loads = Side * TileK / Threads;
        static_assert(Loads * Threads == Side * TileK, "every thread moves as much");
        T next[Loads];

        // Neighbours in memory go to neighbouring threads.
        static __device__ __forceinline__ int index(int load)
        {
            int i = load * Threads + (int)threadIdx.x;
            return Source::AlongK ? i / TileK : i % Side;
        }

        static __device__ __forceinline__ int depth(int load)
        {
            int i = load * Threads + (int)threadIdx.x;
            return Source::AlongK ? i % TileK : i / Side;
        }

        // Elements beyond the edges count as 0, which adds nothing.
        __device__ __forceinline__ void read(const Source& source, int first, int end, int k0, int k)
        {
            #pragma unroll
            for (int load = 0; load < Loads; load++) {
                int i = first + index(load), j = k0 + depth(load);
                next[load] = i < end && j < k ? source.at(i, j) : T(0);
            }
        }

        __device__ __forceinline__ void write(T* tile) const
        {
            #pragma unroll
            for (int load = 0; load < Loads; load++) {
                tile[depth(load) * (Side + Padding) + index(load)] = next[load];
            }
        }
    };

    // A thread's rows (columns) come in groups, as far apart as all threads' groups are long: so a warp reads without
    // conflicts and writes whole lines.
    static __device__ __forceinline__ int row(int r)
    {
        return r / Group * (Group * ThreadsM) + (int)threadIdx.x / ThreadsN * Group + r % Group;
    }

    static __device__ __forceinline__ int column(int c)
    {
        return c / Group * (Group * ThreadsN) + (int)threadIdx.x % ThreadsN * Group + c % Group;
    }

    // Grid: tiles along i (m of them), tiles along j (n), parts of k.
    template <typename A, typename B, typename C>
    static __device__ __forceinline__ void run(
        const A& a, const B& b, const C& c, int m, int n, int k, T* tileA, T* tileB)
    {
        int m0 = blockIdx.x * TileM, n0 = blockIdx.y * TileN;
        int slices = k / TileK + (k % TileK != 0);
        int slice = (int)((int64)slices * blockIdx.z / gridDim.z);
        int last = (int)((int64)slices * (blockIdx.z + 1) / gridDim.z);
        T sums[Rows][Columns] = {};
        Mover<TileM, A> moveA;
        Mover<TileN, B> moveB;
        if (slice < last) {
            moveA.read(a, m0, m, slice * TileK, k);
            moveB.read(b, n0, n, slice * TileK, k);
        }

        for (; slice < last; slice++) {
            moveA.write(tileA);
            moveB.write(tileB);
            __syncthreads();
            if (slice + 1 < last) {
                moveA.read(a, m0, m, (slice + 1) * TileK, k);
                moveB.read(b, n0, n, (slice + 1) * TileK, k);
            }

            #pragma unroll
            for (int j = 0; j < TileK; j++) {
                T left[Rows], right[Columns];
                #pragma unroll
                for (int r = 0; r < Rows; r++) {
                    left[r] = tileA[j * (TileM + Padding) + row(r)];
                }

                #pragma unroll
                for (int s = 0; s < Columns; s++) {
                    right[s] = tileB[j * (TileN + Padding) + column(s)];
                }

                #pragma unroll
                for (int r = 0; r < Rows; r++) {
                    #pragma unroll
                    for (int s = 0; s < Columns; s++) {
                        sums[r][s] += left[r] * right[s];
                    }
                }
            }

            // The tiles may be written over once every thread has read them.
            __syncthreads();
        }

        #pragma unroll
        for (int r = 0; r < Rows; r++) {
            #pragma unroll
            for (int s = 0; s < Columns; s++) {
                int i = m0 + row(r), j = n0 + column(s);
                if (i < m && j < n) {
                    c.put(i, j, sums[r][s]);
                }
            }
        }
    }
};

#if LARGE
typedef Multiplier<128, 128, 8, 8, 8> Tiled;
#else
typedef Multiplier<64, 64, 16, 4, 4> Tiled;
#endif
