// What every kernel may use. Kernels need no CUDA header: NVRTC has the built-ins, and this file has the rest.
//
// The file is compiled for each element type and each row, which the op passes as macros (CudaKernel in
// Devices/Cuda/Launching/CudaLaunch.cs): T is the type of the elements that are read, R that of the elements that are
// written.
#pragma once

typedef unsigned char uint8;
typedef unsigned short uint16;
typedef unsigned int uint32;
typedef long long int64;
typedef unsigned long long uint64;

constexpr int WarpThreads = 32;
constexpr unsigned WholeWarp = 0xffffffffu;

// Most arrays have few axes after contiguous neighbors are joined; the host refuses those that have more.
constexpr int MaxLoops = 8;

// Nested loops, outermost first: their lengths, and their strides in up to three arrays. The host's CudaLoops has the
// same layout.
struct Loops {
    int count;
    int dims[MaxLoops];
    int steps[3][MaxLoops];

    // The offset in one of the arrays of the element with a flat index.
    __device__ __forceinline__ int64 offset(int array, int index) const
    {
        int64 at = 0;
        for (int loop = count - 1; loop > 0; loop--) {
            int outer = index / dims[loop];
            at += (int64)(index - outer * dims[loop]) * steps[array][loop];
            index = outer;
        }

        return count > 0 ? at + (int64)index * steps[array][0] : at;
    }
};

// The parameter type for loops: by value. A fused kernel (horizontal_fusion.cuh) takes a reference into its arguments,
// because a copy that is indexed by a loop's number would be in local memory.
#ifdef FUSED
typedef const Loops& LoopsArgument;
#else
typedef Loops LoopsArgument;
#endif

__device__ __forceinline__ float infinity(float) { return __int_as_float(0x7f800000); }
__device__ __forceinline__ double infinity(double) { return __longlong_as_double(0x7ff0000000000000LL); }

// The lowest and the highest value of a type, which the argument selects.
__device__ __forceinline__ float lowest(float x) { return -infinity(x); }
__device__ __forceinline__ double lowest(double x) { return -infinity(x); }
__device__ __forceinline__ int lowest(int) { return -2147483647 - 1; }
__device__ __forceinline__ int64 lowest(int64) { return -9223372036854775807LL - 1; }
__device__ __forceinline__ float highest(float x) { return infinity(x); }
__device__ __forceinline__ double highest(double x) { return infinity(x); }
__device__ __forceinline__ int highest(int) { return 2147483647; }
__device__ __forceinline__ int64 highest(int64) { return 9223372036854775807LL; }

// Arithmetic of the rows of Ops/Elementwise. Integers wrap around, as on the CPU. C++ defines this only for unsigned
// integers: for signed ones, NVRTC may assume that x + 1 > x is always true.
template <typename U>
__device__ __forceinline__ U add(U a, U b) { return a + b; }
__device__ __forceinline__ int add(int a, int b) { return (int)((uint32)a + (uint32)b); }
__device__ __forceinline__ int64 add(int64 a, int64 b) { return (int64)((uint64)a + (uint64)b); }

template <typename U>
__device__ __forceinline__ U subtract(U a, U b) { return a - b; }
__device__ __forceinline__ int subtract(int a, int b) { return (int)((uint32)a - (uint32)b); }
__device__ __forceinline__ int64 subtract(int64 a, int64 b) { return (int64)((uint64)a - (uint64)b); }

template <typename U>
__device__ __forceinline__ U multiply(U a, U b) { return a * b; }
__device__ __forceinline__ int multiply(int a, int b) { return (int)((uint32)a * (uint32)b); }
__device__ __forceinline__ int64 multiply(int64 a, int64 b) { return (int64)((uint64)a * (uint64)b); }

template <typename U>
__device__ __forceinline__ U negate(U x) { return -x; }
__device__ __forceinline__ int negate(int x) { return subtract(0, x); }
__device__ __forceinline__ int64 negate(int64 x) { return subtract((int64)0, x); }

__device__ __forceinline__ float magnitude(float x) { return fabsf(x); }
__device__ __forceinline__ double magnitude(double x) { return fabs(x); }
__device__ __forceinline__ int magnitude(int x) { return x < 0 ? negate(x) : x; }
__device__ __forceinline__ int64 magnitude(int64 x) { return x < 0 ? negate(x) : x; }

