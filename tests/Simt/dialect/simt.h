// The CUDA C dialect of our kernels, for g++; included before each .cu. The double's nvrtc resolves the __simt_…__
// words.
#pragma once

#define ENGINE_SIMT 1
#define __CUDACC__ 1
#define __CUDACC_RTC__ 1

#define __global__ __simt_global__
#define __shared__ __simt_shared__
#define __launch_bounds__(...) __simt_bounds__(__VA_ARGS__)
#define __align__(n) __simt_align__(n)
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict

using size_t = decltype(sizeof 0);
using ptrdiff_t = decltype((char*)0 - (char*)0);

#include "types.h"

namespace simt
{
    // The information about a kernel that cuLaunchKernel needs; one is exported for each as simt_kernel_NAME.
    struct Kernel
    {
        void (*run)(void** arguments);
        unsigned argument_count;
        const unsigned* argument_sizes;
        unsigned max_threads;
    };

    template <size_t... I> struct Indices
    {
    };
    template <size_t N, size_t... I> struct UpTo : UpTo<N - 1, N - 1, I...>
    {
    };
    template <size_t... I> struct UpTo<0, I...>
    {
        using Type = Indices<I...>;
    };

    // A launcher is not checked, because it reads the arguments from the host's memory.
    template <class... A, size_t... I>
    __attribute__((no_sanitize("thread"))) void call(void (*kernel)(A...), void** arguments, Indices<I...>)
    {
        kernel(*(A*)arguments[I]...);
    }

    template <class... A> __attribute__((no_sanitize("thread"))) void start(void (*kernel)(A...), void** arguments)
    {
        call(kernel, arguments, typename UpTo<sizeof...(A)>::Type{});
    }

    template <class... A> struct Sizes
    {
        static constexpr unsigned count = sizeof...(A);
        static constexpr unsigned of[count + 1] = {sizeof(A)..., 0};
    };

    template <class... A> constexpr Sizes<A...> sizes_of(void (*)(A...)) { return {}; }

    constexpr unsigned max_threads(unsigned threads = 1024, unsigned = 0, unsigned = 0) { return threads; }
}

#include "atomics.h"
#include "math.h"
#include "threads.h"
#include "halves.h"
#include "tensor.h"
