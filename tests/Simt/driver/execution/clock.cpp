#include "clock.h"
#include "stamp.h"
#include <algorithm>

namespace simt
{
    bool Clock::knows(uint64_t stamp) const
    {
        auto block = blocks_.find(Stamp::serial(stamp));
        if (block == blocks_.end()) return false;
        uint32_t time = Stamp::time(stamp);
        if (time < block->second.all) return true;
        auto thread = block->second.threads.find(Stamp::thread(stamp));
        return thread != block->second.threads.end() && time < thread->second;
    }

    void Clock::learn(const Clock& other)
    {
        for (auto& [serial, theirs] : other.blocks_)
        {
            Known& mine = blocks_[serial];
            mine.all = std::max(mine.all, theirs.all);
            for (auto& [thread, time] : theirs.threads) mine.threads[thread] = std::max(mine.threads[thread], time);
        }
    }

    void Clock::learn(uint32_t serial, uint32_t all, uint32_t thread, uint32_t own)
    {
        Known& mine = blocks_[serial];
        mine.all = std::max(mine.all, all);
        mine.threads[thread] = std::max(mine.threads[thread], own);
    }
}
