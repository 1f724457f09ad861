// A running block: its threads, what each waits for, and the orders in which they run.
#pragma once
#include "clock.h"
#include "fiber.h"
#include "stamp.h"
#include <memory>
#include <string>
#include <vector>

namespace simt
{
    struct Dim
    {
        unsigned x, y, z;
        unsigned operator[](int axis) const { return axis == 0 ? x : axis == 1 ? y : z; }
        uint64_t count() const { return uint64_t(x) * y * z; }
    };

    // Where in the .cu a function was called.
    struct Site
    {
        const char* file = "";
        int line = 0, number = 0;
    };

    enum class State : uint8_t
    {
        Ready,
        AtBarrier,
        InWarp,
        Spinning,
        Done
    };
    enum class Collective : uint8_t
    {
        Barrier,
        Ballot,
        Shuffle,
        Exchange
    };

    struct Copy
    {
        char* to;
        const char* from;
        uint32_t bytes, filled;
    };

    struct Block;

    struct Thread
    {
        StackPointer stack = nullptr;
        Block* block = nullptr;
        Dim index = {};
        uint32_t number = 0;
        State state = State::Ready;
        Site site;

        // Barriers and warp collectives: the request and the answer.
        int barrier_kind = 0, predicate = 0, barrier_result = 0;
        Collective collective = Collective::Barrier;
        uint32_t mask = 0, source = 0;
        uint64_t bits = 0, *all = nullptr;

        // The order of accesses: this thread's stamp, and how much of each lane's past a __syncwarp has ordered before
        // it.
        uint64_t stamp = 0;
        uint32_t seen[32] = {};
        uint32_t fenced = 0;
        std::unique_ptr<Clock> acquired;

        // Whether it has announced that it leaves, so that the block's barriers do not wait for it.
        bool left = false;

        // The latest atomic or volatile read, to detect a thread that spins.
        const void* polled = nullptr;
        uint64_t polled_value = 0;

        // Asynchronous copies: finished groups in order, then the open one.
        std::vector<std::vector<Copy>> groups;
        std::vector<Copy> open_group;

        uint32_t lane() const { return number & 31; }
        uint32_t warp() const { return number >> 5; }
        void set_time(uint32_t time);
    };

    // A small generator (xorshift64*): for one seed, the orders must be the same on every machine.
    class Random
    {
    public:
        explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 0x2545f4914f6cdd1dull) {}
        uint32_t below(uint32_t bound)
        {
            state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
            return uint32_t(((state_ * 0x2545f4914f6cdd1dull) >> 32) * bound >> 32);
        }

    private:
        uint64_t state_;
    };

    struct Block
    {
        Dim index = {};
        uint32_t serial = 0;
        std::vector<Thread> threads;
        // One clock for all threads of the block: it ticks when some of them synchronize or fence.
        uint32_t time = 1, last_barrier = 0, fenced = 0;
        Clock known;

        void prepare(Dim block_size);
        void start(Dim at, uint32_t number, const Stacks& stacks, size_t first_stack);
        uint32_t tick();

        enum class Outcome
        {
            Finished,
            Spinning,
            Stuck,
            Failed
        };
        Outcome run(Random& random);
        // Whether in the latest run any thread did more than spin.
        bool progressed = false;
        // Why no thread can continue: who waits where.
        std::string describe_waiting() const;

    private:
        std::vector<uint32_t> warp_order_;

        void run_warp(uint32_t warp, Random& random);
        bool run_lanes(uint32_t warp, Random& random);
        bool complete_collectives(uint32_t warp);
        void complete(uint32_t warp, const Thread& leader, uint32_t lanes);
        bool try_barrier();
        void release_barrier();
        uint32_t warp_size(uint32_t warp) const;
    };

    // The thread that runs now; null while the host does.
    extern Thread* self;

    // Ends the kernel from within a thread; does not return.
    [[noreturn]] void fail(int code, const std::string& what, const std::string& place);
    bool failing();

    std::string name_of(const Thread& thread);
    std::string name_of(const Site& site);
    void wait(State state, const Site& site);
}
