// Memory pools. All take from the same device, so a pool has no state except its existence.
#pragma once
#include <set>

namespace simt
{
    struct Pool
    {
    };

    std::set<Pool*>& pools();
}
