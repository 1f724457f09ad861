// Turns a function of numbers into one of rows: loops over 32 lanes, which g++ compiles to vector instructions.
#pragma once
#include "forms.h"
#include "../machine.h"
#include <cstring>
#include <type_traits>

namespace simt::ptx
{
    // A number of fewer than 4 bytes occupies 4 in its row; the upper ones are zero.
    template <class T> inline T get(const char* row, int lane)
    {
        if constexpr (sizeof(T) >= 4)
        {
            T value;
            std::memcpy(&value, row + sizeof(T) * size_t(lane), sizeof(T));
            return value;
        }
        else
        {
            uint32_t value;
            std::memcpy(&value, row + 4 * size_t(lane), 4);
            return static_cast<T>(value);
        }
    }

    template <class T> inline void put(char* row, int lane, T value)
    {
        if constexpr (sizeof(T) >= 4) std::memcpy(row + sizeof(T) * size_t(lane), &value, sizeof(T));
        else
        {
            uint32_t wide = static_cast<std::make_unsigned_t<T>>(value);
            std::memcpy(row + 4 * size_t(lane), &wide, 4);
        }
    }

    // For each active lane, one after the other.
    template <class F> inline void each_lane(uint32_t mask, F act)
    {
        for (; mask; mask &= mask - 1) act(__builtin_ctz(mask));
    }

    // A predicate is -1 or 0, so that it is a mask.
    struct Pred
    {
        int32_t value;
    };
    static_assert(sizeof(Pred) == 4);

    template <class T> constexpr uint8_t size_of = std::is_same_v<T, Pred> ? 1 : uint8_t(sizeof(T));

    // Arithmetic cannot fail: if some lanes are inactive, all compute, and the inactive ones keep their values.
    template <bool Whole, class Op, class D, class... A, size_t... I>
    inline void map_rows(const Step& step, Warp& warp, std::index_sequence<I...>)
    {
        char* to = warp.row(step.row[0]);
        const char* from[] = {warp.row(step.row[I + 1])...};
        uint32_t mask = warp.mask;
#pragma GCC ivdep
        for (int lane = 0; lane < Lanes; ++lane)
        {
            D result = Op()(get<A>(from[I], lane)...);
            if constexpr (!Whole) result = mask >> lane & 1 ? result : get<D>(to, lane);
            put<D>(to, lane, result);
        }
    }

    template <bool Whole, class Op, class D, class... A> void map_lanes(const Step& step, Warp& warp)
    {
        map_rows<Whole, Op, D, A...>(step, warp, std::index_sequence_for<A...>());
    }

    // An instruction that computes a D from an A of each operand, lane by lane: Op()(a, b, …).
    template <class Op, class D, class... A> Form lanewise(Class kind)
    {
        return {map_lanes<true, Op, D, A...>, map_lanes<false, Op, D, A...>, kind, 1, {size_of<D>, size_of<A>...}};
    }

    // An instruction that one function implements completely, for the lanes in warp.mask.
    inline Form stepwise(Handler handler, Class kind, int writes, std::vector<uint8_t> sizes)
    {
        return {handler, handler, kind, writes, std::move(sizes)};
    }
}
