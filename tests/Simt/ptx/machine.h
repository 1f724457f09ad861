// Runs a program: warps of 32 lanes in a block, which belongs to one thread of the host.
#pragma once
#include "../driver/execution/block.h"
#include "../driver/execution/clock.h"
#include "../driver/memory.h"
#include "counts.h"
#include "program.h"
#include "checks/shared_checks.h"
#include <atomic>
#include <mutex>
#include <unordered_map>

namespace simt
{
    struct Launch;
}

namespace simt::ptx
{
    // A kernel's failure: the driver's error code and the report.
    struct Fault
    {
        int code;
        std::string report;
    };

    // The lanes of a warp at one place in the program.
    struct Split
    {
        enum Wait : uint8_t
        {
            Runs,
            AtBarrier,
            InWarp // for the lanes in a mask
        };
        int piece;
        uint32_t mask;
        Wait wait;
    };

    // An asynchronous copy for which its lanes have not yet waited.
    struct PendingCopy
    {
        uint32_t mask;
        uint32_t bytes;
        int32_t line;
        uint32_t to[Lanes];
        uint32_t group[Lanes];
    };

    // The time when lanes of a warp met at a __syncwarp.
    struct WarpSync
    {
        uint32_t mask = 0, shared = 0, block = 0;
    };

    struct GridRun;
    struct BlockRun;

    struct Warp
    {
        char* rows = nullptr;
        uint32_t mask = 0; // the active lanes of the current step
        BlockRun* block = nullptr;
        const char* params = nullptr;
        char* shared = nullptr;
        char* local = nullptr;
        Meter* meter = nullptr;

        uint32_t number = 0;
        uint32_t present = 0, alive = 0; // lanes that exist; that have not returned
        Split splits[Lanes];
        int count = 0;

        // The time of the latest __syncwarp of all lanes, on the clock of shared memory and on that of the block. The
        // latter orders accesses to global memory. And for each lane, its latest __syncwarp of some lanes.
        WarpSync synced;
        bool met = false; // at any __syncwarp of this block
        std::array<WarpSync, Lanes> partly_synced = {};
        std::array<uint32_t, Lanes> fenced = {};
        std::array<std::unique_ptr<Clock>, Lanes> acquired;

        std::vector<PendingCopy> copies;
        std::array<uint32_t, Lanes> committed = {};

        // The latest value that a lane polled, to detect spinning.
        uint64_t polled_address = 0, polled_value = 0;
        bool spins = false;

        // The lanes that have written the registers that might be read before they are written.
        std::vector<uint32_t> defined;

        uint32_t thread(int lane) const { return number * Lanes + uint32_t(lane); }
        char* row(int number_of_row) const { return rows + size_t(number_of_row) * RowBytes; }
    };

    // A running block: all its state, so that blocks that wait for each other can take turns.
    struct BlockRun
    {
        GridRun* grid = nullptr;
        Dim index = {};
        uint32_t serial = 0;
        // One clock for all threads of the block: it ticks when some of them synchronize or fence.
        uint32_t time = 1, last_barrier = 0, fenced = 0;
        Clock known;
        std::vector<Warp> warps;
        std::vector<char> memory, shared, local;
        SharedChecks checks;
        Meter meter;
        std::vector<uint64_t> times, lanes, partly; // by piece
        std::vector<uint32_t> order;
        bool progressed = false;

        void prepare(GridRun& grid);
        void start(Dim at, uint32_t serial);
        Block::Outcome run(Random& random);
        uint32_t tick();
        std::string describe_waiting() const;

    private:
        bool open_barrier();
    };

    // A running launch, shared by all threads of the host that run it.
    struct GridRun
    {
        const Program* program;
        Dim grid, block;
        uint32_t dynamic_shared;
        std::vector<char> params;
        Region device;
        uint32_t first_serial;
        bool metered;
        // The accesses that an atomic access to an address publishes to later ones; one lock guards all atomics.
        std::mutex lock;
        std::unordered_map<uint64_t, Clock> releases;

        uint64_t shared_end() const { return dynamic_start() + dynamic_shared; }
        uint64_t dynamic_start() const { return (program->shared_end + 127) / 128 * 128; }
        Dim place(uint64_t block_number) const;
    };

    // Runs a warp until all its lanes have returned or wait. Returns whether it did more than poll.
    bool run_warp(Warp& warp);
    // Returns the set lanes of a predicate's row.
    uint32_t bits_of(const char* row);

    // Stops the launch with a report that names the kernel, the line and the thread of the first of these lanes.
    [[noreturn]] void fail(const Warp& warp, const Step& step, uint32_t lanes, int code, const std::string& what);
    std::string name_of(const BlockRun& block, uint32_t thread);
    // Returns the allocation or shared variable that contains an address or precedes it.
    std::string describe(const Warp& warp, uint64_t address);
}
