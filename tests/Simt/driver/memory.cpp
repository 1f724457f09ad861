#include "memory.h"
#include "settings.h"
#include <cstring>
#include <sys/mman.h>

namespace simt
{
    namespace
    {
        constexpr size_t Reserved = size_t(32) << 30;
        constexpr size_t Alignment = 256;
        // The gap between two allocations is at least this large, so that an access beyond the end of one is detected.
        constexpr size_t Gap = 4096;
        constexpr size_t Page = 4096;

        void* reserve_range(size_t bytes)
        {
            void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            return p == MAP_FAILED ? nullptr : p;
        }

        // Returns whole pages to the system; they read as zeros afterward.
        void drop(void* start, size_t bytes)
        {
            uintptr_t first = (reinterpret_cast<uintptr_t>(start) + Page - 1) / Page * Page;
            uintptr_t end = (reinterpret_cast<uintptr_t>(start) + bytes) / Page * Page;
            if (first < end) madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
        }

        size_t span(size_t bytes) { return (bytes + Gap + Alignment - 1) / Alignment * Alignment; }
    }

    DeviceMemory& device_memory()
    {
        static auto* memory = new DeviceMemory;
        return *memory;
    }

    namespace
    {
        template <class F> void each_word(Region& region, uintptr_t address, size_t bytes, F change)
        {
            size_t first = address - region.start, end = first + bytes;
            for (size_t at = first; at < end;)
            {
                size_t word = at / 4, stop = word * 4 + 4 < end ? word * 4 + 4 : end;
                auto mask = WordState(((1u << (stop - at)) - 1) << (at % 4));
                change(region.state[word], mask);
                at = stop;
            }
        }
    }

    void mark_exists(Region& region, uintptr_t address, size_t bytes)
    {
        size_t whole = (address - region.start) % 4 ? 0 : bytes / 4;
        std::memset(region.state + (address - region.start) / 4, 0xf0, whole);
        each_word(region, address + whole * 4, bytes - whole * 4,
            [](WordState& state, WordState mask) { state = WordState((state | mask << 4) & ~mask); });
    }

    void mark_written(Region& region, uintptr_t address, size_t bytes, bool written)
    {
        size_t whole = (address - region.start) % 4 ? 0 : bytes / 4;
        std::memset(region.state + (address - region.start) / 4, written ? 0xff : 0xf0, whole);
        each_word(region, address + whole * 4, bytes - whole * 4,
            [=](WordState& state, WordState mask)
            { state = written ? WordState(state | mask) : WordState(state & ~mask); });
    }

    void DeviceMemory::reserve()
    {
        if (region.size) return;
        void* data = reserve_range(Reserved);
        void* state = reserve_range(Reserved / 4);
        void* race = reserve_range(Reserved / 4 * sizeof(Race));
        if (!data || !state || !race) return;
        region.start = reinterpret_cast<uintptr_t>(data);
        region.state = static_cast<WordState*>(state);
        region.race = static_cast<Race*>(race);
        region.size = Reserved;
        next_ = region.start + Gap;
    }

    // The next free range after the latest allocation, so that freed addresses stay unused for as long as possible.
    uintptr_t DeviceMemory::find_room(size_t bytes) const
    {
        uintptr_t end = region.start + region.size;
        for (uintptr_t from : {next_, region.start + Gap})
        {
            for (auto at = allocations_.lower_bound(from);; ++at)
            {
                uintptr_t stop = at == allocations_.end() ? end : at->first;
                if (from + span(bytes) <= stop) return from;
                if (at == allocations_.end()) break;
                from = at->first + span(at->second);
            }
        }
        return 0;
    }

    uintptr_t DeviceMemory::allocate(size_t bytes)
    {
        reserve();
        if (bytes > limit() || used_ > limit() - bytes) return 0;
        uintptr_t at = take_room(bytes);
        if (at) used_ += bytes;
        return at;
    }

    uintptr_t DeviceMemory::allocate_for_module(size_t bytes)
    {
        reserve();
        uintptr_t at = take_room(bytes);
        if (at) of_modules_.insert(at);
        return at;
    }

    uintptr_t DeviceMemory::take_room(size_t bytes)
    {
        uintptr_t at = find_room(bytes);
        if (!at) return 0;
        allocations_[at] = bytes;
        next_ = at + span(bytes);
        // NaN, whatever the type: a result that nobody computed is also visible on the host.
        std::memset(reinterpret_cast<void*>(at), 0xff, bytes);
        mark_exists(region, at, bytes);
        return at;
    }

    void DeviceMemory::hide(uintptr_t address)
    {
        size_t words = (allocations_.at(address) + 3) / 4;
        std::memset(region.state + (address - region.start) / 4, 0, words);
    }

    void DeviceMemory::show(uintptr_t address)
    {
        auto found = allocations_.find(address);
        if (found != allocations_.end()) mark_exists(region, address, found->second);
    }

    bool DeviceMemory::promise(uintptr_t address)
    {
        auto found = allocations_.find(address);
        if (found == allocations_.end() || of_modules_.count(address) || !promised_.insert(address).second) {
            return false;
        }

        used_ -= found->second;
        return true;
    }

    void DeviceMemory::release_promised()
    {
        for (uintptr_t address : std::set<uintptr_t>(promised_)) release(address);
    }

    bool DeviceMemory::release(uintptr_t address)
    {
        auto found = allocations_.find(address);
        if (found == allocations_.end()) return false;
        size_t bytes = found->second, words = (bytes + 3) / 4, first = (address - region.start) / 4;
        std::memset(region.state + first, 0, words);
        drop(region.race + first, words * sizeof(Race));
        drop(reinterpret_cast<void*>(address), bytes);
        if (!of_modules_.erase(address) && !promised_.erase(address)) used_ -= bytes;
        allocations_.erase(found);
        return true;
    }

    std::vector<uintptr_t> DeviceMemory::addresses() const
    {
        std::vector<uintptr_t> all;
        for (auto& [address, bytes] : allocations_)
            if (!of_modules_.count(address) && !promised_.count(address)) all.push_back(address);
        return all;
    }

    const std::pair<const uintptr_t, size_t>* DeviceMemory::nearest(uintptr_t address) const
    {
        auto above = allocations_.upper_bound(address);
        return above == allocations_.begin() ? nullptr : &*std::prev(above);
    }

    bool DeviceMemory::holds(uintptr_t address, size_t bytes) const
    {
        auto* below = nearest(address);
        return below && !promised_.count(below->first) && address - below->first <= below->second
            && bytes <= below->second - (address - below->first);
    }

    void DeviceMemory::forget_races()
    {
        if (region.size) drop(region.race, region.size / 4 * sizeof(Race));
    }

    size_t DeviceMemory::limit() const { return static_cast<size_t>(setting_number("SIMT_MEMORY", 4LL << 30)); }
}
