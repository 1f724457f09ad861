// Counts of a launch's work, made while it runs, for the meter.
#pragma once
#include "program.h"
#include <cstdint>
#include <string>

namespace simt::ptx
{
    struct Warp;

    // Counts that depend on addresses. A block's counts are added to the launch's at the end.
    struct Meter
    {
        uint64_t sectors_asked = 0;   // sectors of 32 bytes of global memory in all requests of warps
        uint64_t sectors_needed = 0;  // sectors that the requested bytes would fill
        uint64_t global_requests = 0;
        uint64_t shared_requests = 0;
        uint64_t shared_passes = 0;   // passes in which the banks serve the requests
        uint64_t bank_conflicts = 0;  // passes in excess of those that the bytes need

        void add(const Meter& other);
        void global(const Warp& warp, const uint64_t* at, unsigned bytes);
        void shared(const Warp& warp, const uint32_t* at, unsigned bytes);
    };

    struct Counts
    {
        std::string kernel;
        unsigned grid[3] = {}, block[3] = {};
        uint64_t blocks = 0;
        std::array<uint64_t, Classes> classes = {};
        uint64_t warp_instructions = 0, thread_instructions = 0, partly = 0, machine_instructions = 0;
        Meter meter;
    };
}
