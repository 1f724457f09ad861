// ld and st, in every state space.
#include "../../driver/api.h"
#include "../../driver/report.h"
#include "../checks/global_checks.h"
#include "lanes.h"
#include "../checks/spaces.h"

namespace simt::ptx
{
    namespace
    {
        // Loads N adjacent numbers of T, each widened to D.
        template <class Space, class T, class D, int N> void load(const Step& step, Warp& warp)
        {
            alignas(64) uint64_t at[Lanes];
            addresses(step, warp, N, at);
            const char* from[Lanes];
            Space::reach(step, warp, at, N * sizeof(T), {false, false}, from);
            char* to[N];
            for (int n = 0; n < N; ++n) to[n] = warp.row(step.row[size_t(n)]);
            auto each = [&](int lane) {
                T values[N];
                std::memcpy(values, from[lane], sizeof values);
                for (int n = 0; n < N; ++n) put<D>(to[n], lane, static_cast<D>(values[n]));
            };
            if (warp.mask == AllLanes)
                for (int lane = 0; lane < Lanes; ++lane) each(lane);
            else each_lane(warp.mask, each);
        }

        template <class Space, class T, int N> void store(const Step& step, Warp& warp)
        {
            alignas(64) uint64_t at[Lanes];
            addresses(step, warp, 0, at);
            const char* to[Lanes];
            Space::reach(step, warp, at, N * sizeof(T), {true, false}, to);
            const char* from[N];
            for (int n = 0; n < N; ++n) from[n] = warp.row(step.row[size_t(n + 1)]);
            each_lane(warp.mask, [&](int lane) {
                T values[N];
                for (int n = 0; n < N; ++n) values[n] = get<T>(from[n], lane);
                std::memcpy(const_cast<char*>(to[lane]), values, sizeof values);
            });
        }

        template <class Space, class T, class D, int N> void add_width(
            Table& table, const std::string& space, const std::string& type, Class kind)
        {
            std::vector<uint8_t> loads(N, size_of<D>), stores(N + 1, size_of<D>);
            loads.push_back(8);
            stores[0] = 8;
            Form form = stepwise(load<Space, T, D, N>, kind, N, loads);
            for (const char* cache : {"", ".nc", ".ca", ".cg", ".cs", ".lu", ".cv"})
                table["ld" + space + cache + type] = form;
            if (space == ".param") return;
            form = stepwise(store<Space, T, N>, kind, 0, stores);
            for (const char* cache : {"", ".wb", ".cg", ".cs", ".wt"}) table["st" + space + cache + type] = form;
        }

        template <class Space, class T, class D> void add_type(
            Table& table, const std::string& space, const std::string& type, Class kind)
        {
            add_width<Space, T, D, 1>(table, space, "." + type, kind);
            add_width<Space, T, D, 2>(table, space, ".v2." + type, kind);
            if constexpr (sizeof(T) < 8) add_width<Space, T, D, 4>(table, space, ".v4." + type, kind);
        }

        template <class Space> void add_space(Table& table, const std::string& space, Class kind)
        {
            for (const char* type : {"u8", "b8"}) add_type<Space, uint8_t, uint32_t>(table, space, type, kind);
            for (const char* type : {"u16", "b16"}) add_type<Space, uint16_t, uint32_t>(table, space, type, kind);
            add_type<Space, int8_t, int32_t>(table, space, "s8", kind);
            add_type<Space, int16_t, int32_t>(table, space, "s16", kind);
            for (const char* type : {"u32", "s32", "b32", "f32"})
                add_type<Space, uint32_t, uint32_t>(table, space, type, kind);
            for (const char* type : {"u64", "s64", "b64", "f64"})
                add_type<Space, uint64_t, uint64_t>(table, space, type, kind);
        }
    }

    void add_memory(Table& table)
    {
        add_space<Global>(table, ".global", Class::Global);
        add_space<Global>(table, ".const", Class::Global);
        add_space<Shared>(table, ".shared", Class::Shared);
        add_space<Local>(table, ".local", Class::Global);
        add_space<Param>(table, ".param", Class::Move);
        add_space<Generic>(table, "", Class::Global);
    }
}
