// The product of two matrices.
//
//   C[m][n] = sum over k of A[m][k] * B[k][n]        A: (m, k), or (k, m) with TRANSPOSE_A 1
//                                                    B: (k, n), or (n, k) with TRANSPOSE_B 1; C: (m, n); all T, in C order
//
// A block computes a tile of C. For each slice of TileK along k it brings a tile of A and one of B into shared memory, and
// each thread multiplies a column of the one by a row of the other into a little matrix of sums that stays in registers: of R
// rows and S columns it makes R·S products from R + S reads, so that arithmetic, not shared memory, is the bound. The next
// slice's elements are read from global memory into registers while the present one is multiplied.
//
// Tile sizes: 128 × 128 × 8 with 8 × 8 sums a thread has the most products for a read (a quarter of a read each) but gives
// few blocks; 64 × 64 × 16 with 4 × 4 sums is for products too small to fill the GPU with those, and for double, whose 8 × 8
// sums would not fit into the registers. Both take 256 threads, of which each moves 4 elements of either tile a slice.
//
// Where C has few tiles and k is long, the slices are split into parts (blockIdx.z), whose sums go to a workspace and are
// added in order by a second launch (reduce.cu): the same input always gives the same bits, and no atomics are needed.
#include "common.cuh"

constexpr int Threads = 256;

// Rows and columns that a thread takes side by side: four floats are one 16-byte access.
constexpr int Group = 4;

// A row of a tile in shared memory is longer than it need be, so that threads that write a column meet different banks.
constexpr int Padding = 4;

template <int TileM, int TileN, int TileK, int Rows, int Columns>
struct Multiplier {
    static constexpr int ThreadsN = TileN / Columns, ThreadsM = TileM / Rows;
    static constexpr int LoadsA = TileM * TileK / Threads, LoadsB = TileN * TileK / Threads;
    static constexpr int StrideA = TileM + Padding, StrideB = TileN + Padding;
    static_assert(ThreadsM * ThreadsN == Threads, "every thread has sums");
    static_assert(LoadsA * Threads == TileM * TileK && LoadsB * Threads == TileN * TileK, "every thread moves as much");

    // Which element of a tile of `side` by TileK the thread moves: neighbours in memory go to neighbouring threads.
    template <int Side, bool AlongK>
    static __device__ __forceinline__ void place(int load, int& index, int& k)
    {
        int i = load * Threads + (int)threadIdx.x;
        index = AlongK ? i / TileK : i % Side;
        k = AlongK ? i % TileK : i / Side;
    }

    // Elements beyond the matrix count as 0, which adds nothing.
    static __device__ __forceinline__ void read(
        const T* a, const T* b, T* nextA, T* nextB, int m0, int n0, int k0, int m, int n, int k, int kEnd)
    {
        #pragma unroll
        for (int load = 0; load < LoadsA; load++) {
            int i, j;
            place<TileM, !TRANSPOSE_A>(load, i, j);
            i += m0;
            j += k0;
            nextA[load] = i < m && j < kEnd ? a[TRANSPOSE_A ? (size_t)j * m + i : (size_t)i * k + j] : T(0);
        }

        #pragma unroll
        for (int load = 0; load < LoadsB; load++) {
            int i, j;
            place<TileN, TRANSPOSE_B>(load, i, j);
            i += n0;
            j += k0;
            nextB[load] = i < n && j < kEnd ? b[TRANSPOSE_B ? (size_t)i * k + j : (size_t)j * n + i] : T(0);
        }
    }

    static __device__ __forceinline__ void write(const T* nextA, const T* nextB, T* tileA, T* tileB)
    {
        #pragma unroll
        for (int load = 0; load < LoadsA; load++) {
            int i, j;
            place<TileM, !TRANSPOSE_A>(load, i, j);
            tileA[j * StrideA + i] = nextA[load];
        }

        #pragma unroll
        for (int load = 0; load < LoadsB; load++) {
            int i, j;
            place<TileN, TRANSPOSE_B>(load, i, j);
            tileB[j * StrideB + i] = nextB[load];
        }
    }

    // A thread's rows (columns) come in groups, as far apart as all threads' groups are long: so a warp reads without
    // conflicts and writes whole lines.
    static __device__ __forceinline__ int row(int r) { return r / Group * (Group * ThreadsM) + (int)threadIdx.x / ThreadsN * Group + r % Group; }
    static __device__ __forceinline__ int column(int c) { return c / Group * (Group * ThreadsN) + (int)threadIdx.x % ThreadsN * Group + c % Group; }

    static __device__ __forceinline__ void run(const T* a, const T* b, T* c, int m, int n, int k, T* tileA, T* tileB)
    {
        int m0 = blockIdx.x * TileM, n0 = blockIdx.y * TileN;
        int slices = (k + TileK - 1) / TileK;
        int slice = (int)((int64)slices * blockIdx.z / gridDim.z), last = (int)((int64)slices * (blockIdx.z + 1) / gridDim.z);
        T sums[Rows][Columns] = {};
        T nextA[LoadsA], nextB[LoadsB];
        if (slice < last) {
            read(a, b, nextA, nextB, m0, n0, slice * TileK, m, n, k, k);
        }

        for (; slice < last; slice++) {
            write(nextA, nextB, tileA, tileB);
            __syncthreads();
            if (slice + 1 < last) {
                read(a, b, nextA, nextB, m0, n0, (slice + 1) * TileK, m, n, k, k);
            }

            #pragma unroll
            for (int j = 0; j < TileK; j++) {
                T left[Rows], right[Columns];
                #pragma unroll
                for (int r = 0; r < Rows; r++) {
                    left[r] = tileA[j * StrideA + row(r)];
                }

                #pragma unroll
                for (int s = 0; s < Columns; s++) {
                    right[s] = tileB[j * StrideB + column(s)];
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

        c += (size_t)blockIdx.z * m * n;
        #pragma unroll
        for (int r = 0; r < Rows; r++) {
            #pragma unroll
            for (int s = 0; s < Columns; s++) {
                int i = m0 + row(r), j = n0 + column(s);
                if (i < m && j < n) {
                    c[(size_t)i * n + j] = sums[r][s];
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

constexpr int TileK = LARGE ? 8 : 16;

// Grid: tiles along m, tiles along n, parts of k. C holds one matrix a part.
extern "C" __global__ void __launch_bounds__(Threads) gemm(const T* a, const T* b, T* c, int m, int n, int k)
{
    __shared__ __align__(16) T tileA[TileK * Tiled::StrideA];
    __shared__ __align__(16) T tileB[TileK * Tiled::StrideB];
    Tiled::run(a, b, c, m, n, k, tileA, tileB);
}
