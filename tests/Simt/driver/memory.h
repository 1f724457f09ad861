// The device's memory: one reserved range of addresses, so that a comparison places every access, and two shadows: the
// state of each byte, and the last accesses of each word.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace simt
{
    // The last accesses of a word; see race.h.
    struct Race
    {
        uint64_t writer = 0, reader = 0, other_reader = 0;
        uint32_t writer_place = 0, reader_place = 0;
    };

    // One byte for each word of memory: the upper half marks the bytes that exist, the lower half those ever written.
    using WordState = uint8_t;

    struct Region
    {
        uintptr_t start = 0;
        size_t size = 0;
        WordState* state = nullptr;
        Race* race = nullptr;
        // The blocks that can collide here: for device memory all blocks of the launch, for shared memory the running
        // one.
        uint32_t first_serial = 0, serials = 0;

        bool holds(uintptr_t address) const { return address - start < size; }
    };

    void mark_exists(Region& region, uintptr_t address, size_t bytes);
    void mark_written(Region& region, uintptr_t address, size_t bytes, bool written = true);

    class DeviceMemory
    {
    public:
        Region region;

        // Returns 0 if the limit (SIMT_MEMORY, in bytes) would be exceeded.
        uintptr_t allocate(size_t bytes);
        // For a module's variables, which do not count as allocated.
        uintptr_t allocate_for_module(size_t bytes);
        bool release(uintptr_t address);
        // Frees it, except for work that a stream still has to do before it reaches the free. False if it is no
        // allocation.
        bool promise(uintptr_t address);
        bool is_promised(uintptr_t address) const { return promised_.count(address) != 0; }
        void release_promised();
        // Whether the allocation may be accessed yet.
        void hide(uintptr_t address);
        void show(uintptr_t address);
        // The allocation that contains the address, or the nearest one below it; null if there is none.
        const std::pair<const uintptr_t, size_t>* nearest(uintptr_t address) const;
        bool holds(uintptr_t address, size_t bytes) const;
        void forget_races();

        size_t limit() const;
        size_t used() const { return used_; }
        size_t count() const { return allocations_.size() - of_modules_.size() - promised_.size(); }
        std::vector<uintptr_t> addresses() const;

    private:
        std::map<uintptr_t, size_t> allocations_;
        std::set<uintptr_t> of_modules_, promised_;
        size_t used_ = 0;
        uintptr_t next_ = 0;

        void reserve();
        uintptr_t find_room(size_t bytes) const;
        uintptr_t take_room(size_t bytes);
    };

    DeviceMemory& device_memory();
}