// Converts a number to the type of the second argument. A fraction becomes an integer by rounding toward zero, a number
// out of range becomes the nearest end of the range, and NaN becomes 0; C++ does not define these cases, and devices
// differ. A bool is true if the number is not 0.
template <typename V, typename U>
__device__ __forceinline__ U convert(V x, U) { return (U)x; }

template <typename V, typename U>
__device__ __forceinline__ U wholeNumber(V x, U low, U high)
{
    return x != x ? U(0) : x <= V(low) ? low : x >= V(high) ? high : (U)x;
}

__device__ __forceinline__ int convert(float x, int) { return wholeNumber(x, lowest(0), highest(0)); }
__device__ __forceinline__ int convert(double x, int) { return wholeNumber(x, lowest(0), highest(0)); }
__device__ __forceinline__ int64 convert(float x, int64) { return wholeNumber(x, lowest((int64)0), highest((int64)0)); }
__device__ __forceinline__ int64 convert(double x, int64)
{
    return wholeNumber(x, lowest((int64)0), highest((int64)0));
}
__device__ __forceinline__ uint8 convert(float x, uint8) { return (uint8)wholeNumber(x, 0, 255); }
__device__ __forceinline__ uint8 convert(double x, uint8) { return (uint8)wholeNumber(x, 0, 255); }

#include "halves.cuh"

// The maximum and the minimum of two, NaN if either is: fmax and fmin would drop it.
template <typename U>
__device__ __forceinline__ U maximum(U a, U b) { return a != a ? a : b != b ? b : a > b ? a : b; }

template <typename U>
__device__ __forceinline__ U minimum(U a, U b) { return a != a ? a : b != b ? b : a < b ? a : b; }

// a / b rounded down, and the remainder, with the sign of b. For integers 0 if b is 0.
__device__ __forceinline__ double quotient(double a, double b)
{
    if (isinf(a)) {
        return a - a;
    }

    double ratio = a / b, whole = floor(ratio);
    if (whole != ratio || fabs(ratio) >= 9007199254740992.0 || a == 0) {
        return whole;
    }

    // The exact ratio may be below this integer, to which it was rounded. The sign of the remainder, which is exact,
    // tells.
    double rest = whole == 0 ? a : fma(-whole, b, a);
    return whole - (rest != 0 && (rest < 0) != (b < 0));
}

__device__ __forceinline__ float quotient(float a, float b) { return (float)quotient((double)a, (double)b); }
__device__ __forceinline__ int quotient(int a, int b)
{
    if (b == 0) {
        return 0;
    }

    int64 whole = (int64)a / b, rest = (int64)a % b;
    return (int)(uint32)(whole - (rest != 0 && (rest < 0) != (b < 0)));
}

__device__ __forceinline__ int64 quotient(int64 a, int64 b)
{
    if (b == 0 || b == -1) {
        return multiply(a, b);
    }

    int64 whole = a / b, rest = a % b;
    return whole - (rest != 0 && (rest < 0) != (b < 0));
}

template <typename U>
__device__ __forceinline__ U modulo(U a, U b)
{
    U rest = fmod(a, b);
    return rest == 0 ? copysign(rest, b) : (rest < 0) == (b < 0) ? rest : rest + b;
}

__device__ __forceinline__ int modulo(int a, int b) { return b == 0 ? 0 : subtract(a, multiply(quotient(a, b), b)); }
__device__ __forceinline__ int64 modulo(int64 a, int64 b)
{
    return b == 0 ? 0 : subtract(a, multiply(quotient(a, b), b));
}

#include "gamma.cuh"

// A kernel's report of a value that it cannot work with. The host's CudaFaults has the same layout.
struct Fault {
    int code;
    int unused;
    uint64 report;
};

// Reports a value, its index, and the number of the message to throw. The report of the first kernel counts, and within
// a kernel that of the lowest index, whichever thread comes first.
__device__ inline void reportFault(Fault* fault, int code, int value, int element)
{
    int first = atomicCAS(&fault->code, 0, code);
    if (first == 0 || first == code) {
        atomicMin(&fault->report, (uint64)(uint32)element << 32 | (uint32)value);
    }
}
