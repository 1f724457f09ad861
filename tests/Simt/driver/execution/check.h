// Every access of a kernel passes through here: bounds, undefined reads, and races.
#pragma once
#include "block.h"
#include "../memory.h"

namespace simt
{
    // The memory that a kernel may access; set by the launch.
    struct Reach
    {
        Region device, dynamic_shared, static_shared;
        uintptr_t stack_start = 0, stack_size = 0;
        uintptr_t image_start = 0, image_size = 0;
    };

    extern Reach reach;

    struct Access
    {
        bool write = false, atomic = false;
    };

    // `place` is the return address of the call that the compiler put before the access.
    void check(uintptr_t address, size_t bytes, Access access, uintptr_t place);
}
