// Every access to device memory comes by here: bounds, what was never written, and races within and between blocks. The
// shadows are those of the driver's memory, which several threads of the host use at once.
#pragma once
#include "machine.h"

namespace simt::ptx
{
    struct Access
    {
        bool write = false;
        bool atomic = false; // atomics, and what other blocks may see: they do not race among themselves
    };

    // Of each lane in the warp's mask.
    void check_global(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access);

    // What is atomic orders blocks: it learns what others published there, and publishes what lies before its fence.
    // The grid's lock is held.
    void acquire(Warp& warp, int lane, uint64_t address);
    void release(Warp& warp, int lane, uint64_t address);
    void fence(Warp& warp);
}
