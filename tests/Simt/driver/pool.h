// Pools of memory: all take from the same device, so there is nothing to know of one but that it is there.
#pragma once
#include <set>

namespace simt
{
    struct Pool
    {
    };

    std::set<Pool*>& pools();
}
