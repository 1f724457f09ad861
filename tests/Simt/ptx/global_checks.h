// Checks every access to device memory: bounds, reads of unwritten memory, and races within and between blocks. It uses
// the shadows of the driver's memory from several threads of the host at once.
#pragma once
#include "machine.h"

namespace simt::ptx
{
    struct Access
    {
        bool write = false;
        bool atomic = false; // atomics and accesses that other blocks may see; two of them do not race
    };

    // Checks the access of each lane in the warp's mask.
    void check_global(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access);

    // Atomic accesses order blocks: acquire learns what others published at the address, and release publishes the
    // accesses before the lane's fence. The caller holds the grid's lock.
    void acquire(Warp& warp, int lane, uint64_t address);
    void release(Warp& warp, int lane, uint64_t address);
    void fence(Warp& warp);
}
