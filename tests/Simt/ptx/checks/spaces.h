// State spaces: how an address of each is checked, and its place on the host.
#pragma once
#include "global_checks.h"
#include "../forms/lanes.h"

namespace simt::ptx
{
    // The addresses of all lanes; those of inactive lanes have no meaning.
    inline void addresses(const Step& step, const Warp& warp, int operand, uint64_t* at)
    {
        const char* row = warp.row(step.row[size_t(operand)]);
        for (int lane = 0; lane < Lanes; ++lane) at[lane] = get<uint64_t>(row, lane) + uint64_t(step.offset);
    }

    // Each checks an access of the lanes in the warp's mask and returns the places of its bytes.
    struct Global
    {
        static void reach(
            const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places);
    };

    struct Shared
    {
        static void reach(
            const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places);
    };

    // A thread's local memory.
    struct Local
    {
        static void reach(
            const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places);
    };

    struct Param
    {
        static void reach(
            const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places);
    };

    // Device memory, or a window to the other spaces.
    struct Generic
    {
        static void reach(
            const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places);
    };

    // Checks the bounds and alignment of shared addresses and narrows them to 32 bits.
    void shared_addresses(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, uint32_t* narrow);
}
