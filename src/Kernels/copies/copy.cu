// Kernels that only move elements, so that T is any type of the elements' size. The bound is the memory bandwidth.
#include "common.cuh"

// Rows of `length` elements, some distance apart in both arrays: slices, joins and splits along an axis.
extern "C" __global__ void copy_rows(const T* x, int64 stepX, T* y, int64 stepY, int length, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        unsigned row = i / length, column = i % length;
        y[row * stepY + column] = x[row * stepX + column];
    }
}

// Permutes axes: y in C order, x with the loops' steps. For orders that keep the innermost axis.
extern "C" __global__ void permute(const T* x, T* y, LoopsArgument loops, unsigned count)
{
    unsigned threads = gridDim.x * blockDim.x;
    for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += threads) {
        y[i] = x[loops.offset(0, i)];
    }
}

// Permutes axes if the innermost axis changes. A block moves a tile of TileSize by TileSize elements through shared
// memory: it reads along the innermost axis of x and writes along the innermost axis of y, so that both access whole
// lines. One extra element per row keeps the threads that read a column of the tile on different banks.
//
//   x: n steps of `stepX` by m of 1; y: m steps of `stepY` by n of 1; around them the outer loops, on blockIdx.z
constexpr int TileSize = 32, TileRows = 8;

extern "C" __global__ void __launch_bounds__(TileSize * TileRows) transpose(
    const T* x, T* y, LoopsArgument outer, int n, int stepX, int m, int stepY)
{
    __shared__ T tile[TileSize][TileSize + 1];
    int m0 = blockIdx.x * TileSize, n0 = blockIdx.y * TileSize;
    const T* from = x + outer.offset(0, blockIdx.z);
    T* to = y + outer.offset(1, blockIdx.z);
    for (int row = threadIdx.y; row < TileSize; row += TileRows) {
        int i = n0 + row, j = m0 + (int)threadIdx.x;
        if (i < n && j < m) {
            tile[row][threadIdx.x] = from[(size_t)i * stepX + j];
        }
    }

    __syncthreads();
    for (int row = threadIdx.y; row < TileSize; row += TileRows) {
        int i = m0 + row, j = n0 + (int)threadIdx.x;
        if (i < m && j < n) {
            to[(size_t)i * stepY + j] = tile[threadIdx.x][row];
        }
    }
}
