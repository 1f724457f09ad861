// Runs a launch: its blocks are divided among threads of the host, in an order that the seed determines.
#include "../driver/api.h"
#include "../driver/execution/launch.h"
#include "../driver/report.h"
#include "../driver/settings.h"
#include "machine.h"
#include "meter.h"
#include "ptx.h"
#include <algorithm>
#include <cstring>
#include <numeric>
#include <thread>

namespace simt::ptx
{
    namespace
    {
        constexpr int SpinLimit = 20000;
        // With few blocks, one runs after the other: then the seed alone determines the effect of a race.
        constexpr uint64_t FewBlocks = 4;

        // A thread's block, whose memory is used again by each launch.
        BlockRun& workplace(size_t worker)
        {
            static auto* all = new std::vector<std::unique_ptr<BlockRun>>;
            while (all->size() <= worker) all->push_back(std::make_unique<BlockRun>());
            return *(*all)[worker];
        }

        size_t threads_for(uint64_t blocks)
        {
            auto cores = (long long)std::thread::hardware_concurrency();
            uint64_t wanted = uint64_t(std::max(1LL, setting_number("SIMT_THREADS", cores)));
            return blocks < FewBlocks ? 1 : size_t(std::min({wanted, blocks, uint64_t(64)}));
        }

        // Visits each block once: a random start, and a step coprime to the count.
        struct Order
        {
            uint64_t count, start, step;

            Order(uint64_t blocks, Random& random) : count(blocks), start(random.below(uint32_t(blocks)))
            {
                step = count > 2 ? random.below(uint32_t(count - 1)) + 1 : 1;
                while (std::gcd(step, count) != 1) ++step;
            }
            uint64_t at(uint64_t i) const { return (start + i % count * step) % count; }
        };

        [[noreturn]] void stuck(const BlockRun& block, Block::Outcome outcome)
        {
            bool barrier = std::any_of(block.warps.begin(), block.warps.end(), [](const Warp& warp) {
                return std::any_of(warp.splits, warp.splits + warp.count,
                    [](const Split& split) { return split.wait == Split::AtBarrier; });
            });
            const char* what = outcome == Block::Outcome::Spinning ? "deadlock: no thread that is waited for goes on"
                               : barrier
                                   ? "barrier divergence: not all threads of the block come to the same barrier"
                                   : "partial warp operation: not all lanes that the mask names come to it";
            throw Fault{LaunchFailed,
                std::string(what) + "\n  in kernel " + block.grid->program->name + block.describe_waiting()};
        }

        class Runner
        {
        public:
            Runner(GridRun& grid, uint64_t seed) : grid_(grid), seed_(seed), random_(seed + grid.first_serial) {}

            Counts run(bool cooperative)
            {
                uint64_t blocks = grid_.grid.count();
                Order order(blocks, random_);
                if (cooperative) together(blocks);
                else in_turn(order, threads_for(blocks));
                return counts_;
            }

            bool failed() const { return failed_; }
            const Fault& fault() const { return fault_; }

        private:
            GridRun& grid_;
            uint64_t seed_;
            Random random_;
            std::atomic<uint64_t> next_{0};
            std::atomic<bool> failed_{false};
            std::mutex lock_;
            Fault fault_{};
            Counts counts_;

            void in_turn(const Order& order, size_t threads)
            {
                std::vector<std::thread> others;
                for (size_t i = 0; i < threads; ++i) workplace(i);
                for (size_t i = 1; i < threads; ++i)
                    others.emplace_back([this, &order, i] { work(workplace(i), order); });
                work(workplace(0), order);
                for (std::thread& thread : others) thread.join();
            }

            void work(BlockRun& block, const Order& order)
            {
                guarded([&] {
                    block.prepare(grid_);
                    while (!failed_)
                    {
                        uint64_t i = next_++;
                        if (i >= order.count) break;
                        uint64_t at = order.at(i);
                        block.start(grid_.place(at), grid_.first_serial + uint32_t(at));
                        Random random(seed_ + block.serial);
                        Block::Outcome outcome = block.run(random);
                        for (int tries = 0; outcome == Block::Outcome::Spinning && tries < SpinLimit; ++tries)
                            outcome = block.run(random);
                        if (outcome != Block::Outcome::Finished) stuck(block, outcome);
                    }
                    collect(block);
                });
            }

