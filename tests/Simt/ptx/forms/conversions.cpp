// cvt between types, and cvta between state spaces.
#include "../../dialect/halves.h"
#include "lanes.h"
#include <cmath>
#include <limits>

namespace simt::ptx
{
    namespace
    {
        // Integers: truncated, or extended by the sign of the source.
        template <class D> struct Cast
        {
            template <class A> D operator()(A a) const { return static_cast<D>(a); }
        };
        template <class D> struct Saturate
        {
            template <class A> D operator()(A a) const
            {
                using L = std::numeric_limits<D>;
                bool below = std::is_signed_v<A> && (std::is_signed_v<D> ? (long long)a < (long long)L::min() : a < 0);
                bool above = a > 0 && (unsigned long long)a > (unsigned long long)L::max();
                return below ? L::min() : above ? L::max() : static_cast<D>(a);
            }
        };

        struct Nearest
        {
            float operator()(float a) const { return __builtin_nearbyintf(a); }
            double operator()(double a) const { return __builtin_nearbyint(a); }
        };
        struct Zero
        {
            float operator()(float a) const { return __builtin_truncf(a); }
            double operator()(double a) const { return __builtin_trunc(a); }
        };
        struct Down
        {
            float operator()(float a) const { return __builtin_floorf(a); }
            double operator()(double a) const { return __builtin_floor(a); }
        };
        struct Up
        {
            float operator()(float a) const { return __builtin_ceilf(a); }
            double operator()(double a) const { return __builtin_ceil(a); }
        };
        struct ToUnit
        {
            template <class T> T operator()(T a) const { return a >= T(0) ? a > T(1) ? T(1) : a : T(0); }
        };
        // The nearest whole number; a number that is too large becomes the largest, a NaN becomes zero.
        template <class D, class Round> struct Whole
        {
            template <class A> D operator()(A a) const
            {
                using L = std::numeric_limits<D>;
                A r = Round()(a), end = A(L::max() / 2 + 1) * 2;
                if (a != a) return 0;
                return r >= end ? L::max() : r < A(L::min()) ? L::min() : static_cast<D>(r);
            }
        };

        // A result of fewer than 32 bits is sign-extended to the 32 bits of its row.
        template <class D>
        using RowOf =
            std::conditional_t<(sizeof(D) < 4), std::conditional_t<std::is_signed_v<D>, int32_t, uint32_t>, D>;

        template <class D, class A> void add_whole(Table& t, const std::string& to, const std::string& from)
        {
            t["cvt." + to + "." + from] = lanewise<Cast<D>, RowOf<D>, A>(Class::Move);
            t["cvt.sat." + to + "." + from] = lanewise<Saturate<D>, RowOf<D>, A>(Class::Move);
        }

        template <class D> void add_to_whole(Table& t, const std::string& to)
        {
            constexpr Class C = Class::Move;
            add_whole<D, int8_t>(t, to, "s8");
            add_whole<D, uint8_t>(t, to, "u8");
            add_whole<D, int16_t>(t, to, "s16");
            add_whole<D, uint16_t>(t, to, "u16");
            add_whole<D, int32_t>(t, to, "s32");
            add_whole<D, uint32_t>(t, to, "u32");
            add_whole<D, int64_t>(t, to, "s64");
            add_whole<D, uint64_t>(t, to, "u64");
            t["cvt.rni." + to + ".f32"] = lanewise<Whole<D, Nearest>, RowOf<D>, float>(C);
            t["cvt.rzi." + to + ".f32"] = lanewise<Whole<D, Zero>, RowOf<D>, float>(C);
            t["cvt.rmi." + to + ".f32"] = lanewise<Whole<D, Down>, RowOf<D>, float>(C);
            t["cvt.rpi." + to + ".f32"] = lanewise<Whole<D, Up>, RowOf<D>, float>(C);
            t["cvt.rni." + to + ".f64"] = lanewise<Whole<D, Nearest>, RowOf<D>, double>(C);
            t["cvt.rzi." + to + ".f64"] = lanewise<Whole<D, Zero>, RowOf<D>, double>(C);
            t["cvt.rmi." + to + ".f64"] = lanewise<Whole<D, Down>, RowOf<D>, double>(C);
            t["cvt.rpi." + to + ".f64"] = lanewise<Whole<D, Up>, RowOf<D>, double>(C);
        }

