// Indices of threads, barriers, and exchanges between the lanes of a warp.
#pragma once

#include "types.h"

namespace simt
{
    enum Direction
    {
        Up,
        Down,
        Xor,
        Index
    };

    extern "C"
    {
        // Constant while one thread runs a kernel, so the compiler may keep them in registers.
        __attribute__((const)) unsigned simt_thread_index(int axis);
        __attribute__((const)) unsigned simt_block_index(int axis);
        __attribute__((const)) unsigned simt_block_size(int axis);
        __attribute__((const)) unsigned simt_grid_size(int axis);
        __attribute__((const)) unsigned simt_lane();
        __attribute__((const)) void* simt_dynamic_shared();

        void simt_leave();
        int simt_barrier(int kind, int predicate, const char* file, int line, int site);
        void simt_warp_barrier(unsigned mask, const char* file, int line);
        unsigned simt_ballot(unsigned mask, int predicate, const char* file, int line);
        unsigned long long simt_shuffle(
            unsigned mask, unsigned long long bits, unsigned source, const char* file, int line);
        // Deposits bits, fills all[32] with the bits of every lane, and returns the lanes that took part.
        unsigned simt_exchange(
            unsigned mask, unsigned long long bits, unsigned long long* all, const char* file, int line);
        unsigned simt_active_lanes();
        void simt_fence();
        [[noreturn]] void simt_trap(const char* what, const char* file, int line);
        unsigned long long simt_clock();
    }

    __forceinline__ uint3 thread_index() { return {simt_thread_index(0), simt_thread_index(1), simt_thread_index(2)}; }
    __forceinline__ uint3 block_index() { return {simt_block_index(0), simt_block_index(1), simt_block_index(2)}; }
    __forceinline__ uint3 block_size() { return {simt_block_size(0), simt_block_size(1), simt_block_size(2)}; }
    __forceinline__ uint3 grid_size() { return {simt_grid_size(0), simt_grid_size(1), simt_grid_size(2)}; }

    template <class T> __forceinline__ unsigned long long pack(T value)
    {
        static_assert(sizeof(T) <= 8, "a shuffle takes 8 bytes at most");
        unsigned long long bits = 0;
        __builtin_memcpy(&bits, &value, sizeof value);
        return bits;
    }

    template <class T> __forceinline__ T unpack(unsigned long long bits)
    {
        T value;
        __builtin_memcpy(&value, &bits, sizeof value);
        return value;
    }

    // The lane that a shuffle reads. If it is outside the segment of `width` lanes, the lane reads itself, as in
    // hardware.
    __forceinline__ unsigned source_lane(Direction direction, unsigned offset, unsigned width)
    {
        unsigned lane = simt_lane(), within = lane & (width - 1), first = lane - within;
        switch (direction)
        {
            case Up: return offset > within ? lane : lane - offset;
            case Down: return within + offset >= width ? lane : lane + offset;
            case Xor: return (lane ^ offset) >= first + width ? lane : lane ^ offset;
            default: return first + (offset & (width - 1));
        }
    }

    template <class T>
    __forceinline__ T shuffle(
        Direction direction, unsigned mask, T value, unsigned offset, unsigned width, const char* file, int line)
    {
        return unpack<T>(simt_shuffle(mask, pack(value), source_lane(direction, offset, width), file, line));
    }
}

#define threadIdx (simt::thread_index())
#define blockIdx (simt::block_index())
#define blockDim (simt::block_size())
#define gridDim (simt::grid_size())
constexpr int warpSize = 32;

// Each call in the text has a number: two barriers on one line stay two, and a barrier that the compiler copies stays
// one.
#define __syncthreads() ((void)simt::simt_barrier(0, 0, __FILE__, __LINE__, __COUNTER__))
#define __syncthreads_count(p) simt::simt_barrier(1, !!(p), __FILE__, __LINE__, __COUNTER__)
#define __syncthreads_and(p) simt::simt_barrier(2, !!(p), __FILE__, __LINE__, __COUNTER__)
#define __syncthreads_or(p) simt::simt_barrier(3, !!(p), __FILE__, __LINE__, __COUNTER__)

#define SIMT_HERE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncwarp(unsigned mask = 0xffffffffu, SIMT_HERE) { simt::simt_warp_barrier(mask, file, line); }
inline unsigned __ballot_sync(unsigned mask, int p, SIMT_HERE) { return simt::simt_ballot(mask, !!p, file, line); }
inline int __any_sync(unsigned mask, int p, SIMT_HERE) { return simt::simt_ballot(mask, !!p, file, line) != 0; }
inline int __all_sync(unsigned mask, int p, SIMT_HERE) { return simt::simt_ballot(mask, !p, file, line) == 0; }
inline unsigned __activemask() { return simt::simt_active_lanes(); }

template <class T> T __shfl_sync(unsigned mask, T value, int lane, int width = 32, SIMT_HERE)
{
    return simt::shuffle(simt::Index, mask, value, lane, width, file, line);
}

template <class T> T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, SIMT_HERE)
{
    return simt::shuffle(simt::Xor, mask, value, lanes, width, file, line);
}

template <class T> T __shfl_down_sync(unsigned mask, T value, unsigned lanes, int width = 32, SIMT_HERE)
{
    return simt::shuffle(simt::Down, mask, value, lanes, width, file, line);
}

template <class T> T __shfl_up_sync(unsigned mask, T value, unsigned lanes, int width = 32, SIMT_HERE)
{
    return simt::shuffle(simt::Up, mask, value, lanes, width, file, line);
}

inline void __threadfence() { simt::simt_fence(); }
inline void __threadfence_system() { simt::simt_fence(); }
inline void __threadfence_block() {}
inline void __nanosleep(unsigned) {}
inline long long clock64() { return (long long)simt::simt_clock(); }
inline int clock() { return (int)simt::simt_clock(); }

[[noreturn]] inline void __trap(SIMT_HERE) { simt::simt_trap("__trap()", file, line); }
#define assert(condition) ((condition) ? (void)0 : simt::simt_trap("assert(" #condition ")", __FILE__, __LINE__))
extern "C" int printf(const char* format, ...);
