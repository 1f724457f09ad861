#include "shared.h"
#include "check.h"
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

namespace simt
{
    SharedMemory& shared_memory()
    {
        static auto* memory = new SharedMemory;
        return *memory;
    }

    void* SharedMemory::dynamic_start()
    {
        if (!data_)
        {
            int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
            data_ = static_cast<char*>(mmap(nullptr, Reserve, PROT_READ | PROT_WRITE, flags, -1, 0));
            dynamic_state_.resize(Reserve / 4);
            dynamic_race_.resize(Reserve / 4);
        }
        return data_;
    }

    void SharedMemory::lay_out(Function& function, size_t dynamic_bytes)
    {
        Module& module = *function.module;
        auto dynamic = reinterpret_cast<uintptr_t>(dynamic_start());
        std::fill(dynamic_state_.begin(), dynamic_state_.end(), WordState(0));
        static_state_.assign(module.shared_size / 4 + 1, 0);
        if (static_race_.size() < static_state_.size()) static_race_.resize(static_state_.size());
        reach.dynamic_shared = {dynamic, Reserve, dynamic_state_.data(), dynamic_race_.data(), 0, 1};
        reach.static_shared = {
            module.shared_start, module.shared_size, static_state_.data(), static_race_.data(), 0, 1};

        ranges_.clear();
        if (dynamic_bytes) ranges_.push_back({&reach.dynamic_shared, dynamic, dynamic_bytes});
        for (const Symbol& variable : function.shared)
            ranges_.push_back({&reach.static_shared, variable.address, variable.size});
    }

    void SharedMemory::renew()
    {
        for (const Range& range : ranges_)
        {
            std::memset(reinterpret_cast<void*>(range.start), 0xff, range.bytes);
            mark_exists(*range.region, range.start, range.bytes);
        }
    }

    std::vector<SharedMemory::Piece> SharedMemory::save() const
    {
        std::vector<Piece> pieces;
        for (const Range& range : ranges_)
        {
            auto* data = reinterpret_cast<const char*>(range.start);
            auto* state = range.region->state + range.first_word();
            auto* race = range.region->race + range.first_word();
            pieces.push_back(
                {{data, data + range.bytes}, {state, state + range.words()}, {race, race + range.words()}});
        }
        return pieces;
    }

    void SharedMemory::restore(const std::vector<Piece>& pieces)
    {
        for (size_t i = 0; i < ranges_.size(); ++i)
        {
            const Range& range = ranges_[i];
            std::copy(pieces[i].data.begin(), pieces[i].data.end(), reinterpret_cast<char*>(range.start));
            std::copy(pieces[i].state.begin(), pieces[i].state.end(), range.region->state + range.first_word());
            std::copy(pieces[i].race.begin(), pieces[i].race.end(), range.region->race + range.first_word());
        }
    }
}
