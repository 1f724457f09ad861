// Each kernel has one fault, on a line that ends in FAULT. If two lines race, either may come second.
#include "warp.cuh"

#define KERNEL(name) extern "C" __global__ void name(float* data, int n)

KERNEL(write_past_the_end)
{
    data[threadIdx.x + 1] = 1.0f; // FAULT
}

KERNEL(read_before_the_start)
{
    if (threadIdx.x == 0) data[0] = data[(int)threadIdx.x - 1]; // FAULT
}

KERNEL(no_tail_check)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    data[i] = 2.0f; // FAULT
}

KERNEL(null_pointer)
{
    float* nothing = data - n == data ? data : nullptr;
    nothing[threadIdx.x] = 1.0f; // FAULT
}

KERNEL(misaligned_float4)
{
    *(float4*)(data + 1) = make_float4(1, 2, 3, 4); // FAULT
}

KERNEL(misaligned_float)
{
    *(float*)((char*)data + 2) = 1.0f; // FAULT
}

KERNEL(read_of_undefined_shared)
{
    __shared__ float s[256];
    if (threadIdx.x > 0) s[threadIdx.x] = 1.0f;
    __syncthreads();
    data[threadIdx.x] = s[255 - threadIdx.x]; // FAULT
}

KERNEL(sum_into_undefined)
{
    data[threadIdx.x] += 1.0f; // FAULT
}

KERNEL(no_barrier_after_shared_write)
{
    __shared__ float s[256];
    s[threadIdx.x] = 0.0f;
    __syncthreads();
    s[threadIdx.x] = threadIdx.x; // FAULT
    data[threadIdx.x] = s[(threadIdx.x + 1) % 256]; // FAULT
}

KERNEL(no_barrier_before_reuse)
{
    __shared__ float s[256];
    for (int i = 0; i < 2; ++i)
    {
        s[threadIdx.x] = i; // FAULT
        __syncthreads();
        data[threadIdx.x] = s[(threadIdx.x + 64) % 256];
    }
}

KERNEL(no_syncwarp)
{
    __shared__ float s[32];
    int lane = threadIdx.x & 31;
    if (threadIdx.x >= 32) return;
    s[lane] = 0.0f;
    __syncwarp();
    s[lane] = lane; // FAULT
    data[lane] = s[lane ^ 1]; // FAULT
}

KERNEL(warp_barrier_across_warps)
{
    __shared__ float s[256];
    s[threadIdx.x] = 0.0f;
    __syncthreads();
    s[threadIdx.x] = threadIdx.x; // FAULT
    __syncwarp();
    data[threadIdx.x] = s[(threadIdx.x + 32) % 256]; // FAULT
}

KERNEL(same_word_from_two_threads)
{
    data[threadIdx.x / 2] = threadIdx.x; // FAULT
}

KERNEL(same_word_from_two_blocks)
{
    data[threadIdx.x] = blockIdx.x; // FAULT
}

KERNEL(reads_what_other_blocks_write)
{
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x, all = gridDim.x * blockDim.x;
    data[i] = i; // FAULT
    __threadfence();
    data[i] += data[(i + blockDim.x) % all]; // FAULT
}

KERNEL(last_block_without_fence)
{
    __shared__ bool last;
    unsigned* arrived = (unsigned*)data + n - 1;
    if (threadIdx.x == 0)
    {
        data[blockIdx.x] = blockIdx.x; // FAULT
        last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x < gridDim.x) data[100 + threadIdx.x] = data[threadIdx.x]; // FAULT
}

KERNEL(barrier_in_a_branch)
{
    if (threadIdx.x < 32) __syncthreads(); // FAULT
    else data[threadIdx.x] = 1.0f;
}

KERNEL(two_different_barriers)
{
    if (threadIdx.x < 32)
    {
        __syncthreads(); // FAULT
        data[0] = 1.0f;
    }
    else
    {
        __syncthreads();
        data[1] = 1.0f;
    }
}

KERNEL(exit_before_a_barrier)
{
    if (threadIdx.x >= 200) return;
    __syncthreads(); // FAULT
    data[threadIdx.x] = 1.0f;
}

KERNEL(exit_between_barriers)
{
    __syncthreads();
    if (threadIdx.x >= 192) return;
    __syncthreads(); // FAULT
    data[threadIdx.x] = 1.0f;
}

KERNEL(shuffle_by_half_a_warp)
{
    float v = 1.0f;
    if (threadIdx.x & 1) v += __shfl_xor_sync(0xffffffffu, v, 1); // FAULT
    data[threadIdx.x] = v;
}

KERNEL(shuffle_with_a_wrong_mask)
{
    float v = __shfl_down_sync(0x0000ffffu, 1.0f, 1); // FAULT
    data[threadIdx.x] = v;
}

KERNEL(shared_index_too_large)
{
    __shared__ float s[64];
    s[threadIdx.x + n - 256] = 1.0f; // FAULT
    data[threadIdx.x] = s[threadIdx.x];
}

KERNEL(shared_pointer_too_far)
{
    __shared__ float s[64];
    __shared__ float other[64];
    float* p = n > 0 ? s : other;
    p[64 + threadIdx.x] = 1.0f; // FAULT
    data[threadIdx.x] = other[threadIdx.x % 64];
}

KERNEL(dynamic_shared_too_far)
{
    extern __shared__ float buffer[];
    buffer[threadIdx.x] = 1.0f; // FAULT
    data[threadIdx.x] = buffer[threadIdx.x];
}

KERNEL(column_too_wide)
{
    __shared__ float s[16][16];
    s[threadIdx.x / 16][threadIdx.x % 16 + 1] = 1.0f; // FAULT
    __syncthreads();
    data[threadIdx.x] = s[threadIdx.x / 16][1];
}

KERNEL(waits_for_itself)
{
    unsigned* arrived = (unsigned*)data + n - 1;
    if (threadIdx.x == 0)
        while (load_acquire(arrived) < gridDim.x) {}
}

KERNEL(overflows)
{
    int largest = 2147483391 + n;
    if (threadIdx.x == 7) data[0] = (float)(largest + (int)threadIdx.x); // FAULT
}

KERNEL(divides_by_zero)
{
    data[threadIdx.x] = n / (int)threadIdx.x; // FAULT
}

KERNEL(copy_not_waited_for)
{
    __shared__ __align__(16) float s[1024];
    copy16(&s[threadIdx.x * 4], data + threadIdx.x % 64 * 4);
    copy_commit();
    copy_wait<1>();
    data[threadIdx.x] = s[threadIdx.x * 4]; // FAULT
}

KERNEL(stops_itself)
{
    if (threadIdx.x == 5) __trap(); // FAULT
}

KERNEL(atomic_and_plain)
{
    atomicAdd((int*)data, 1); // FAULT
    if (threadIdx.x == 40) data[1] = data[0]; // FAULT
}

template <int N> __device__ float first_of(float v)
{
    __shared__ float values[N];
    values[threadIdx.x] = 0.0f;
    __syncthreads();
    values[threadIdx.x] = v; // FAULT
    return values[0]; // FAULT
}

KERNEL(no_barrier_in_a_template)
{
    data[threadIdx.x] = first_of<256>(threadIdx.x);
}
