// Runs a block: its warps in an order that the seed decides, each until it waits, and the barriers.
#include "machine.h"
#include "../driver/api.h"
#include "../driver/report.h"
#include <algorithm>
#include <cstring>

namespace simt::ptx
{
    namespace
    {
        constexpr size_t CacheLine = 64;

        void fill(char* row, uint8_t bytes, uint64_t bits)
        {
            for (size_t lane = 0; lane < Lanes; ++lane) std::memcpy(row + bytes * lane, &bits, bytes);
        }

        int axis_of(const std::string& name) { return name.back() - 'x'; }

        bool starts(const std::string& text, const char* with) { return text.compare(0, std::strlen(with), with) == 0; }

        // Reads a special register that is constant for the launch; returns false if there is no such register.
        bool launch_special(const std::string& name, const GridRun& grid, uint32_t thread, uint32_t& value)
        {
            Dim size = grid.block;
            Dim index = {thread % size.x, thread / size.x % size.y, thread / size.x / size.y};
            uint32_t lane = thread % Lanes;
            if (starts(name, "%tid.")) value = index[axis_of(name)];
            else if (starts(name, "%ntid.")) value = size[axis_of(name)];
            else if (starts(name, "%nctaid.")) value = grid.grid[axis_of(name)];
            else if (name == "%laneid") value = lane;
            else if (name == "%warpid") value = thread / Lanes;
            else if (name == "%nwarpid") value = uint32_t(size.count() + Lanes - 1) / Lanes;
            else if (name == "WARP_SZ") value = Lanes;
            else if (name == "%lanemask_eq") value = 1u << lane;
            else if (name == "%lanemask_lt") value = (1u << lane) - 1;
            else if (name == "%lanemask_le") value = (2u << lane) - 1;
            else if (name == "%lanemask_gt") value = ~((2u << lane) - 1);
            else if (name == "%lanemask_ge") value = ~((1u << lane) - 1);
            else if (name == "%dynamic_smem_size") value = grid.dynamic_shared;
            else return false;
            return true;
        }
    }

    Dim GridRun::place(uint64_t block_number) const
    {
        return {unsigned(block_number % grid.x), unsigned(block_number / grid.x % grid.y),
            unsigned(block_number / grid.x / grid.y)};
    }

    void BlockRun::prepare(GridRun& of)
    {
        grid = &of;
        const Program& program = *of.program;
        uint32_t threads = uint32_t(of.block.count()), count = (threads + Lanes - 1) / Lanes;
        size_t stride = size_t(program.rows) * RowBytes + CacheLine;
        memory.resize(stride * count + CacheLine);
        shared.resize(of.shared_end() + CacheLine);
        local.resize(program.local_bytes * Lanes * count);
        checks.prepare(program, of.dynamic_start(), of.dynamic_shared);
        times.assign(program.pieces.size(), 0);
        lanes = partly = times;
        meter = {};
        warps = std::vector<Warp>(count);
        order.resize(count);
        char* at = memory.data() + (CacheLine - reinterpret_cast<uintptr_t>(memory.data()) % CacheLine);
        for (uint32_t i = 0; i < count; ++i, at += stride)
        {
            Warp& warp = warps[i];
            order[i] = i;
            warp.rows = at;
            warp.block = this;
            warp.number = i;
            warp.params = of.params.data();
            warp.shared = shared.data();
            warp.local = local.data() + program.local_bytes * Lanes * i;
            warp.meter = of.metered ? &meter : nullptr;
            uint32_t here = std::min<uint32_t>(Lanes, threads - i * Lanes);
            warp.present = here == Lanes ? AllLanes : (1u << here) - 1;
            for (const Constant& c : program.constants) fill(warp.row(c.row), c.bytes, c.bits);
            for (auto& [name, row] : program.specials)
                for (int lane = 0; lane < Lanes; ++lane)
                {
                    uint32_t value = 0;
                    if (!launch_special(name, of, warp.thread(lane), value) && !starts(name, "%ctaid."))
                        throw Fault{LaunchFailed, "kernel " + program.name + " reads " + name +
                                                      ", a special register that the executor does not know"};
                    std::memcpy(warp.row(row) + 4 * lane, &value, 4);
                }
        }
    }

