// The operations of tensor cores: matrix products, with a part of each matrix in each lane of a warp.
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

    // Rounded to 10 bits of mantissa, to the nearest, ties away from zero (cvt.rna.tf32.f32).
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

    // mma.sync.m16n8k8 of TF32. The order and the rounding of its sums are not documented; here they are exact, rounded
    // once.
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
                // A pointer, because g++ with -fsanitize=bounds generates wrong code for (k < 4 ? upper : lower)[…].
                const unsigned long long* half = k < 4 ? upper : lower;
                unsigned long long left = half[group * 4 + k % 4];
                unsigned long long other = right[(in_group * 2 + i % 2) * 4 + k % 4];
                sum += of_tf32(unsigned(i < 2 ? left : left >> 32)) * of_tf32(unsigned(k < 4 ? other : other >> 32));
            }
            sums[i] = float(sum);
        }
    }

    // mma.sync.m16n8k16 of numbers of 16 bits, which of(bits) converts. As with TF32, sums are exact and rounded once
    // here.
    template <class Of>
    __attribute__((no_sanitize("thread"))) inline void mma_halves(float* sums, const unsigned* a, const unsigned* b, Of of,
        const char* file = __builtin_FILE(), int line = __builtin_LINE())
    {
        unsigned long long low[32], high[32], right[32];
        simt_exchange(0xffffffffu, a[0] | (unsigned long long)a[1] << 32, low, file, line);
        simt_exchange(0xffffffffu, a[2] | (unsigned long long)a[3] << 32, high, file, line);
        simt_exchange(0xffffffffu, b[0] | (unsigned long long)b[1] << 32, right, file, line);
        unsigned group = simt_lane() / 4, in_group = simt_lane() % 4;
        for (unsigned i = 0; i < 4; ++i)
        {
            double sum = sums[i];
            for (unsigned k = 0; k < 16; ++k)
            {
                const unsigned long long* half = k < 8 ? low : high;
                unsigned lane = k % 8 / 2, shift = k % 2 * 16;
                unsigned long long left = half[group * 4 + lane] >> (i < 2 ? 0 : 32) >> shift;
                unsigned long long other = right[(in_group * 2 + i % 2) * 4 + lane] >> (k < 8 ? 0 : 32) >> shift;
                sum += of((unsigned short)left) * of((unsigned short)other);
            }
            sums[i] = float(sum);
        }
    }

    // ldmatrix.x4 of 16 bits: lane l gives the address of row l % 8 of matrix l / 8.
    template <bool Transposed>
    __attribute__((no_sanitize("thread"))) inline void ldmatrix(unsigned* registers, const char* row,
        const char* file = __builtin_FILE(), int line = __builtin_LINE())
    {
        unsigned long long rows[32];
        simt_exchange(0xffffffffu, (unsigned long long)row, rows, file, line);
        unsigned upper = simt_lane() / 4, lower = simt_lane() % 4 * 2;
        for (unsigned i = 0; i < 4; ++i)
        {
            unsigned short pair[2];
            for (unsigned j = 0; j < 2; ++j)
            {
                unsigned r = Transposed ? lower + j : upper, c = Transposed ? upper : lower + j;
                pair[j] = ((const unsigned short*)rows[i * 8 + r])[c];
            }
            registers[i] = pair[0] | (unsigned)pair[1] << 16;
        }
    }
}
