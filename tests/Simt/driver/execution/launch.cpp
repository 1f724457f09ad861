#include "launch.h"
#include "../../ptx/ptx.h"
#include "check.h"
#include "../report.h"
#include "../settings.h"
#include "shared.h"
#include "sync.h"
#include <algorithm>
#include <memory>

namespace simt
{
    const Function* running;

    namespace
    {
        constexpr size_t SharedOfMultiprocessor = 228 << 10;
        constexpr int SpinLimit = 20000;

        const Launch* current;
        std::vector<void*> argument_pointers;
        uint32_t first_serial, next_serial = 1;
        int failure_code;

        Stacks& stacks()
        {
            static auto* all = new Stacks;
            return *all;
        }

        Dim place_in_grid(uint64_t i)
        {
            Dim grid = current->grid;
            return {unsigned(i % grid.x), unsigned(i / grid.x % grid.y), unsigned(i / grid.x / grid.y)};
        }

        void enter(const Block& block)
        {
            reach.dynamic_shared.first_serial = reach.static_shared.first_serial = block.serial;
        }

        int finish(Block::Outcome outcome, const Block& block)
        {
            if (outcome == Block::Outcome::Finished) return Success;
            if (outcome == Block::Outcome::Failed) return failure_code;
            bool barrier = std::any_of(block.threads.begin(), block.threads.end(),
                [](const Thread& thread) { return thread.state == State::AtBarrier; });
            const char* what = outcome == Block::Outcome::Spinning ? "deadlock: no thread that is waited for goes on"
                               : barrier
                                   ? "barrier divergence: not all threads of the block come to the same __syncthreads"
                                   : "partial warp operation: not all lanes that the mask names come to it";
            report(std::string(what) + "\n  in kernel " + running->name + block.describe_waiting());
            return LaunchFailed;
        }

        // Runs blocks one after another, in a random order; none may wait for another.
        int run_in_turn(Random& random)
        {
            static auto* block = new Block;
            block->prepare(current->block);
            uint64_t count = current->grid.count();
            // A random start and a step coprime to the count visit every block once.
            uint64_t at = random.below(uint32_t(count)), step = count > 2 ? random.below(uint32_t(count - 1)) + 1 : 1;
            while (std::__gcd(step, count) != 1) ++step;
            for (uint64_t i = 0; i < count; ++i, at = (at + step) % count)
            {
                block->start(place_in_grid(at), first_serial + uint32_t(at), stacks(), 0);
                enter(*block);
                shared_memory().renew();
                Block::Outcome outcome = block->run(random);
                for (int tries = 0; outcome == Block::Outcome::Spinning && tries < SpinLimit; ++tries)
                    outcome = block->run(random);
                if (int code = finish(outcome, *block)) return code;
            }
            return Success;
        }

        // Runs all blocks in turns, each until it waits for another one.
        int run_together(Random& random)
        {
            struct Resident
            {
                Block block;
                std::vector<SharedMemory::Piece> shared;
                bool done = false;
            };
            uint32_t count = uint32_t(current->grid.count()), left = count;
            std::vector<Resident> all(count);
            for (uint32_t i = 0; i < count; ++i)
            {
                all[i].block.prepare(current->block);
                all[i].block.start(place_in_grid(i), first_serial + i, stacks(), i * current->block.count());
                shared_memory().renew();
                all[i].shared = shared_memory().save();
            }
            for (int tries = 0; left; ++tries)
            {
                uint32_t offset = random.below(count);
                for (uint32_t i = 0; i < count; ++i)
                {
                    Resident& resident = all[(i + offset) % count];
                    if (resident.done) continue;
                    enter(resident.block);
                    shared_memory().restore(resident.shared);
                    Block::Outcome outcome = resident.block.run(random);
                    if (outcome != Block::Outcome::Spinning || tries > SpinLimit)
                    {
                        if (int code = finish(outcome, resident.block)) return code;
                        resident.done = true;
                        --left;
                        tries = 0;
                        continue;
                    }
                    if (resident.block.progressed) tries = 0;
                    resident.shared = shared_memory().save();
                }
            }
            return Success;
        }
    }

    void run_kernel() { current->function->kernel->run(argument_pointers.data()); }

    bool failing() { return failure_code != 0; }

    void fail(int code, const std::string& what, const std::string& place)
    {
        failure_code = code;
        report(what + "\n  in kernel " + running->name + " at " + place + "\n  by " + name_of(*self));
        // The thread is abandoned; its stack is prepared anew for the next launch.
        wait(State::Done, self->site);
        __builtin_trap();
    }

    int multiprocessors() { return int(setting_number("SIMT_MULTIPROCESSORS", 4)); }

    int occupancy(const Function& function, unsigned threads, size_t dynamic_shared)
    {
        if (!threads || threads > function.kernel->max_threads) return 0;
        size_t shared = function.shared_bytes + dynamic_shared + 1024;
        unsigned warps = (threads + 31) / 32;
        return int(std::min<size_t>({32, 64 / warps, SharedOfMultiprocessor / shared}));
    }

