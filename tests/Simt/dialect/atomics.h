// Atomics, memory orders and asynchronous copies. Threads are switched only where they wait, so no other thread runs
// between begin and end.
#pragma once

#include "threads.h"

namespace simt
{
    extern "C"
    {
        // Checks the access, makes it an acquire, and returns the value.
        unsigned long long simt_atomic_begin(const void* address, unsigned bytes, int writes);
        // Stores, and makes the access a release of everything before the latest fence.
        void simt_atomic_end(void* address, unsigned long long bits, unsigned bytes);

        void simt_copy_async(void* to, const void* from, unsigned bytes, unsigned filled);
        void simt_copy_async_commit();
        void simt_copy_async_wait(int groups_left);
    }

    template <class T, class F> __forceinline__ T update(T* address, F next)
    {
        T old = unpack<T>(simt_atomic_begin(address, sizeof(T), 1));
        simt_atomic_end(address, pack(next(old)), sizeof(T));
        return old;
    }

    template <class T> struct Plain
    {
        using Type = T;
    };
    template <class T> using Same = typename Plain<T>::Type;

    // Replaces the inline PTX of our header: ld.acquire, st.release, red.release and cp.async.
    template <class T> T load_acquire(const T* address) { return unpack<T>(simt_atomic_begin(address, sizeof(T), 0)); }

    template <class T> void store_release(T* address, Same<T> value)
    {
        simt_fence();
        update(address, [=](T) { return value; });
    }

    template <class T> T add_release(T* address, Same<T> value)
    {
        simt_fence();
        return update(address, [=](T old) { return T(old + value); });
    }

    // Copies `filled` bytes and zeros up to `bytes` when the thread waits; until then the memory at `to` is undefined.
    inline void copy_async(void* to, const void* from, unsigned bytes, unsigned filled)
    {
#ifdef SIMT_CHECKED
        simt_copy_async(to, from, bytes, filled);
#else
        // Unchecked kernels do not report their writes, so no check may ask whether memory was written.
        __builtin_memcpy(to, from, filled);
        __builtin_memset(static_cast<char*>(to) + filled, 0, bytes - filled);
#endif
    }

    inline void copy_async_commit() { simt_copy_async_commit(); }
    inline void copy_async_wait(int groups_left) { simt_copy_async_wait(groups_left); }
}

#define SIMT_ATOMIC(name, expression)                                                                                  \
    template <class T> T name(T* address, simt::Same<T> value)                                                         \
    {                                                                                                                  \
        return simt::update(address, [=](T old) { return T(expression); });                                            \
    }                                                                                                                  \
    template <class T> T name##_block(T* address, simt::Same<T> value) { return name(address, value); }                \
    template <class T> T name##_system(T* address, simt::Same<T> value) { return name(address, value); }

SIMT_ATOMIC(atomicAdd, old + value)
SIMT_ATOMIC(atomicSub, old - value)
SIMT_ATOMIC(atomicExch, value)
SIMT_ATOMIC(atomicMin, old < value ? old : value)
SIMT_ATOMIC(atomicMax, old > value ? old : value)
SIMT_ATOMIC(atomicAnd, old& value)
SIMT_ATOMIC(atomicOr, old | value)
SIMT_ATOMIC(atomicXor, old ^ value)
SIMT_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
SIMT_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)

#undef SIMT_ATOMIC

template <class T> T atomicCAS(T* address, simt::Same<T> expected, simt::Same<T> value)
{
    return simt::update(address, [=](T old) { return old == expected ? value : old; });
}
