// setp: comparisons. For floating-point numbers, "lt" is false with a NaN and "ltu" true.
#include "lanes.h"

namespace simt::ptx
{
    namespace
    {
#define COMPARISON(NAME, TEST)                                                                                         \
    struct NAME                                                                                                        \
    {                                                                                                                  \
        template <class T> Pred operator()(T a, T b) const { return {-int32_t(TEST)}; }                                \
    };
        COMPARISON(Equal, a == b)
        COMPARISON(NotEqual, a < b || a > b)
        COMPARISON(Less, a < b)
        COMPARISON(LessOrEqual, a <= b)
        COMPARISON(Greater, a > b)
        COMPARISON(GreaterOrEqual, a >= b)
        COMPARISON(EqualOrNan, !(a < b || a > b))
        COMPARISON(NotEqualOrNan, !(a == b))
        COMPARISON(LessOrNan, !(a >= b))
        COMPARISON(LessOrEqualOrNan, !(a > b))
        COMPARISON(GreaterOrNan, !(a <= b))
        COMPARISON(GreaterOrEqualOrNan, !(a < b))
        COMPARISON(AnyNan, a != a || b != b)
        COMPARISON(BothNumbers, a == a && b == b)
#undef COMPARISON

        template <class Compare, class T>
        void add_comparison(Table& t, const std::string& name, const std::string& type, Class kind)
        {
            t["setp." + name + "." + type] = lanewise<Compare, Pred, T, T>(kind);
        }

        template <class T> void add_type(Table& t, const std::string& type, Class kind)
        {
            add_comparison<Equal, T>(t, "eq", type, kind);
            add_comparison<NotEqual, T>(t, "ne", type, kind);
            add_comparison<Less, T>(t, "lt", type, kind);
            add_comparison<LessOrEqual, T>(t, "le", type, kind);
            add_comparison<Greater, T>(t, "gt", type, kind);
            add_comparison<GreaterOrEqual, T>(t, "ge", type, kind);
        }

        template <class T> void add_unsigned(Table& t, const std::string& type)
        {
            add_type<T>(t, type, Class::Integer);
            add_comparison<Less, T>(t, "lo", type, Class::Integer);
            add_comparison<LessOrEqual, T>(t, "ls", type, Class::Integer);
            add_comparison<Greater, T>(t, "hi", type, Class::Integer);
            add_comparison<GreaterOrEqual, T>(t, "hs", type, Class::Integer);
        }

        template <class T> void add_bits(Table& t, const std::string& type)
        {
            add_comparison<Equal, T>(t, "eq", type, Class::Integer);
            add_comparison<NotEqual, T>(t, "ne", type, Class::Integer);
        }

        template <class T> void add_float(Table& t, const std::string& type)
        {
            constexpr Class C = Class::Float;
            add_type<T>(t, type, C);
            add_comparison<EqualOrNan, T>(t, "equ", type, C);
            add_comparison<NotEqualOrNan, T>(t, "neu", type, C);
            add_comparison<LessOrNan, T>(t, "ltu", type, C);
            add_comparison<LessOrEqualOrNan, T>(t, "leu", type, C);
            add_comparison<GreaterOrNan, T>(t, "gtu", type, C);
            add_comparison<GreaterOrEqualOrNan, T>(t, "geu", type, C);
            add_comparison<AnyNan, T>(t, "nan", type, C);
            add_comparison<BothNumbers, T>(t, "num", type, C);
        }
    }

    void add_comparisons(Table& t)
    {
        add_type<int16_t>(t, "s16", Class::Integer);
        add_type<int32_t>(t, "s32", Class::Integer);
        add_type<int64_t>(t, "s64", Class::Integer);
        add_unsigned<uint16_t>(t, "u16");
        add_unsigned<uint32_t>(t, "u32");
        add_unsigned<uint64_t>(t, "u64");
        add_bits<uint16_t>(t, "b16");
        add_bits<uint32_t>(t, "b32");
        add_bits<uint64_t>(t, "b64");
        add_float<float>(t, "f32");
        add_float<double>(t, "f64");
    }
}
