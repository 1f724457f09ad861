// What one block knows about the others: an access of another block that precedes a fence and an atomic there, and then
// an atomic here, is ordered before later accesses here.
#pragma once
#include <cstdint>
#include <map>

namespace simt
{
    // Accesses of a block are known if they are older than `all`; those of single threads if older than their own
    // entry.
    struct Known
    {
        uint32_t all = 0;
        std::map<uint32_t, uint32_t> threads;
    };

    class Clock
    {
    public:
        bool empty() const { return blocks_.empty(); }
        bool knows(uint64_t stamp) const;
        void learn(const Clock& other);
        void learn(uint32_t serial, uint32_t all, uint32_t thread, uint32_t own);

    private:
        std::map<uint32_t, Known> blocks_;
    };
}
