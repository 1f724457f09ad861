// Every access to device memory passes through here: bounds, undefined reads, and races within and between blocks. The
// shadows are those of the driver's memory, which several threads of the host use at once.
#pragma once
#include "../machine.h"

namespace simt::ptx
{
    struct Access
    {
        bool write = false;
        bool atomic = false; // atomics, and accesses visible to other blocks: they do not race among themselves
    };

    // For each lane in the warp's mask.
    void check_global(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access);

    // Atomics order blocks: one acquires what others published there, and publishes the accesses before its fence. The
    // caller holds the grid's lock.
    void acquire(Warp& warp, int lane, uint64_t address);
    void release(Warp& warp, int lane, uint64_t address);
    void fence(Warp& warp);
}
