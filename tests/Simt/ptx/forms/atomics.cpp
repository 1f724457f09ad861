// Atomics, fences, and loads and stores that are visible to other blocks. One lock guards all atomics of a launch.
#include "../../driver/api.h"
#include "../checks/spaces.h"
#include <algorithm>
#include <utility>

namespace simt::ptx
{
    namespace
    {
        struct Add
        {
            template <class T> T operator()(T old, T b, T) const { return old + b; }
        };
        struct Minimum
        {
            template <class T> T operator()(T old, T b, T) const { return std::min(old, b); }
        };
        struct Maximum
        {
            template <class T> T operator()(T old, T b, T) const { return std::max(old, b); }
        };
        struct And
        {
            template <class T> T operator()(T old, T b, T) const { return old & b; }
        };
        struct Or
        {
            template <class T> T operator()(T old, T b, T) const { return old | b; }
        };
        struct Xor
        {
            template <class T> T operator()(T old, T b, T) const { return old ^ b; }
        };
        struct Exchange
        {
            template <class T> T operator()(T, T b, T) const { return b; }
        };
        struct CompareAndSwap
        {
            template <class T> T operator()(T old, T b, T c) const { return old == b ? c : old; }
        };
        struct IncrementUpTo
        {
            template <class T> T operator()(T old, T b, T) const { return old >= b ? T(0) : T(old + 1); }
        };
        struct DecrementFrom
        {
            template <class T> T operator()(T old, T b, T) const { return old == 0 || old > b ? b : T(old - 1); }
        };

        // Polling an unchanged value: let other threads run.
        void poll(Warp& warp, uint64_t address, uint64_t value)
        {
            if (warp.polled_address == address && warp.polled_value == value) warp.spins = true;
            warp.polled_address = address;
            warp.polled_value = value;
        }

        // Each lane alone, with its effect on what others see of memory.
        template <class F>
        void each_atomically(const Step& step, Warp& warp, const uint64_t* at, unsigned bytes, bool writes, F act)
        {
            if (warp.meter) warp.meter->global(warp, at, bytes);
            Meter* meter = std::exchange(warp.meter, nullptr);
            std::lock_guard guard(warp.block->grid->lock);
            uint32_t all = warp.mask;
            each_lane(all, [&](int lane) {
                warp.mask = 1u << lane;
                // Whatever it will write, it first reads.
                check_global(step, warp, at, bytes, {false, true});
                if (writes) check_global(step, warp, at, bytes, {true, true});
                acquire(warp, lane, at[lane]);
                act(lane, reinterpret_cast<char*>(at[lane]));
                if (writes) release(warp, lane, at[lane]);
            });
            warp.mask = all;
            warp.meter = meter;
        }

        template <class Op, class T, bool Old, bool Three> void atomic(const Step& step, Warp& warp)
        {
            alignas(64) uint64_t at[Lanes];
            addresses(step, warp, Old ? 1 : 0, at);
            const char* second = warp.row(step.row[Old ? 2 : 1]);
            const char* third = Three ? warp.row(step.row[Old ? 3 : 2]) : second;
            uint64_t last = 0;
            each_atomically(step, warp, at, sizeof(T), true, [&](int lane, char* place) {
                T old;
                std::memcpy(&old, place, sizeof(T));
                T now = Op()(old, get<T>(second, lane), get<T>(third, lane));
                std::memcpy(place, &now, sizeof(T));
                if (Old) put<T>(warp.row(step.row[0]), lane, old);
                last = uint64_t(old);
            });
            poll(warp, at[31 - __builtin_clz(warp.mask)], last);
        }

        template <class T> void load_visible(const Step& step, Warp& warp)
        {
            alignas(64) uint64_t at[Lanes];
            addresses(step, warp, 1, at);
            uint64_t last = 0;
            each_atomically(step, warp, at, sizeof(T), false, [&](int lane, char* place) {
                T value;
                std::memcpy(&value, place, sizeof(T));
                put<T>(warp.row(step.row[0]), lane, value);
                last = uint64_t(value);
            });
            poll(warp, at[31 - __builtin_clz(warp.mask)], last);
        }