    int validate(const Launch& launch)
    {
        Dim grid = launch.grid, block = launch.block;
        bool fits = grid.x && grid.y && grid.z && block.x && block.y && block.z && grid.y <= 65535 && grid.z <= 65535 &&
                    grid.x <= 0x7fffffff && block.x <= 1024 && block.y <= 1024 && block.z <= 64 &&
                    block.count() <= 1024;
        const Function& function = *launch.function;
        std::string name = "kernel " + function.name;
        if (!fits || grid.count() > Stamp::LastSerial / 2)
        {
            report(name + format(" was launched on a grid (%u,%u,%u) of blocks (%u,%u,%u), which no device takes",
                              grid.x, grid.y, grid.z, block.x, block.y, block.z));
            return InvalidValue;
        }
        if (block.count() > function.kernel->max_threads)
        {
            report(name + format(" was launched with %u threads a block, but its __launch_bounds__ say %u",
                              unsigned(block.count()), function.kernel->max_threads));
            return LaunchOutOfResources;
        }
        size_t total = function.shared_bytes + launch.dynamic_shared;
        if (total > function.dynamic_limit + (function.dynamic_limit > 48 << 10 ? function.shared_bytes : 0))
        {
            report(name + format(" needs %zu bytes of shared memory (%zu static, %u dynamic); allowed are %zu (48 KB, "
                                 "unless cuFuncSetAttribute raises it)",
                              total, function.shared_bytes, launch.dynamic_shared, function.dynamic_limit));
            return InvalidValue;
        }
        int resident = occupancy(function, unsigned(block.count()), launch.dynamic_shared) * multiprocessors();
        if (launch.cooperative && grid.count() > uint64_t(resident))
        {
            report(name + format(" was launched cooperatively with %u blocks, but only %d fit on the device at once",
                              unsigned(grid.count()), resident));
            return CooperativeLaunchTooLarge;
        }
        return Success;
    }

    namespace
    {
        // Each block of all launches has its own number.
        uint32_t number_blocks(uint32_t blocks)
        {
            if (next_serial > Stamp::LastSerial - blocks)
            {
                device_memory().forget_races();
                next_serial = 1;
            }
            next_serial += blocks;
            return next_serial - blocks;
        }
    }

    int run(const Launch& launch)
    {
        if (launch.function->ptx)
        {
            int code = ptx::run(launch, number_blocks(uint32_t(launch.grid.count())));
            if (code) make_sticky(Result(code));
            return code;
        }
        current = &launch;
        running = launch.function;
        failure_code = 0;
        argument_pointers.clear();
        for (auto& argument : launch.arguments) argument_pointers.push_back(const_cast<uint64_t*>(argument.data()));

        uint32_t blocks = uint32_t(launch.grid.count());
        first_serial = number_blocks(blocks);
        if (!stacks().ensure(launch.block.count() * (launch.cooperative ? blocks : 1))) return OutOfMemory;

        shared_memory().lay_out(*launch.function, launch.dynamic_shared);
        reach.device = device_memory().region;
        reach.device.first_serial = first_serial;
        reach.device.serials = blocks;
        reach.stack_start = stacks().start();
        reach.stack_size = stacks().size();
        reach.image_start = launch.function->module->start;
        reach.image_size = launch.function->module->size;
        forget_releases();

        Random random(uint64_t(setting_number("SIMT_SEED", 1)) * 1000003 + first_serial);
        int code = launch.cooperative ? run_together(random) : run_in_turn(random);
        current = nullptr;
        running = nullptr;
        if (code) make_sticky(Result(code));
        return code;
    }

    std::string describe_other(uint32_t serial, uint32_t thread)
    {
        Dim block = place_in_grid(serial - first_serial), size = current->block;
        return format("thread (%u,%u,%u) of block (%u,%u,%u)", thread % size.x, thread / size.x % size.y,
            thread / size.x / size.y, block.x, block.y, block.z);
    }

    std::string readable_name(const std::string& symbol)
    {
        // The name follows the last number.
        return symbol.compare(0, 2, "_Z") == 0 ? symbol.substr(symbol.find_last_of("0123456789") + 1) : symbol;
    }

    std::string describe_address(uintptr_t address)
    {
        if (reach.dynamic_shared.holds(address))
            return format("byte %zu of the dynamic shared memory, which has %u bytes",
                size_t(address - reach.dynamic_shared.start), current->dynamic_shared);
        if (reach.static_shared.holds(address))
        {
            const Symbol* below = nullptr;
            for (const Symbol& variable : running->shared)
                if (variable.address <= address && (!below || below->address < variable.address)) below = &variable;
            if (!below) return "the shared memory of another kernel";
            return format("byte %zu of the shared variable %s, which has %zu bytes", size_t(address - below->address),
                readable_name(below->name).c_str(), below->size);
        }
        if (!reach.device.holds(address))
            return format("0x%lx, where no memory of the device is", (unsigned long)address);
        auto* below = device_memory().nearest(address);
        if (!below) return format("0x%lx, before all memory of the device", (unsigned long)address);
        return format("byte %zu of the allocation 0x%lx, which has %zu bytes", size_t(address - below->first),
            (unsigned long)below->first, below->second);
    }
}

SIMT_API unsigned simt_block_size(int axis) { return simt::current->block[axis]; }
SIMT_API unsigned simt_grid_size(int axis) { return simt::current->grid[axis]; }
