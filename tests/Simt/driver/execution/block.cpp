#include "block.h"
#include "../report.h"
#include <algorithm>

namespace simt
{
    Thread* self;

    namespace
    {
        StackPointer scheduler;
    }

    // Implemented next to the launch, which knows the kernel.
    void run_kernel();

    void wait(State state, const Site& site)
    {
        self->state = state;
        self->site = site;
        switch_stack(&self->stack, scheduler);
    }

    static void thread_body()
    {
        run_kernel();
        wait(State::Done, self->site);
        __builtin_trap();
    }

    void Thread::set_time(uint32_t time) { stamp = Stamp::of(block->serial, number, time); }

    uint32_t Block::tick()
    {
        // After eight million synchronizations the clock stops, and later ordering errors are not detected.
        return time < Stamp::LastTime ? ++time : time;
    }

    void Block::prepare(Dim size)
    {
        if (threads.size() != size.count()) threads = std::vector<Thread>(size.count());
        warp_order_.resize((threads.size() + 31) / 32);
        for (uint32_t i = 0; i < warp_order_.size(); ++i) warp_order_[i] = i;
        for (uint32_t i = 0; i < threads.size(); ++i)
        {
            threads[i].block = this;
            threads[i].number = i;
            threads[i].index = {i % size.x, i / size.x % size.y, i / size.x / size.y};
        }
    }

    void Block::start(Dim at, uint32_t number, const Stacks& stacks, size_t first_stack)
    {
        index = at;
        serial = number;
        time = 1;
        last_barrier = fenced = 0;
        known = Clock();
        for (Thread& thread : threads)
        {
            thread.stack = prepare_stack(stacks.top(first_stack + thread.number), thread_body);
            thread.state = State::Ready;
            thread.site = {};
            thread.fenced = 0;
            thread.left = false;
            thread.acquired.reset();
            thread.polled = nullptr;
            thread.all = nullptr;
            thread.groups.clear();
            thread.open_group.clear();
            std::fill(std::begin(thread.seen), std::end(thread.seen), 0);
            thread.set_time(time);
        }
    }

    uint32_t Block::warp_size(uint32_t warp) const
    {
        return std::min<uint32_t>(32, uint32_t(threads.size()) - warp * 32);
    }

    Block::Outcome Block::run(Random& random)
    {
        progressed = false;
        for (bool before;;)
        {
            before = progressed;
            progressed = false;
            for (uint32_t i = uint32_t(warp_order_.size()); i > 1; --i)
                std::swap(warp_order_[i - 1], warp_order_[random.below(i)]);
            for (uint32_t warp : warp_order_)
            {
                run_warp(warp, random);
                if (failing()) return Outcome::Failed;
            }
            size_t done = 0, spinning = 0;
            for (const Thread& thread : threads)
            {
                done += thread.state == State::Done;
                spinning += thread.state == State::Spinning;
            }
            if (done == threads.size()) return Outcome::Finished;
            if (try_barrier()) continue;
            if (!progressed)
            {
                progressed = before;
                return spinning ? Outcome::Spinning : Outcome::Stuck;
            }
        }
    }

    // Runs a warp until all its lanes wait for others.
    void Block::run_warp(uint32_t warp, Random& random)
    {
        Thread* lanes = &threads[warp * 32];
        for (uint32_t i = 0; i < warp_size(warp); ++i)
            if (lanes[i].state == State::Spinning) lanes[i].state = State::Ready;
        while (run_lanes(warp, random) && !failing() && complete_collectives(warp))
        {
        }
    }

    bool Block::run_lanes(uint32_t warp, Random& random)
    {
        // An odd factor and an offset permute the 32 lanes, at the cost of two numbers for each round.
        uint32_t choice = random.below(512), factor = choice | 1, offset = choice >> 4;
        bool ran = false;
        for (uint32_t i = 0; i < 32; ++i)
        {
            uint32_t lane = (i * factor + offset) & 31;
            if (lane >= warp_size(warp)) continue;
            Thread& thread = threads[warp * 32 + lane];
            if (thread.state != State::Ready) continue;
            ran = true;
            self = &thread;
            switch_stack(&scheduler, thread.stack);
            self = nullptr;
            if (failing()) return true;
            progressed |= thread.state != State::Spinning;
        }
        return ran;
    }

