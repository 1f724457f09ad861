// The driver's objects that a program holds and must release.
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

    // All objects of the context, by address.
    std::set<void*> live_handles();
    // Frees all handles except those in `kept`.
    void drop_handles(const std::set<void*>& kept = {});
}
