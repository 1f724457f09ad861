// Tensor cores: products of matrices, of which each lane of a warp holds a part.
#pragma once

#include "threads.h"

namespace simt
{
    __forceinline__ unsigned bits_of(float x)
    {
        unsigned bits;
        __builtin_memcpy(&bits, &x, sizeof bits);
        return bits;
    }

    // Rounds to the nearest number with 10 bits of mantissa, ties away from zero (cvt.rna.tf32.f32).
    __forceinline__ unsigned to_tf32(float x)
    {
        unsigned bits = bits_of(x);
        return (bits & 0x7fffffffu) >= 0x7f800000u ? bits : (bits + 0x1000u) & 0xffffe000u;
    }

    __attribute__((no_sanitize("thread"))) inline double of_tf32(unsigned bits)
    {
        float x;
        bits &= 0xffffe000u;
        __builtin_memcpy(&x, &bits, sizeof x);
        return double(x);
    }

    // mma.sync.m16n8k8 of TF32. Neither the order nor the rounding of its sums is documented; here the exact sum is
    // rounded once.
    __attribute__((no_sanitize("thread"))) inline void mma_tf32(float* sums, const unsigned* a, const unsigned* b,
        const char* file = __builtin_FILE(), int line = __builtin_LINE())
    {
        unsigned long long upper[32], lower[32], right[32];
        simt_exchange(0xffffffffu, a[0] | (unsigned long long)a[1] << 32, upper, file, line);
        simt_exchange(0xffffffffu, a[2] | (unsigned long long)a[3] << 32, lower, file, line);
        simt_exchange(0xffffffffu, b[0] | (unsigned long long)b[1] << 32, right, file, line);
        unsigned group = simt_lane() / 4, in_group = simt_lane() % 4;
        for (unsigned i = 0; i < 4; ++i)
        {
            double sum = sums[i];
            for (unsigned k = 0; k < 8; ++k)
            {
                // A pointer, because g++ with -fsanitize=bounds makes wrong code of (k < 4 ? upper : lower)[…].
                const unsigned long long* half = k < 4 ? upper : lower;
                unsigned long long left = half[group * 4 + k % 4];
                unsigned long long other = right[(in_group * 2 + i % 2) * 4 + k % 4];
                sum += of_tf32(unsigned(i < 2 ? left : left >> 32)) * of_tf32(unsigned(k < 4 ? other : other >> 32));
            }
            sums[i] = float(sum);
        }
    }
}
