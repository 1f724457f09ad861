// What a program holds of the driver, and has to give back.
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

    // All that belongs to the context, by address.
    std::set<void*> live_handles();
    // Frees all of it but what is to be kept.
    void drop_handles(const std::set<void*>& kept = {});
}