        template <class T> void store_visible(const Step& step, Warp& warp)
        {
            alignas(64) uint64_t at[Lanes];
            addresses(step, warp, 0, at);
            if (warp.meter) warp.meter->global(warp, at, sizeof(T));
            Meter* meter = std::exchange(warp.meter, nullptr);
            std::lock_guard guard(warp.block->grid->lock);
            check_global(step, warp, at, sizeof(T), {true, true});
            each_lane(warp.mask, [&](int lane) {
                T value = get<T>(warp.row(step.row[1]), lane);
                std::memcpy(reinterpret_cast<char*>(at[lane]), &value, sizeof(T));
                release(warp, lane, at[lane]);
            });
            warp.meter = meter;
        }

        void fence_step(const Step&, Warp& warp)
        {
            std::lock_guard guard(warp.block->grid->lock);
            fence(warp);
        }

        void trap(const Step& step, Warp& warp)
        {
            fail(warp, step, warp.mask, LaunchFailed, "the kernel stopped itself by __trap()");
        }

        template <class Op, class T> void add_atomic(Table& t, const std::string& name)
        {
            constexpr uint8_t S = sizeof(T);
            for (const char* order : {"", ".relaxed.gpu"})
                for (const char* space : {".global", ""})
                {
                    std::string middle = std::string(order) + space + "." + name;
                    t["atom" + middle] = stepwise(atomic<Op, T, true, false>, Class::Global, 1, {S, 8, S});
                    t["red" + middle] = stepwise(atomic<Op, T, false, false>, Class::Global, 0, {8, S});
                }
        }

        template <class T> void add_swap(Table& t, const std::string& type)
        {
            constexpr uint8_t S = sizeof(T);
            for (const char* space : {"global.", ""})
                t[std::string("atom.") + space + "cas." + type] =
                    stepwise(atomic<CompareAndSwap, T, true, true>, Class::Global, 1, {S, 8, S, S});
        }

        template <class T> void add_visible(Table& t, std::initializer_list<const char*> types)
        {
            constexpr uint8_t S = sizeof(T);
            for (std::string type : types)
                for (const char* space : {".global.", "."})
                {
                    for (const char* way : {"ld.volatile", "ld.acquire.gpu", "ld.relaxed.gpu"})
                        t[way + std::string(space) + type] = stepwise(load_visible<T>, Class::Global, 1, {S, 8});
                    for (const char* way : {"st.volatile", "st.release.gpu", "st.relaxed.gpu"})
                        t[way + std::string(space) + type] = stepwise(store_visible<T>, Class::Global, 0, {8, S});
                }
        }
    }

    void add_atomics(Table& t)
    {
        add_atomic<Add, uint32_t>(t, "add.u32");
        add_atomic<Add, uint32_t>(t, "add.s32");
        add_atomic<Add, uint64_t>(t, "add.u64");
        add_atomic<Add, float>(t, "add.f32");
        add_atomic<Minimum, uint32_t>(t, "min.u32");
        add_atomic<Minimum, int32_t>(t, "min.s32");
        add_atomic<Minimum, uint64_t>(t, "min.u64");
        add_atomic<Minimum, int64_t>(t, "min.s64");
        add_atomic<Maximum, uint32_t>(t, "max.u32");
        add_atomic<Maximum, int32_t>(t, "max.s32");
        add_atomic<Maximum, uint64_t>(t, "max.u64");
        add_atomic<Maximum, int64_t>(t, "max.s64");
        add_atomic<And, uint32_t>(t, "and.b32");
        add_atomic<Or, uint32_t>(t, "or.b32");
        add_atomic<Xor, uint32_t>(t, "xor.b32");
        add_atomic<Exchange, uint32_t>(t, "exch.b32");
        add_atomic<Exchange, uint64_t>(t, "exch.b64");
        add_atomic<IncrementUpTo, uint32_t>(t, "inc.u32");
        add_atomic<DecrementFrom, uint32_t>(t, "dec.u32");
        add_swap<uint32_t>(t, "b32");
        add_swap<uint64_t>(t, "b64");
        add_visible<uint32_t>(t, {"u32", "s32", "b32", "f32"});
        add_visible<uint64_t>(t, {"u64", "s64", "b64", "f64"});
        for (const char* name : {"membar.gl", "membar.sys", "fence.acq_rel.gpu", "fence.sc.gpu", "fence.acq_rel.sys"})
            t[name] = stepwise(fence_step, Class::Control, 0, {});
        // Within a block, barriers order the writes.
        t["membar.cta"] = t["fence.acq_rel.cta"] = stepwise([](const Step&, Warp&) {}, Class::Control, 0, {});
        t["trap"] = stepwise(trap, Class::Control, 0, {});
    }
}
