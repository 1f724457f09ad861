#include "sync.h"
#include "../api.h"
#include "check.h"
#include "launch.h"
#include "../report.h"
#include "shared.h"
#include <algorithm>
#include <chrono>
#include <cstring>
#include <unordered_map>

namespace simt
{
    namespace
    {
        // The accesses that an atomic access to an address publishes to later ones.
        std::unordered_map<uintptr_t, Clock>& releases()
        {
            static auto* all = new std::unordered_map<uintptr_t, Clock>;
            return *all;
        }

        uintptr_t caller(void* address) { return reinterpret_cast<uintptr_t>(address); }

        void acquire(uintptr_t address)
        {
            auto found = releases().find(address);
            if (found == releases().end()) return;
            if (!self->acquired) self->acquired = std::make_unique<Clock>();
            self->acquired->learn(found->second);
        }

        // Publishes the accesses before the latest fence: this thread's own, and those of the block that a barrier
        // ordered before it.
        void release(uintptr_t address)
        {
            Block& block = *self->block;
            bool learned = self->acquired || !block.known.empty();
            if (!block.fenced && !learned) return;
            Clock& clock = releases()[address];
            clock.learn(block.known);
            if (self->acquired) clock.learn(*self->acquired);
            clock.learn(block.serial, std::min(block.fenced, block.last_barrier), self->number, self->fenced);
        }

        // Polling an unchanged value: let other threads run.
        void poll(const void* address, uint64_t value)
        {
            bool again = self->polled == address && self->polled_value == value;
            self->polled = address;
            self->polled_value = value;
            if (again) wait(State::Spinning, self->site);
        }

        uint64_t load(const void* address, size_t bytes)
        {
            uint64_t value = 0;
            std::memcpy(&value, address, bytes);
            return value;
        }

        void join(Collective what, uint32_t mask, const char* file, int line, void* place)
        {
            if (!(mask >> self->lane() & 1))
                fail(LaunchFailed,
                    format("a lane takes part in a warp operation whose mask 0x%08x does not name it", mask),
                    describe_place(caller(place)));
            self->collective = what;
            self->mask = mask;
            wait(State::InWarp, {file, line, 0});
        }

        void poll_volatile(void* address, size_t bytes, void* place)
        {
            check(caller(address), bytes, {false, true}, caller(place));
            bool on_stack = caller(address) - reach.stack_start < reach.stack_size;
            if (!self || on_stack) return;
            poll(address, load(address, bytes));
            acquire(caller(address));
        }
    }

    void forget_releases() { releases().clear(); }
}

using namespace simt;

SIMT_API unsigned simt_thread_index(int axis) { return self->index[axis]; }
SIMT_API unsigned simt_block_index(int axis) { return self->block->index[axis]; }
SIMT_API void simt_leave() { self->left = true; }
SIMT_API unsigned simt_lane() { return self->lane(); }
SIMT_API void* simt_dynamic_shared() { return shared_memory().dynamic_start(); }

SIMT_API int simt_barrier(int kind, int predicate, const char* file, int line, int site)
{
    self->barrier_kind = kind;
    self->predicate = predicate;
    wait(State::AtBarrier, {file, line, site});
    return self->barrier_result;
}

SIMT_API void simt_warp_barrier(unsigned mask, const char* file, int line)
{
    join(Collective::Barrier, mask, file, line, __builtin_return_address(0));
}

SIMT_API unsigned simt_ballot(unsigned mask, int predicate, const char* file, int line)
{
    self->bits = uint64_t(predicate);
    join(Collective::Ballot, mask, file, line, __builtin_return_address(0));
    return unsigned(self->bits);
}

SIMT_API unsigned long long simt_shuffle(
    unsigned mask, unsigned long long bits, unsigned source, const char* file, int line)
{
    self->bits = bits;
    self->source = source;
    join(Collective::Shuffle, mask, file, line, __builtin_return_address(0));
    if (!(self->mask >> source & 1))
        fail(LaunchFailed,
            format("a shuffle reads lane %u, which does not take part in it (lanes 0x%08x do)", source, self->mask),
            describe_place(caller(__builtin_return_address(0))));
    return self->bits;
}

SIMT_API unsigned simt_exchange(
    unsigned mask, unsigned long long bits, unsigned long long* all, const char* file, int line)
{
    uint64_t slots[32];
    self->bits = bits;
    self->all = slots;
    join(Collective::Exchange, mask, file, line, __builtin_return_address(0));
    self->all = nullptr;
    std::copy(slots, slots + 32, all);
    return self->mask;
}

