#include "spaces.h"
#include "../../driver/api.h"
#include "../../driver/report.h"

namespace simt::ptx
{
    namespace
    {
        [[noreturn, gnu::cold]] void refuse(
            const Step& step, const Warp& warp, int lane, uint64_t at, unsigned bytes, const std::string& where)
        {
            if (at % bytes)
                fail(warp, step, 1u << lane, MisalignedAddress,
                    format("misaligned: an access that must be at a multiple of %u bytes, at ", bytes) + where);
            fail(warp, step, 1u << lane, IllegalAddress,
                format("out of bounds: an access of %u bytes at ", bytes) + where);
        }

        // Returns whether all addresses of the mask's lanes are aligned and below an end.
        bool fit(const Warp& warp, const uint64_t* at, unsigned bytes, uint64_t end)
        {
            uint64_t bad = bytes > end;
            for (int lane = 0; lane < Lanes; ++lane)
            {
                uint64_t wrong = uint64_t(at[lane] > end - bytes) | (at[lane] & (bytes - 1));
                bad |= wrong & (0 - uint64_t(warp.mask >> lane & 1));
            }
            return !bad;
        }

        template <class F>
        void require_fit(const Step& step, const Warp& warp, const uint64_t* at, unsigned bytes, uint64_t end, F where)
        {
            if (__builtin_expect(fit(warp, at, bytes, end), true)) return;
            each_lane(warp.mask, [&](int lane) {
                if (bytes > end || at[lane] > end - bytes || at[lane] % bytes)
                    refuse(step, warp, lane, at[lane], bytes, where(at[lane]));
            });
        }
    }

    void shared_addresses(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, uint32_t* narrow)
    {
        require_fit(step, warp, at, bytes, warp.block->grid->shared_end(),
            [&](uint64_t address) { return describe(warp, SharedWindow + address); });
        for (int lane = 0; lane < Lanes; ++lane) narrow[lane] = uint32_t(at[lane]);
    }

    void Global::reach(
        const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places)
    {
        check_global(step, warp, at, bytes, access);
        for (int lane = 0; lane < Lanes; ++lane) places[lane] = reinterpret_cast<const char*>(at[lane]);
    }

    void Shared::reach(
        const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places)
    {
        uint32_t narrow[Lanes];
        shared_addresses(step, warp, at, bytes, narrow);
        if (warp.meter) warp.meter->shared(warp, narrow, bytes);
        if (access.write) warp.block->checks.write(step, warp, narrow, bytes);
        else warp.block->checks.read(step, warp, narrow, bytes);
        for (int lane = 0; lane < Lanes; ++lane) places[lane] = warp.shared + narrow[lane];
    }

    void Local::reach(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access, const char** places)
    {
        uint64_t size = warp.block->grid->program->local_bytes;
        require_fit(step, warp, at, bytes, size,
            [&](uint64_t address) { return format("byte %ld of a thread's own memory", long(address)); });
        for (uint64_t lane = 0; lane < Lanes; ++lane) places[lane] = warp.local + lane * size + at[lane];
    }

    void Param::reach(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access, const char** places)
    {
        require_fit(step, warp, at, bytes, warp.block->grid->params.size(),
            [&](uint64_t address) { return format("byte %ld of the parameters", long(address)); });
        for (int lane = 0; lane < Lanes; ++lane) places[lane] = warp.params + at[lane];
    }

    void Generic::reach(
        const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, Access access, const char** places)
    {
        uint32_t all = warp.mask, shared = 0, local = 0;
        uint64_t moved[Lanes];
        each_lane(all, [&](int lane) {
            shared |= uint32_t(at[lane] - SharedWindow < WindowBytes) << lane;
            local |= uint32_t(at[lane] - LocalWindow < WindowBytes) << lane;
        });
        auto take = [&](uint32_t mask, uint64_t window, auto reach) {
            if (!mask) return;
            const char* some[Lanes];
            for (int lane = 0; lane < Lanes; ++lane) moved[lane] = at[lane] - window;
            warp.mask = mask;
            reach(step, warp, moved, bytes, access, some);
            warp.mask = all;
            each_lane(mask, [&](int lane) { places[lane] = some[lane]; });
        };
        take(shared, SharedWindow, Shared::reach);
        take(local, LocalWindow, Local::reach);
        take(all & ~shared & ~local, 0, Global::reach);
    }
}
