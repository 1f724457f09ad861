// The collective instructions of a warp: shuffles, votes, and the warp's barrier. run_warp starts them when all lanes
// of the mask have arrived.
#include "../../driver/api.h"
#include "../../driver/report.h"
#include "lanes.h"

namespace simt::ptx
{
    namespace
    {
        enum class Way
        {
            Up,
            Down,
            Across, // bfly
            Index
        };

        // d|p, a, b, c, mask: each lane takes the a of the lane that b names; p says whether that lane exists.
        template <Way W, bool Tells> void shuffle(const Step& step, Warp& warp)
        {
            constexpr size_t First = Tells ? 2 : 1;
            uint32_t values[Lanes], results[Lanes], there = 0;
            for (int lane = 0; lane < Lanes; ++lane) values[lane] = get<uint32_t>(warp.row(step.row[First]), lane);
            each_lane(warp.mask, [&](int lane) {
                uint32_t b = get<uint32_t>(warp.row(step.row[First + 1]), lane) & 31;
                uint32_t c = get<uint32_t>(warp.row(step.row[First + 2]), lane);
                uint32_t segment = c >> 8 & 31, clamp = c & 31, self = uint32_t(lane);
                uint32_t first = self & segment, last = first | (clamp & ~segment);
                int from = W == Way::Up       ? int(self) - int(b)
                           : W == Way::Down   ? int(self + b)
                           : W == Way::Across ? int(self ^ b)
                                              : int(first | (b & ~segment));
                bool inside = W == Way::Up ? from >= int(last) : from <= int(last);
                uint32_t source = inside ? uint32_t(from) : self;
                if (!(warp.mask >> source & 1))
                    fail(warp, step, 1u << lane, LaunchFailed,
                        format("a shuffle reads lane %u, which does not take part in it (lanes 0x%08x do)", source,
                            warp.mask));
                results[lane] = values[source];
                there |= uint32_t(inside) << lane;
            });
            each_lane(warp.mask, [&](int lane) {
                put<uint32_t>(warp.row(step.row[0]), lane, results[lane]);
                if (Tells) put<int32_t>(warp.row(step.row[1]), lane, there >> lane & 1 ? -1 : 0);
            });
        }

        template <Way W> void add_shuffle(Table& t, const std::string& way)
        {
            Form form = stepwise(shuffle<W, true>, Class::Move, 2, {4, 1, 4, 4, 4, 4});
            form.collective = true;
            t["shfl.sync." + way + ".b32"] = form;
        }

        enum class Vote
        {
            Ballot,
            Any,
            All
        };

        template <Vote V> void vote(const Step& step, Warp& warp)
        {
            uint32_t set = 0;
            each_lane(warp.mask, [&](int lane) {
                set |= uint32_t(get<int32_t>(warp.row(step.row[1]), lane) != 0) << lane;
            });
            uint32_t result = V == Vote::Ballot ? set
                              : V == Vote::Any  ? 0 - uint32_t(set != 0)
                                                : 0 - uint32_t(set == warp.mask);
            each_lane(warp.mask, [&](int lane) { put<uint32_t>(warp.row(step.row[0]), lane, result); });
        }

        template <Vote V> void add_vote(Table& t, const std::string& name, uint8_t result)
        {
            Form form = stepwise(vote<V>, Class::Control, 1, {result, 1, 4});
            form.collective = true;
            t["vote.sync." + name] = form;
        }

        // Accesses before the lanes met here are ordered before later ones.
        void meet(const Step&, Warp& warp)
        {
            WarpSync now{warp.mask, warp.block->checks.tick(), warp.block->tick()};
            warp.met = true;
            if (warp.mask == warp.alive) warp.synced = now;
            else each_lane(warp.mask, [&](int lane) { warp.partly_synced[size_t(lane)] = now; });
        }

        void active_lanes(const Step& step, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) { put<uint32_t>(warp.row(step.row[0]), lane, warp.mask); });
        }
    }

    void add_exchanges(Table& t)
    {
        add_shuffle<Way::Up>(t, "up");
        add_shuffle<Way::Down>(t, "down");
        add_shuffle<Way::Across>(t, "bfly");
        add_shuffle<Way::Index>(t, "idx");
        add_vote<Vote::Ballot>(t, "ballot.b32", 4);
        add_vote<Vote::Any>(t, "any.pred", 1);
        add_vote<Vote::All>(t, "all.pred", 1);
        Form barrier = stepwise(meet, Class::Control, 0, {4});
        barrier.collective = true;
        t["bar.warp.sync"] = barrier;
        t["activemask.b32"] = stepwise(active_lanes, Class::Move, 1, {4});
    }
}
