// One stack for each CUDA thread, and the switch between them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace simt
{
    using StackPointer = void*;

    // Prepares a stack: the first switch to it calls `entry`, which must never return.
    StackPointer prepare_stack(char* top, void (*entry)());
    void switch_stack(StackPointer* save, StackPointer load);

    // Stacks side by side in one range of addresses, with an inaccessible page below each.
    class Stacks
    {
    public:
        static constexpr size_t Each = 64 << 10;

        bool ensure(size_t count);
        char* top(size_t index) const { return start_ + (index + 1) * Each; }
        uintptr_t start() const { return reinterpret_cast<uintptr_t>(start_); }
        size_t size() const { return count_ * Each; }

    private:
        char* start_ = nullptr;
        size_t count_ = 0;
    };
}
