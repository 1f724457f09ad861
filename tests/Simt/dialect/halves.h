// IEEE 754 half precision: cvt.rn.f16.f32 and cvt.f32.f16 in software, because not every CPU has them.
#pragma once

namespace simt
{
    inline unsigned short to_half(float x)
    {
        unsigned bits, sign, result;
        __builtin_memcpy(&bits, &x, sizeof bits);
        sign = bits & 0x80000000u;
        bits ^= sign;
        if (bits >= 0x47800000u)
            result = bits > 0x7f800000u ? 0x7fffu : 0x7c00u;
        else if (bits < 0x38800000u)
        {
            // Subnormal: the unit in the last place of 0.5 is the smallest half, so adding 0.5 rounds the number
            // correctly.
            float smallest, sum;
            __builtin_memcpy(&smallest, &bits, sizeof smallest);
            sum = smallest + 0.5f;
            __builtin_memcpy(&result, &sum, sizeof result);
            result -= 0x3f000000u;
        }
        else
            result = (bits - (112u << 23) + 0xfffu + (bits >> 13 & 1u)) >> 13;
        return (unsigned short)(result | sign >> 16);
    }

    inline float of_half(unsigned short half)
    {
        unsigned exponent = half >> 10 & 31u, mantissa = half & 1023u;
        float size = exponent == 31 ? mantissa != 0 ? __builtin_nanf("") : __builtin_inff()
                     : exponent == 0 ? float(mantissa) * 0x1p-24f
                                     : float(mantissa + 1024u) * (exponent >= 25 ? float(1u << (exponent - 25))
                                                                                 : 1.0f / float(1u << (25 - exponent)));
        return half & 0x8000u ? -size : size;
    }
}
