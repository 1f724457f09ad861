// The instructions that CUDA C lacks: all inline PTX is in this file. The double of tests/Simt has no PTX; its branch
// does the same in C++.
#pragma once

struct float16;
struct bfloat16;

// From sm_80 on, memory is copied to shared memory without passing through registers, while the thread goes on. A test
// may set this to 0 to try, on any GPU, what older ones do.
#ifndef ASYNC_COPIES
#if __CUDA_ARCH__ >= 800
#define ASYNC_COPIES 1
#else
#define ASYNC_COPIES 0
#endif
#endif

// Makes the compiler keep a value that it would otherwise compute again whenever a loop needs it.
#ifdef ENGINE_SIMT
template <typename U>
__device__ __forceinline__ void keep(U&) {}
#else
__device__ __forceinline__ void keep(int& value) { asm volatile("" : "+r"(value)); }
__device__ __forceinline__ void keep(long long& value) { asm volatile("" : "+l"(value)); }
#endif

// Converts a float to the bits of an IEEE 754 half, rounded to nearest, ties to even; and back.
__device__ __forceinline__ unsigned short toHalf(float x)
{
#ifdef ENGINE_SIMT
    return simt::to_half(x);
#else
    unsigned short bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
#endif
}

__device__ __forceinline__ float ofHalf(unsigned short bits)
{
#ifdef ENGINE_SIMT
    return simt::of_half(bits);
#else
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
#endif
}

// An address in shared memory, as the instructions want it.
#ifdef ENGINE_SIMT
typedef char* SharedAddress;
__device__ __forceinline__ SharedAddress sharedAddress(void* shared) { return (char*)shared; }
#else
typedef unsigned SharedAddress;
__device__ __forceinline__ SharedAddress sharedAddress(void* shared)
{
    return (unsigned)__cvta_generic_to_shared(shared);
}
#endif

#if ASYNC_COPIES

// Starts to copy 4, 8 or 16 bytes (both addresses have this alignment) to shared memory: `filled` of them, followed by
// zeros. If `filled` is 0, nothing is read. Copies of 16 bytes bypass the L1 cache, because a block reads the data only
// once. The offsets are added to both addresses.
template <int Bytes, int SharedOffset = 0, int GlobalOffset = 0>
__device__ __forceinline__ void copyAsync(SharedAddress shared, const void* global, int filled)
{
    static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16, "cp.async copies 4, 8 or 16 bytes");
#ifdef ENGINE_SIMT
    simt::copy_async(shared + SharedOffset, (const char*)global + GlobalOffset, Bytes, filled);
#else
    if (Bytes == 16) {
        asm volatile("cp.async.cg.shared.global [%0+%3], [%1+%4], 16, %2;"
                     ::"r"(shared), "l"(global), "r"(filled), "n"(SharedOffset), "n"(GlobalOffset) : "memory");
    } else {
        asm volatile("cp.async.ca.shared.global [%0+%4], [%1+%5], %2, %3;"
                     ::"r"(shared), "l"(global), "n"(Bytes), "r"(filled), "n"(SharedOffset), "n"(GlobalOffset)
                     : "memory");
    }
#endif
}

// Ends a group of copies: those that this thread has started since the last.
__device__ __forceinline__ void commitCopies()
{
#ifdef ENGINE_SIMT
    simt::copy_async_commit();
#else
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits for all groups except the latest ones, whose number is Left; other threads see their copies after the next
// barrier.
template <int Left>
__device__ __forceinline__ void waitForCopies()
{
#ifdef ENGINE_SIMT
    simt::copy_async_wait(Left);
#else
    asm volatile("cp.async.wait_group %0;" ::"n"(Left) : "memory");
#endif
}

// Waits for all copies that this thread has started; other threads see them after the next barrier.
__device__ __forceinline__ void waitForCopies()
{
#ifdef ENGINE_SIMT
    simt::copy_async_commit();
    simt::copy_async_wait(0);
#else
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// Rounds a number to TF32, to nearest, ties away from zero: the bits of a float whose lower 13 are 0.
__device__ __forceinline__ unsigned toTensorFloat(float x)
{
#ifdef ENGINE_SIMT
    return simt::to_tf32(x);
#else
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(x));
    return rounded;
#endif
}

// Adds the product of a warp's fragments of 16 × 8 and 8 × 8 elements of TF32 to 16 × 8 sums. All lanes take part.
__device__ __forceinline__ void multiplyFragments(float* sums, const unsigned* a, const unsigned* b)
{
#ifdef ENGINE_SIMT
    simt::mma_tf32(sums, a, b);
#else
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Adds the product of two fragments of a warp, 16 × 16 and 16 × 8 elements of 16 bits, to 16 × 8 sums. All lanes take
// part.
__device__ __forceinline__ void multiplyFragments(float* sums, const unsigned* a, const unsigned* b, const float16*)
{
#ifdef ENGINE_SIMT
    simt::mma_halves(sums, a, b, [](unsigned short bits) { return (double)simt::of_half(bits); });
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

__device__ __forceinline__ void multiplyFragments(float* sums, const unsigned* a, const unsigned* b, const bfloat16*)
{
#ifdef ENGINE_SIMT
    simt::mma_halves(
        sums, a, b, [](unsigned short bits) { return (double)__int_as_float((int)((unsigned)bits << 16)); });
#else
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
                 "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Reads four matrices of 8 × 8 elements of 16 bits. Each lane gives the address of one row of 16 bytes; the first eight
// lanes give those of the first matrix. Register i of lane l gets elements 2 (l % 4) and 2 (l % 4) + 1 of row l / 4 of
// matrix i, or of column l / 4 if the matrices are transposed. All lanes take part.
template <bool Transposed>
__device__ __forceinline__ void readMatrices(unsigned* registers, SharedAddress row)
{
#ifdef ENGINE_SIMT
    simt::ldmatrix<Transposed>(registers, row);
#else
    if (Transposed) {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                     : "r"(row)
                     : "memory");
    } else {
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                     : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                     : "r"(row)
                     : "memory");
    }
#endif
}

#endif