    void BlockRun::start(Dim at, uint32_t number)
    {
        index = at;
        serial = number;
        time = 1;
        last_barrier = fenced = 0;
        known = Clock();
        checks.start_block();
        // Unwritten memory is NaN.
        std::memset(shared.data(), 0xff, shared.size());
        for (auto& [name, row] : grid->program->specials)
            if (starts(name, "%ctaid."))
                for (Warp& warp : warps) fill(warp.row(row), 4, index[axis_of(name)]);
        for (Warp& warp : warps)
        {
            warp.alive = warp.present;
            warp.count = 1;
            warp.splits[0] = {0, warp.present, Split::Runs};
            warp.synced = {};
            warp.met = false;
            warp.partly_synced = {};
            warp.fenced = {};
            for (auto& clock : warp.acquired) clock.reset();
            warp.copies.clear();
            warp.committed = {};
            warp.polled_address = 0;
            warp.spins = false;
            warp.defined.assign(grid->program->maybe_undefined.size(), 0);
        }
    }

    uint32_t BlockRun::tick()
    {
        // After eight million synchronizations time stands still, and later orders are not seen.
        return time < Stamp::LastTime ? ++time : time;
    }

    Block::Outcome BlockRun::run(Random& random)
    {
        progressed = false;
        for (;;)
        {
            bool before = progressed;
            progressed = false;
            for (uint32_t i = uint32_t(order.size()); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
            bool done = true, spinning = false;
            for (uint32_t i : order)
            {
                Warp& warp = warps[i];
                warp.spins = false;
                progressed |= run_warp(warp);
                done &= warp.count == 0;
                spinning |= warp.spins;
            }
            if (done) return Block::Outcome::Finished;
            if (open_barrier())
            {
                progressed = true;
                continue;
            }
            if (!progressed)
            {
                progressed = before;
                return spinning ? Block::Outcome::Spinning : Block::Outcome::Stuck;
            }
        }
    }

    // A barrier opens when all lanes that have not returned wait at it. As in hardware, whole warps may have returned,
    // but not single lanes of a warp.
    bool BlockRun::open_barrier()
    {
        int at = -1;
        for (const Warp& warp : warps)
        {
            if (!warp.count) continue;
            const Split& split = warp.splits[0];
            if (at < 0) at = split.piece;
            if (warp.count > 1 || split.wait != Split::AtBarrier || split.piece != at || split.mask != warp.present)
                return false;
        }
        last_barrier = tick();
        checks.open_barrier();
        for (Warp& warp : warps)
        {
            for (auto& clock : warp.acquired)
            {
                if (clock) known.learn(*clock);
                clock.reset();
            }
            for (int s = 0; s < warp.count; ++s) warp.splits[s].wait = Split::Runs;
        }
        return true;
    }

    std::string name_of(const BlockRun& block, uint32_t thread)
    {
        Dim size = block.grid->block;
        return format("thread (%u,%u,%u) of block (%u,%u,%u)", thread % size.x, thread / size.x % size.y,
            thread / size.x / size.y, block.index.x, block.index.y, block.index.z);
    }

    std::string BlockRun::describe_waiting() const
    {
        std::string text;
        int shown = 0;
        for (const Warp& warp : warps)
        {
            for (int s = 0; s < warp.count && shown < 8; ++s, ++shown)
            {
                const Split& split = warp.splits[s];
                // The next piece begins after a barrier.
                size_t at = size_t(split.piece) - (split.wait == Split::AtBarrier);
                const Piece& piece = grid->program->pieces[at];
                const char* how = split.wait == Split::AtBarrier ? "wait at the barrier of"
                                  : split.wait == Split::InWarp  ? "wait for other lanes at"
                                                                 : "go on at";
                text += format("\n  lanes 0x%08x of warp %u %s ", split.mask, warp.number, how) +
                        place_of(*grid->program->module, piece.line) + "; the first is " +
                        name_of(*this, warp.thread(__builtin_ctz(split.mask)));
            }
            uint32_t gone = warp.present & ~warp.alive;
            if (warp.count && gone) text += format("\n  lanes 0x%08x of warp %u have returned", gone, warp.number);
        }
        return text;
    }
}