            // Runs all blocks in turns, each until it waits for another one.
            void together(uint64_t count)
            {
                guarded([&] {
                    std::vector<std::unique_ptr<BlockRun>> all;
                    for (uint64_t i = 0; i < count; ++i)
                    {
                        all.push_back(std::make_unique<BlockRun>());
                        all.back()->prepare(grid_);
                        all.back()->start(grid_.place(i), grid_.first_serial + uint32_t(i));
                    }
                    uint64_t left = count;
                    std::vector<bool> done(count);
                    for (int tries = 0; left; ++tries)
                    {
                        uint64_t offset = random_.below(uint32_t(count));
                        for (uint64_t k = 0; k < count; ++k)
                        {
                            uint64_t i = (k + offset) % count;
                            if (done[i]) continue;
                            Block::Outcome outcome = all[i]->run(random_);
                            if (all[i]->progressed) tries = 0;
                            if (outcome == Block::Outcome::Spinning && tries < SpinLimit) continue;
                            if (outcome != Block::Outcome::Finished) stuck(*all[i], outcome);
                            done[i] = true;
                            --left;
                            tries = 0;
                        }
                    }
                    for (auto& block : all) collect(*block);
                });
            }

            template <class F> void guarded(F act)
            {
                try
                {
                    act();
                }
                catch (const Fault& fault)
                {
                    std::lock_guard guard(lock_);
                    if (!failed_) fault_ = fault;
                    failed_ = true;
                }
            }

            void collect(const BlockRun& block)
            {
                std::lock_guard guard(lock_);
                const auto& pieces = grid_.program->pieces;
                for (size_t p = 0; p < pieces.size(); ++p)
                {
                    for (size_t c = 0; c < Classes; ++c)
                        counts_.classes[c] += block.times[p] * pieces[p].counts[c];
                    counts_.warp_instructions += block.times[p] * pieces[p].instructions;
                    counts_.thread_instructions += block.lanes[p] * pieces[p].instructions;
                    counts_.partly += block.partly[p] * pieces[p].instructions;
                    counts_.machine_instructions += block.times[p] * pieces[p].machine;
                }
                counts_.meter.add(block.meter);
            }
        };

        std::vector<char> packed(const Launch& launch, const Program& program)
        {
            std::vector<char> params;
            for (size_t i = 0; i < program.params.size(); ++i)
            {
                const Variable& param = program.params[i];
                params.resize(param.at + param.bytes);
                std::memcpy(params.data() + param.at, launch.arguments[i].data(), param.bytes);
            }
            return params;
        }
    }

    int run(const Launch& launch, uint32_t first_serial)
    {
        const Program& program = *launch.function->ptx->program;
        GridRun grid;
        grid.program = &program;
        grid.grid = launch.grid;
        grid.block = launch.block;
        grid.dynamic_shared = launch.dynamic_shared;
        grid.params = packed(launch, program);
        grid.device = device_memory().region;
        grid.device.first_serial = first_serial;
        grid.device.serials = uint32_t(launch.grid.count());
        grid.first_serial = first_serial;
        grid.metered = metering();
        Runner runner(grid, uint64_t(setting_number("SIMT_SEED", 1)) * 1000003);
        Counts counts = runner.run(launch.cooperative);
        if (runner.failed())
        {
            report(runner.fault().report);
            return runner.fault().code;
        }
        if (!grid.metered) return Success;
        counts.kernel = program.name;
        counts.blocks = launch.grid.count();
        counts.machine_instructions = (counts.machine_instructions + 50) / 100;
        for (int axis = 0; axis < 3; ++axis)
        {
            counts.grid[axis] = launch.grid[axis];
            counts.block[axis] = launch.block[axis];
        }
        remember(std::move(counts));
        return Success;
    }

    void fail(const Warp& warp, const Step& step, uint32_t lanes, int code, const std::string& what)
    {
        const BlockRun& block = *warp.block;
        const Program& program = *block.grid->program;
        std::string place = program.name + " at " + place_of(*program.module, step.line);
        throw Fault{code,
            what + "\n  in kernel " + place + "\n  by " + name_of(block, warp.thread(__builtin_ctz(lanes)))};
    }

    std::string describe(const Warp& warp, uint64_t address)
    {
        const GridRun& grid = *warp.block->grid;
        if (address - SharedWindow < WindowBytes)
        {
            uint64_t at = address - SharedWindow;
            if (at >= grid.dynamic_start() && grid.dynamic_shared)
                return format("byte %zu of the dynamic shared memory, which has %u bytes",
                    size_t(at - grid.dynamic_start()), grid.dynamic_shared);
            const Variable* below = nullptr;
            for (const Variable& variable : grid.program->shared)
                if (variable.at <= at && (!below || below->at < variable.at)) below = &variable;
            if (!below) return format("byte %zu of shared memory, of which there is none", size_t(at));
            return format("byte %zu of the shared variable %s, which has %zu bytes", size_t(at - below->at),
                readable_name(below->name).c_str(), size_t(below->bytes));
        }
        if (!grid.device.holds(address))
            return format("0x%lx, where no memory of the device is", (unsigned long)address);
        auto* below = device_memory().nearest(address);
        if (!below) return format("0x%lx, before all memory of the device", (unsigned long)address);
        return format("byte %zu of the allocation 0x%lx, which has %zu bytes", size_t(address - below->first),
            (unsigned long)below->first, below->second);
    }
}
