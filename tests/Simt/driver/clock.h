// A block's knowledge of the others: an access of another block is ordered before ours if a fence and an atomic
// followed it there and our atomic then read that value.
#pragma once
#include <cstdint>
#include <map>

namespace simt
{
    // Accesses of a block are known if they are older than `all`, or older than their own thread's entry.
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
