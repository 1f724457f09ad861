// The mathematical functions and intrinsics that are built into NVRTC.
#pragma once

#include "threads.h"

#define SIMT_MATH1(name)                                                                                               \
    extern "C" double name(double);                                                                                    \
    extern "C" float name##f(float);                                                                                   \
    inline float name(float x) { return name##f(x); }
#define SIMT_MATH2(name)                                                                                               \
    extern "C" double name(double, double);                                                                            \
    extern "C" float name##f(float, float);                                                                            \
    inline float name(float x, float y) { return name##f(x, y); }

SIMT_MATH1(sqrt)
SIMT_MATH1(cbrt) SIMT_MATH1(exp) SIMT_MATH1(exp2) SIMT_MATH1(expm1) SIMT_MATH1(log) SIMT_MATH1(log2) SIMT_MATH1(log10)
    SIMT_MATH1(log1p) SIMT_MATH1(sin) SIMT_MATH1(cos) SIMT_MATH1(tan) SIMT_MATH1(asin) SIMT_MATH1(acos) SIMT_MATH1(atan)
        SIMT_MATH1(sinh) SIMT_MATH1(cosh) SIMT_MATH1(tanh) SIMT_MATH1(asinh) SIMT_MATH1(acosh) SIMT_MATH1(atanh)
            SIMT_MATH1(erf) SIMT_MATH1(erfc) SIMT_MATH1(tgamma) SIMT_MATH1(lgamma) SIMT_MATH1(fabs) SIMT_MATH1(floor)
                SIMT_MATH1(ceil) SIMT_MATH1(trunc) SIMT_MATH1(round) SIMT_MATH1(rint) SIMT_MATH1(nearbyint)
                    SIMT_MATH2(pow) SIMT_MATH2(atan2) SIMT_MATH2(fmod) SIMT_MATH2(remainder) SIMT_MATH2(hypot)
                        SIMT_MATH2(fmin) SIMT_MATH2(fmax) SIMT_MATH2(copysign) SIMT_MATH2(fdim) SIMT_MATH2(nextafter)

#undef SIMT_MATH1
#undef SIMT_MATH2

                            extern "C" double fma(double, double, double);
extern "C" float fmaf(float, float, float);
extern "C" double ldexp(double, int);
extern "C" float ldexpf(float, int);
extern "C" double frexp(double, int*);
extern "C" float frexpf(float, int*);
extern "C" int abs(int);
inline float fma(float a, float b, float c) { return fmaf(a, b, c); }
inline float abs(float x) { return fabsf(x); }
inline double abs(double x) { return fabs(x); }
inline long long abs(long long x) { return x < 0 ? -x : x; }
inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline void sincosf(float x, float* s, float* c)
{
    *s = sinf(x);
    *c = cosf(x);
}
// Uses the remainder after whole turns, which is exact; near a quarter turn, where this function is 0, uses the other
// one.
inline double sinpi(double x)
{
    double r = x - 2 * rint(x / 2);
    r = r > 0.5 ? 1 - r : r < -0.5 ? -1 - r : r;
    const double pi = 3.14159265358979323846;
    return fabs(r) > 0.25 ? copysign(cos(pi * (0.5 - fabs(r))), r) : sin(pi * r);
}
inline double cospi(double x)
{
    double r = fabs(x - 2 * rint(x / 2)), near = r > 0.5 ? 1 - r : r;
    double size = near > 0.25 ? sin(3.14159265358979323846 * (0.5 - near)) : cos(3.14159265358979323846 * near);
    return r > 0.5 ? -size : size;
}
inline float exp10f(float x) { return powf(10.0f, x); }

#define isnan(x) __builtin_isnan(x)
#define isinf(x) __builtin_isinf(x)
#define isfinite(x) __builtin_isfinite(x)
#define signbit(x) __builtin_signbit(x)

#define SIMT_MINMAX(T)                                                                                                 \
    inline constexpr T min(T a, T b) { return b < a ? b : a; }                                                         \
    inline constexpr T max(T a, T b) { return a < b ? b : a; }
SIMT_MINMAX(int)
SIMT_MINMAX(unsigned) SIMT_MINMAX(long) SIMT_MINMAX(unsigned long) SIMT_MINMAX(long long)
    SIMT_MINMAX(unsigned long long)
#undef SIMT_MINMAX
        inline unsigned min(int a, unsigned b)
{
    return min((unsigned)a, b);
}
inline unsigned min(unsigned a, int b) { return min(a, (unsigned)b); }
inline unsigned max(int a, unsigned b) { return max((unsigned)a, b); }
inline unsigned max(unsigned a, int b) { return max(a, (unsigned)b); }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return exp10f(x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1.0f / sqrtf(x); }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }

inline int __float_as_int(float x) { return simt::unpack<int>(simt::pack(x)); }
inline unsigned __float_as_uint(float x) { return simt::unpack<unsigned>(simt::pack(x)); }
inline float __int_as_float(int x) { return simt::unpack<float>(simt::pack(x)); }
inline float __uint_as_float(unsigned x) { return simt::unpack<float>(simt::pack(x)); }
inline long long __double_as_longlong(double x) { return (long long)simt::pack(x); }
inline double __longlong_as_double(long long x) { return simt::unpack<double>((unsigned long long)x); }
inline float __int2float_rn(int x) { return (float)x; }
inline float __uint2float_rn(unsigned x) { return (float)x; }

// A float that the integer cannot hold becomes the nearest integer that it can, as on the GPU; in C++ it would be
// undefined.
inline int __float2int_rz(float x)
{
    return x != x ? 0 : x >= 2147483648.0f ? 2147483647 : x < -2147483648.0f ? -2147483647 - 1 : (int)x;
}
inline int __float2int_rn(float x) { return __float2int_rz(rintf(x)); }
inline int __float2int_rd(float x) { return __float2int_rz(floorf(x)); }
inline int __float2int_ru(float x) { return __float2int_rz(ceilf(x)); }
inline unsigned __float2uint_rz(float x) { return !(x > 0.0f) ? 0u : x >= 4294967296.0f ? 0xffffffffu : (unsigned)x; }
inline unsigned __float2uint_rn(float x) { return __float2uint_rz(rintf(x)); }
inline int __double2int_rz(double x)
{
    return x != x ? 0 : x >= 2147483647.0 ? 2147483647 : x <= -2147483648.0 ? -2147483647 - 1 : (int)x;
}

inline int __mul24(int x, int y) { return x * y; }
inline unsigned __umul24(unsigned x, unsigned y) { return x * y; }
inline int __mulhi(int x, int y) { return (int)((long long)x * y >> 32); }
inline unsigned __umulhi(unsigned x, unsigned y) { return (unsigned)((unsigned long long)x * y >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y)
{
    return (unsigned long long)((unsigned __int128)x * y >> 64);
}

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x)
{
    unsigned r = 0;
    for (int i = 0; i < 32; ++i) r |= (x >> i & 1u) << (31 - i);
    return r;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)((((unsigned long long)high << 32 | low) << (shift & 31)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    return (unsigned)(((unsigned long long)high << 32 | low) >> (shift & 31));
}

template <class T> __forceinline__ T __ldg(const T* p) { return *p; }
template <class T> __forceinline__ T __ldca(const T* p) { return *p; }
template <class T> __forceinline__ T __ldcg(const T* p) { return *p; }
template <class T> __forceinline__ T __ldcs(const T* p) { return *p; }
template <class T> __forceinline__ void __stcg(T* p, simt::Same<T> value) { *p = value; }
template <class T> __forceinline__ void __stcs(T* p, simt::Same<T> value) { *p = value; }
template <class T> __forceinline__ void __stwt(T* p, simt::Same<T> value) { *p = value; }

extern "C" void simt_copy_bytes(void* to, const void* from, size_t bytes);
extern "C" void simt_fill_bytes(void* to, int value, size_t bytes);
#define memcpy simt_copy_bytes
#define memset simt_fill_bytes
