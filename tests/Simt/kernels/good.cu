// Kernels without a fault: the double must give a GPU's results and raise no alarm.
#include "warp.cuh"

extern "C" __global__ void add(float* sum, const float* a, const float* b, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) sum[i] = a[i] + b[i];
}

#define TILE 64
#define DEPTH 16

// Each thread computes 4x4 elements of a 64x64 tile; both inputs pass through shared memory in tiles.
extern "C" __global__ void __launch_bounds__(256) gemm(float* c, const float* a, const float* b, int m, int n, int k)
{
    __shared__ __align__(16) float as[DEPTH][TILE + 4];
    __shared__ __align__(16) float bs[DEPTH][TILE + 4];
    int t = threadIdx.x, row0 = blockIdx.y * TILE, column0 = blockIdx.x * TILE;
    int ty = t / 16 * 4, tx = t % 16 * 4;
    float sum[4][4];
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[i][j] = 0.0f;
    for (int k0 = 0; k0 < k; k0 += DEPTH)
    {
        for (int e = t; e < TILE * DEPTH; e += 256)
        {
            int row = row0 + e / DEPTH, depth = k0 + e % DEPTH;
            as[e % DEPTH][e / DEPTH] = row < m && depth < k ? a[row * k + depth] : 0.0f;
            int column = column0 + e % TILE;
            depth = k0 + e / TILE;
            bs[e / TILE][e % TILE] = column < n && depth < k ? b[depth * n + column] : 0.0f;
        }
        __syncthreads();
#pragma unroll
        for (int d = 0; d < DEPTH; ++d)
        {
            float4 u = *(const float4*)&as[d][ty], v = *(const float4*)&bs[d][tx];
            float us[4] = {u.x, u.y, u.z, u.w}, vs[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
            for (int i = 0; i < 4; ++i)
#pragma unroll
                for (int j = 0; j < 4; ++j) sum[i][j] = fmaf(us[i], vs[j], sum[i][j]);
        }
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j)
            if (row0 + ty + i < m && column0 + tx + j < n) c[(row0 + ty + i) * n + column0 + tx + j] = sum[i][j];
}

// Each lane has one value in shared memory; the only barrier is the warp's.
extern "C" __global__ void warp_scan(int* out, const int* in)
{
    __shared__ int values[64];
    int t = threadIdx.x, lane = t & 31;
    values[t] = in[t];
    __syncwarp();
    for (int step = 1; step < 32; step *= 2)
    {
        int left = lane >= step ? values[t - step] : 0;
        __syncwarp();
        values[t] += left;
        __syncwarp();
    }
    out[t] = values[t];
}

extern "C" __global__ void softmax(float* out, const float* in, int columns)
{
    const float* x = in + (size_t)blockIdx.x * columns;
    float* y = out + (size_t)blockIdx.x * columns;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < columns; i += blockDim.x) sum += __expf(x[i]);
    sum = block_sum<0>(sum);
    for (int i = threadIdx.x; i < columns; i += blockDim.x) y[i] = __expf(x[i]) / sum;
}

extern "C" __global__ void reverse(float* data, int n)
{
    extern __shared__ __align__(16) float buffer[];
    int t = threadIdx.x;
    if (t < n) buffer[t] = data[t];
    __syncthreads();
    if (t < n) data[t] = buffer[n - 1 - t];
}

extern "C" __global__ void histogram(int* bins, const unsigned char* values, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(&bins[values[i]], 1);
}

// Each thread writes one of several adjacent bytes.
extern "C" __global__ void above(unsigned char* mask, const float* in, float bound, int n)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) mask[i] = in[i] > bound;
}

// The last block to arrive sums the values that all blocks wrote.
extern "C" __global__ void sum_by_last_block(float* out, float* partial, unsigned* arrived, const float* in, int n)
{
    __shared__ bool last;
    float sum = 0.0f;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += in[i];
    sum = block_sum<1>(sum);
    if (threadIdx.x == 0)
    {
        partial[blockIdx.x] = sum;
        __threadfence();
        last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    float all = threadIdx.x < gridDim.x ? partial[threadIdx.x] : 0.0f;
    all = block_sum<2>(all);
    if (threadIdx.x == 0) *out = all;
}

// Every step reads values that other blocks wrote in the step before.
extern "C" __global__ void rotate(float* data, unsigned* arrived, int steps)
{
    unsigned t = threadIdx.x, block = blockIdx.x, blocks = gridDim.x;
    for (int step = 0; step < steps; ++step)
    {
        float value = data[(block + 1) % blocks * blockDim.x + t];
        grid_barrier(arrived, blocks * (2 * step + 1));
        data[block * blockDim.x + t] = value;
        grid_barrier(arrived, blocks * (2 * step + 2));
    }
}

// Copies ahead: while one half is summed, the other is being copied.
extern "C" __global__ void sum_ahead(float* out, const float* in, int tiles)
{
    __shared__ __align__(16) float tile[2][128];
    int t = threadIdx.x;
    float sum = 0.0f;
    copy16(&tile[0][t * 4], in + t * 4);
    copy_commit();
    for (int i = 0; i < tiles; ++i)
    {
        if (i + 1 < tiles) copy16(&tile[(i + 1) & 1][t * 4], in + (i + 1) * 128 + t * 4);
        copy_commit();
        copy_wait<1>();
        __syncthreads();
        sum += tile[i & 1][t] + tile[i & 1][t + 32] + tile[i & 1][t + 64] + tile[i & 1][t + 96];
        __syncthreads();
    }
    sum = warp_sum(sum);
    if (t == 0) *out = sum;
}

__constant__ float weights[4] = {1, 2, 3, 4};
__device__ int calls;

extern "C" __global__ void weigh(float4* out, const float4* in, float scale)
{
    float4 v = __ldg(in + threadIdx.x);
    out[threadIdx.x] = make_float4(v.x * weights[0], v.y * weights[1], v.z * weights[2], v.w * weights[3] * scale);
    if (threadIdx.x == 0) atomicAdd(&calls, 1);
}
