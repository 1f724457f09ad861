// The handles that a program holds and must give back to the driver.
#pragma once
#include "module.h"
#include <map>
#include <set>

namespace simt
{
    std::set<Module*>& modules();
    std::set<Function*>& functions();
    // Page-locked memory of the host, by address.
    std::map<uintptr_t, size_t>& pinned();

    // All handles of the context, by address.
    std::set<void*> live_handles();
    // Frees all of them, except those to keep.
    void drop_handles(const std::set<void*>& kept = {});
}
