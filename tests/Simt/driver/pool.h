// Memory pools: all take from the same device, so a pool has no state except that it exists.
#pragma once
#include <set>

namespace simt
{
    struct Pool
    {
    };

    std::set<Pool*>& pools();
}
