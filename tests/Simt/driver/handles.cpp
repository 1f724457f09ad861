#include "handles.h"
#include "api.h"
#include "memory.h"
#include "pool.h"
#include "report.h"
#include "stream.h"
#include <cstdio>
#include <cstdlib>

namespace simt
{
    std::set<Module*>& modules()
    {
        static auto* all = new std::set<Module*>;
        return *all;
    }

    std::set<Function*>& functions()
    {
        static auto* all = new std::set<Function*>;
        return *all;
    }

    std::map<uintptr_t, size_t>& pinned()
    {
        static auto* all = new std::map<uintptr_t, size_t>;
        return *all;
    }

    std::set<void*> live_handles()
    {
        std::set<void*> all;
        for (auto& [address, bytes] : pinned()) all.insert(reinterpret_cast<void*>(address));
        for (uintptr_t address : device_memory().addresses()) all.insert(reinterpret_cast<void*>(address));
        all.insert(modules().begin(), modules().end());
        all.insert(pools().begin(), pools().end());
        all.insert(streams().begin(), streams().end());
        all.insert(events().begin(), events().end());
        all.insert(graphs().begin(), graphs().end());
        all.insert(executables().begin(), executables().end());
        return all;
    }

    void drop_handles(const std::set<void*>& kept)
    {
        destroy_streams(kept);
        device_memory().release_promised();
        for (void* handle : live_handles())
        {
            if (kept.count(handle)) continue;
            auto address = reinterpret_cast<uintptr_t>(handle);
            auto* module = static_cast<Module*>(handle);
            if (device_memory().release(address)) continue;
            if (pinned().erase(address)) std::free(handle);
            if (auto* pool = static_cast<Pool*>(handle); pools().erase(pool)) delete pool;
            if (!modules().erase(module)) continue;
            for (auto& [name, function] : module->functions) functions().erase(&function);
            delete module;
        }
    }

    namespace
    {
        std::set<void*>& marked()
        {
            static auto* all = new std::set<void*>;
            return *all;
        }
    }
}

using namespace simt;

// The number of objects and allocations not yet released; simt_retained_contexts counts the contexts.
SIMT_API long long simt_live_handles()
{
    std::lock_guard guard(api_lock());
    return (long long)live_handles().size();
}

// For tests: remembers all handles that exist now.
SIMT_API void simt_mark()
{
    std::lock_guard guard(api_lock());
    marked() = live_handles();
}

// For tests: frees everything made after the mark, and forgets a kernel's failure.
SIMT_API void simt_rewind()
{
    std::lock_guard guard(api_lock());
    drop_handles(marked());
    clear_failure();
}

SIMT_API long long simt_live_bytes()
{
    std::lock_guard guard(api_lock());
    size_t bytes = device_memory().used();
    for (auto& [address, size] : pinned()) bytes += size;
    return (long long)bytes;
}

// Writes one line with the number of handles of each kind.
SIMT_API int simt_live_report(char* text, int size)
{
    std::lock_guard guard(api_lock());
    std::string all = format("%zu modules, %zu streams, %zu events, %zu graphs, %zu executable graphs, "
                             "%zu allocations of device memory (%zu bytes), %zu of page-locked memory",
        modules().size(), streams().size(), events().size(), graphs().size(), executables().size(),
        device_memory().count(), device_memory().used(), pinned().size());
    if (text && size > 0) std::snprintf(text, size_t(size), "%s", all.c_str());
    return int(all.size());
}
