// Runs a grid of blocks.
#pragma once
#include "block.h"
#include "module.h"
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

    // Returns the error with which the driver refuses the launch at once, or Success.
    int validate(const Launch& launch);
    // The number of such blocks that one multiprocessor holds.
    int occupancy(const Function& function, unsigned threads, size_t dynamic_shared);
    int multiprocessors();
    // Runs the launch to its end; an error is sticky and reported.
    int run(const Launch& launch);
}