SIMT_API unsigned simt_active_lanes() { return 1u << self->lane(); }

SIMT_API void simt_fence()
{
    Block& block = *self->block;
    self->fenced = block.fenced = block.tick();
    self->set_time(block.time);
}

SIMT_API void simt_trap(const char* what, const char* file, int line)
{
    int code = std::strncmp(what, "assert", 6) == 0 ? Assert : LaunchFailed;
    fail(code, std::string("the kernel stopped itself by ") + what, name_of(Site{file, line, 0}));
}

SIMT_API unsigned long long simt_clock()
{
    return uint64_t(std::chrono::steady_clock::now().time_since_epoch().count());
}

SIMT_API unsigned long long simt_atomic_begin(const void* address, unsigned bytes, int writes)
{
    uintptr_t place = caller(__builtin_return_address(0)), at = reinterpret_cast<uintptr_t>(address);
    if (at % bytes)
        fail(MisalignedAddress, format("misaligned: an atomic access of %u bytes at ", bytes) + describe_address(at),
            describe_place(place));
    // Whatever it will write, it first reads.
    check(at, bytes, {false, true}, place);
    uint64_t value = load(address, bytes);
    poll(address, value);
    if (writes) check(at, bytes, {true, true}, place);
    acquire(at);
    return load(address, bytes);
}

SIMT_API void simt_atomic_end(void* address, unsigned long long bits, unsigned bytes)
{
    std::memcpy(address, &bits, bytes);
    release(reinterpret_cast<uintptr_t>(address));
}

SIMT_API void simt_copy_bytes(void* to, const void* from, size_t bytes)
{
    uintptr_t place = caller(__builtin_return_address(0));
    check(reinterpret_cast<uintptr_t>(from), bytes, {false, false}, place);
    check(caller(to), bytes, {true, false}, place);
    std::memmove(to, from, bytes);
}

SIMT_API void simt_fill_bytes(void* to, int value, size_t bytes)
{
    check(caller(to), bytes, {true, false}, caller(__builtin_return_address(0)));
    std::memset(to, value, bytes);
}

SIMT_API void simt_copy_async(void* to, const void* from, unsigned bytes, unsigned filled)
{
    uintptr_t place = caller(__builtin_return_address(0)), target = caller(to);
    if (target % bytes || (filled && reinterpret_cast<uintptr_t>(from) % bytes))
        fail(MisalignedAddress,
            format("misaligned: an asynchronous copy of %u bytes to ", bytes) + describe_address(target),
            describe_place(place));
    if (filled) check(reinterpret_cast<uintptr_t>(from), filled, {false, false}, place);
    check(target, bytes, {true, false}, place);
    // Until the wait, the destination is undefined.
    for (Region* region : {&reach.static_shared, &reach.dynamic_shared})
        if (region->holds(target)) mark_written(*region, target, bytes, false);
    self->open_group.push_back({static_cast<char*>(to), static_cast<const char*>(from), bytes, filled});
}

SIMT_API void simt_copy_async_commit()
{
    self->groups.push_back(std::move(self->open_group));
    self->open_group.clear();
}

SIMT_API void simt_copy_async_wait(int groups_left)
{
    uintptr_t place = caller(__builtin_return_address(0));
    while (int(self->groups.size()) > groups_left)
    {
        for (const Copy& copy : self->groups.front())
        {
            check(caller(copy.to), copy.bytes, {true, false}, place);
            std::memcpy(copy.to, copy.from, copy.filled);
            std::memset(copy.to + copy.filled, 0, copy.bytes - copy.filled);
        }
        self->groups.erase(self->groups.begin());
    }
}

// A volatile access may be visible to other blocks: it does not race, and a repeated one is a wait.
#define SIMT_VOLATILE(n)                                                                                               \
    SIMT_API void __tsan_volatile_read##n(void* p) { poll_volatile(p, n, __builtin_return_address(0)); }               \
    SIMT_API void __tsan_volatile_write##n(void* p)                                                                    \
    {                                                                                                                  \
        check(caller(p), n, {true, true}, caller(__builtin_return_address(0)));                                        \
        if (self) release(caller(p));                                                                                  \
    }                                                                                                                  \
    SIMT_API void __tsan_unaligned_volatile_read##n(void* p) { poll_volatile(p, n, __builtin_return_address(0)); }     \
    SIMT_API void __tsan_unaligned_volatile_write##n(void* p) { __tsan_volatile_write##n(p); }

SIMT_VOLATILE(1)
SIMT_VOLATILE(2)
SIMT_VOLATILE(4)
SIMT_VOLATILE(8)
SIMT_VOLATILE(16)