        template <class D> void add_to_float(Table& t, const std::string& to)
        {
            constexpr Class C = Class::Move;
            t["cvt.rn." + to + ".s8"] = lanewise<Cast<D>, D, int8_t>(C);
            t["cvt.rn." + to + ".u8"] = lanewise<Cast<D>, D, uint8_t>(C);
            t["cvt.rn." + to + ".s16"] = lanewise<Cast<D>, D, int16_t>(C);
            t["cvt.rn." + to + ".u16"] = lanewise<Cast<D>, D, uint16_t>(C);
            t["cvt.rn." + to + ".s32"] = lanewise<Cast<D>, D, int32_t>(C);
            t["cvt.rn." + to + ".u32"] = lanewise<Cast<D>, D, uint32_t>(C);
            t["cvt.rn." + to + ".s64"] = lanewise<Cast<D>, D, int64_t>(C);
            t["cvt.rn." + to + ".u64"] = lanewise<Cast<D>, D, uint64_t>(C);
            t["cvt.rni." + to + "." + to] = lanewise<Nearest, D, D>(Class::Float);
            t["cvt.rzi." + to + "." + to] = lanewise<Zero, D, D>(Class::Float);
            t["cvt.rmi." + to + "." + to] = lanewise<Down, D, D>(Class::Float);
            t["cvt.rpi." + to + "." + to] = lanewise<Up, D, D>(Class::Float);
            t["cvt.sat." + to + "." + to] = lanewise<ToUnit, D, D>(Class::Float);
        }

        struct ToHalf
        {
            uint16_t operator()(float a) const { return to_half(a); }
        };
        struct OfHalf
        {
            float operator()(uint16_t a) const { return of_half(a); }
        };

        template <uint64_t Window> struct IntoGeneric
        {
            uint64_t operator()(uint64_t a) const { return a + Window; }
        };
        template <uint64_t Window> struct OutOfGeneric
        {
            uint64_t operator()(uint64_t a) const { return a - Window; }
        };

        template <uint64_t Window> void add_space(Table& t, const std::string& space)
        {
            t["cvta." + space + ".u64"] = lanewise<IntoGeneric<Window>, uint64_t, uint64_t>(Class::Move);
            t["cvta.to." + space + ".u64"] = lanewise<OutOfGeneric<Window>, uint64_t, uint64_t>(Class::Move);
        }
    }

    void add_conversions(Table& t)
    {
        add_to_whole<int8_t>(t, "s8");
        add_to_whole<uint8_t>(t, "u8");
        add_to_whole<int16_t>(t, "s16");
        add_to_whole<uint16_t>(t, "u16");
        add_to_whole<int32_t>(t, "s32");
        add_to_whole<uint32_t>(t, "u32");
        add_to_whole<int64_t>(t, "s64");
        add_to_whole<uint64_t>(t, "u64");
        add_to_float<float>(t, "f32");
        add_to_float<double>(t, "f64");
        t["cvt.f64.f32"] = lanewise<Cast<double>, double, float>(Class::Move);
        t["cvt.rn.f32.f64"] = lanewise<Cast<float>, float, double>(Class::Move);
        t["cvt.rn.f16.f32"] = lanewise<ToHalf, uint32_t, float>(Class::Move);
        t["cvt.f32.f16"] = lanewise<OfHalf, float, uint16_t>(Class::Move);
        add_space<0>(t, "global");
        add_space<0>(t, "const");
        add_space<SharedWindow>(t, "shared");
        add_space<LocalWindow>(t, "local");
    }
}
