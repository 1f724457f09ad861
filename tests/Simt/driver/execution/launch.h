// Runs a grid of blocks.
#pragma once
#include "block.h"
#include "../module.h"
#include <string>
#include <vector>

namespace simt
{
    struct Launch
    {
        Function* function;
        Dim grid, block;
        unsigned dynamic_shared;
        bool cooperative;
        // A copy of every argument, as in cuLaunchKernel.
        std::vector<std::vector<uint64_t>> arguments;
    };

    // The errors that the driver reports immediately.
    int validate(const Launch& launch);
    // The number of such blocks that one multiprocessor holds.
    int occupancy(const Function& function, unsigned threads, size_t dynamic_shared);
    int multiprocessors();
    // Runs the launch to its end; an error is sticky and reported.
    int run(const Launch& launch);
}
