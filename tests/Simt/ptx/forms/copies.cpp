// cp.async: copies from device to shared memory that continue while the thread runs. The bytes are copied immediately,
// which is allowed; until the wait they count as undefined, and from the wait on as written.
#include "../../driver/api.h"
#include "../../driver/report.h"
#include "../checks/spaces.h"
#include <algorithm>

namespace simt::ptx
{
    namespace
    {
        // [to], [from], bytes, bytes that are read (the rest is filled with zeros)
        void copy(const Step& step, Warp& warp)
        {
            alignas(64) uint64_t to[Lanes], from[Lanes];
            const char *to_row = warp.row(step.row[0]), *from_row = warp.row(step.row[1]);
            const char* read_row = warp.row(step.row[3]);
            for (int lane = 0; lane < Lanes; ++lane)
            {
                to[lane] = get<uint64_t>(to_row, lane) + uint64_t(step.offset);
                from[lane] = get<uint64_t>(from_row, lane) + uint64_t(step.second);
            }
            uint32_t bytes = get<uint32_t>(warp.row(step.row[2]), 0), all = warp.mask, reads = 0, odd = 0;
            for (int lane = 0; lane < Lanes; ++lane)
            {
                uint32_t filled = get<uint32_t>(read_row, lane);
                reads |= uint32_t(filled != 0) << lane;
                odd |= uint32_t(filled != 0 && filled != bytes) << lane;
            }
            if (odd & all)
                fail(warp, step, odd & all, LaunchFailed, "an asynchronous copy that reads a part of its bytes");
            warp.copies.emplace_back();
            PendingCopy& pending = warp.copies.back();
            shared_addresses(step, warp, to, bytes, pending.to);
            if (warp.meter) warp.meter->shared(warp, pending.to, bytes);
            warp.block->checks.write(step, warp, pending.to, bytes);
            // A lane that only fills with zeros reads nothing.
            warp.mask = reads & all;
            if (warp.mask) check_global(step, warp, from, bytes, {false, false});
            warp.mask = all;
            each_lane(all, [&](int lane) {
                char* place = warp.shared + pending.to[lane];
                auto* source = reinterpret_cast<const char*>(from[lane]);
                if (!(reads >> lane & 1)) std::memset(place, 0, bytes);
                else if (bytes == 4) std::memcpy(place, source, 4);
                else std::memcpy(place, source, bytes);
                warp.block->checks.undefine(pending.to[lane], bytes);
            });
            pending.mask = all;
            pending.bytes = bytes;
            pending.line = step.line;
            std::copy(warp.committed.begin(), warp.committed.end(), pending.group);
        }

        // The copies of earlier groups are now complete for the lane that waited.
        template <class Before> void arrive(const Step& step, Warp& warp, Before before)
        {
            uint32_t all = warp.mask;
            std::vector<PendingCopy> left;
            for (PendingCopy& copy : warp.copies)
            {
                uint32_t done = 0;
                each_lane(copy.mask & all, [&](int lane) {
                    done |= uint32_t(before(lane, copy.group[lane])) << lane;
                });
                warp.mask = done;
                Step from = step;
                from.line = copy.line;
                if (done) warp.block->checks.write(from, warp, copy.to, copy.bytes);
                copy.mask &= ~done;
                if (copy.mask) left.push_back(copy);
            }
            warp.mask = all;
            warp.copies.swap(left);
        }

        void commit(const Step&, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) { ++warp.committed[size_t(lane)]; });
        }

        void wait_all(const Step& step, Warp& warp)
        {
            arrive(step, warp, [](int, uint32_t) { return true; });
        }

        void wait_group(const Step& step, Warp& warp)
        {
            uint32_t max = get<uint32_t>(warp.row(step.row[0]), 0);
            arrive(step, warp, [&](int lane, uint32_t group) {
                return uint64_t(group) + max < warp.committed[size_t(lane)];
            });
        }
    }

    void add_copies(Table& t)
    {
        Form form = stepwise(copy, Class::Global, 0, {8, 8, 4, 4});
        for (const char* way : {"ca", "cg"})
            for (const char* to : {"shared", "shared::cta"})
                t[std::string("cp.async.") + way + "." + to + ".global"] = form;
        t["cp.async.commit_group"] = stepwise(commit, Class::Control, 0, {});
        t["cp.async.wait_group"] = stepwise(wait_group, Class::Control, 0, {4});
        t["cp.async.wait_all"] = stepwise(wait_all, Class::Control, 0, {});
    }
}
