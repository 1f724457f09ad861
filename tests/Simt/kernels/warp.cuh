// Helpers of the kernels in this folder; the inline PTX has a branch for the double.
#pragma once

__device__ __forceinline__ float warp_sum(float v)
{
#pragma unroll
    for (int lanes = 16; lanes > 0; lanes /= 2) v += __shfl_xor_sync(0xffffffffu, v, lanes);
    return v;
}

// Each N has its own copy of the shared variable.
template <int N> __device__ float block_sum(float v)
{
    __shared__ float part[32];
    int lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
    v = warp_sum(v);
    if (lane == 0) part[warp] = v;
    __syncthreads();
    if (warp == 0)
    {
        v = lane < (blockDim.x + 31) / 32 ? part[lane] : 0.0f;
        v = warp_sum(v);
        if (lane == 0) part[0] = v;
    }
    __syncthreads();
    float sum = part[0];
    __syncthreads();
    return sum;
}

__device__ __forceinline__ unsigned load_acquire(const unsigned* p)
{
#ifdef ENGINE_SIMT
    return simt::load_acquire(p);
#else
    unsigned v;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(v) : "l"(p) : "memory");
    return v;
#endif
}

__device__ __forceinline__ void grid_barrier(unsigned* arrived, unsigned until)
{
    __syncthreads();
    if (threadIdx.x == 0)
    {
        __threadfence();
        atomicAdd(arrived, 1u);
        while (load_acquire(arrived) < until) {}
    }
    __syncthreads();
}

__device__ __forceinline__ void copy16(void* to, const void* from)
{
#ifdef ENGINE_SIMT
    simt::copy_async(to, from, 16, 16);
#else
    unsigned shared = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared), "l"(from));
#endif
}

__device__ __forceinline__ void copy_commit()
{
#ifdef ENGINE_SIMT
    simt::copy_async_commit();
#else
    asm volatile("cp.async.commit_group;");
#endif
}

template <int N> __device__ __forceinline__ void copy_wait()
{
#ifdef ENGINE_SIMT
    simt::copy_async_wait(N);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(N));
#endif
}