    // Releases the lanes whose masks' lanes have all joined; lanes that have exited need not join.
    bool Block::complete_collectives(uint32_t warp)
    {
        const Thread* lanes = &threads[warp * 32];
        uint32_t alive = 0, waiting = 0;
        for (uint32_t i = 0; i < warp_size(warp); ++i)
        {
            alive |= uint32_t(lanes[i].state != State::Done) << i;
            waiting |= uint32_t(lanes[i].state == State::InWarp) << i;
        }
        bool any = false;
        while (waiting)
        {
            const Thread& leader = lanes[__builtin_ctz(waiting)];
            uint32_t together = 0;
            for (uint32_t rest = waiting; rest; rest &= rest - 1)
            {
                const Thread& lane = lanes[__builtin_ctz(rest)];
                bool same = lane.mask == leader.mask && lane.site.line == leader.site.line &&
                            lane.site.file == leader.site.file && lane.collective == leader.collective;
                together |= uint32_t(same) << lane.lane();
            }
            waiting &= ~together;
            if (together != (leader.mask & alive)) continue;
            complete(warp, leader, together);
            any = true;
        }
        return any;
    }

    void Block::complete(uint32_t warp, const Thread& leader, uint32_t together)
    {
        Thread* lanes = &threads[warp * 32];
        uint64_t slots[32] = {};
        uint32_t seen[32] = {}, ballot = 0;
        bool orders = leader.collective == Collective::Barrier;
        uint32_t now = orders ? tick() : 0;
        for (uint32_t rest = together; rest; rest &= rest - 1)
        {
            uint32_t i = uint32_t(__builtin_ctz(rest));
            slots[i] = lanes[i].bits;
            ballot |= uint32_t(lanes[i].bits != 0) << i;
            if (orders)
                for (int j = 0; j < 32; ++j) seen[j] = std::max(seen[j], lanes[i].seen[j]);
        }
        for (uint32_t rest = together; rest; rest &= rest - 1)
            if (orders) seen[__builtin_ctz(rest)] = now;
        for (uint32_t rest = together; rest; rest &= rest - 1)
        {
            Thread& lane = lanes[__builtin_ctz(rest)];
            lane.state = State::Ready;
            lane.mask = together;
            lane.bits = lane.collective == Collective::Ballot ? ballot : slots[lane.source & 31];
            if (lane.all) std::copy(slots, slots + 32, lane.all);
            if (!orders) continue;
            std::copy(seen, seen + 32, lane.seen);
            lane.set_time(now);
        }
    }

    bool Block::try_barrier()
    {
        const Thread* first = nullptr;
        for (const Thread& thread : threads)
        {
            if (thread.left) continue;
            if (!first) first = &thread;
            if (thread.state != State::AtBarrier || thread.site.number != first->site.number ||
                thread.site.file != first->site.file || thread.site.line != first->site.line)
                return false;
        }
        release_barrier();
        return true;
    }

    void Block::release_barrier()
    {
        int count = 0;
        size_t there = 0;
        for (const Thread& thread : threads)
        {
            if (thread.left) continue;
            count += thread.predicate;
            ++there;
        }
        last_barrier = tick();
        for (Thread& thread : threads)
        {
            if (thread.left) continue;
            if (thread.acquired) known.learn(*thread.acquired);
            thread.acquired.reset();
            bool all = count == int(there);
            thread.barrier_result = thread.barrier_kind == 1 ? count : thread.barrier_kind == 2 ? all : count > 0;
            thread.state = State::Ready;
            thread.set_time(last_barrier);
        }
    }

    std::string name_of(const Thread& t)
    {
        return format("thread (%u,%u,%u) of block (%u,%u,%u)", t.index.x, t.index.y, t.index.z, t.block->index.x,
            t.block->index.y, t.block->index.z);
    }

    std::string name_of(const Site& site) { return format("%s:%d", site.file, site.line); }

    namespace
    {
        std::string doing(const Thread& thread)
        {
            switch (thread.state)
            {
                case State::Done: return "has exited";
                case State::AtBarrier: return "waits at the __syncthreads of " + name_of(thread.site);
                case State::InWarp:
                    return format("waits in the warp operation of %s for the lanes 0x%08x",
                        name_of(thread.site).c_str(), thread.mask);
                case State::Spinning: return "waits for another block, or for a value that nobody writes";
                default: return "could go on";
            }
        }
    }

    std::string Block::describe_waiting() const
    {
        std::string text;
        std::vector<std::string> said;
        for (const Thread& thread : threads)
        {
            std::string what = doing(thread);
            if (std::find(said.begin(), said.end(), what) != said.end()) continue;
            said.push_back(what);
            text += "\n  " + name_of(thread) + " " + what;
            if (said.size() == 6) break;
        }
        return text;
    }
}
