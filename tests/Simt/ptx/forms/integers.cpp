// Arithmetic and logic of integers, and moves. Overflow wraps, so sums are those of unsigned numbers.
#include "../../driver/api.h"
#include "lanes.h"

namespace simt::ptx
{
    namespace
    {
        template <class T> using Bits = std::make_unsigned_t<T>;
        template <class T> constexpr unsigned WidthOf = 8 * sizeof(T);
        template <class T>
        using Twice = std::conditional_t<sizeof(T) == 8,
            std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>,
            std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>>>;

        struct Add
        {
            template <class T> T operator()(T a, T b) const { return T(Bits<T>(a) + Bits<T>(b)); }
        };
        struct Subtract
        {
            template <class T> T operator()(T a, T b) const { return T(Bits<T>(a) - Bits<T>(b)); }
        };
        struct MultiplyLow
        {
            template <class T> T operator()(T a, T b) const
            {
                using Wide = std::conditional_t<sizeof(T) == 2, uint32_t, Bits<T>>;
                return T(Wide(a) * Wide(b));
            }
        };
        struct MultiplyHigh
        {
            template <class T> T operator()(T a, T b) const { return T(Twice<T>(a) * b >> WidthOf<T>); }
        };
        struct MultiplyWide
        {
            template <class T> Twice<T> operator()(T a, T b) const { return Twice<T>(a) * b; }
        };
        struct MultiplyAddLow
        {
            template <class T> T operator()(T a, T b, T c) const { return Add()(MultiplyLow()(a, b), c); }
        };
        struct MultiplyAddHigh
        {
            template <class T> T operator()(T a, T b, T c) const { return Add()(MultiplyHigh()(a, b), c); }
        };
        struct MultiplyAddWide
        {
            template <class T> Twice<T> operator()(T a, T b, Twice<T> c) const { return Add()(Twice<T>(a) * b, c); }
        };
        struct Minimum
        {
            template <class T> T operator()(T a, T b) const { return a < b ? a : b; }
        };
        struct Maximum
        {
            template <class T> T operator()(T a, T b) const { return a > b ? a : b; }
        };
        struct Negate
        {
            template <class T> T operator()(T a) const { return T(0 - Bits<T>(a)); }
        };
        struct Absolute
        {
            template <class T> T operator()(T a) const { return a < 0 ? T(0 - Bits<T>(a)) : a; }
        };
        struct And
        {
            template <class T> T operator()(T a, T b) const { return T(a & b); }
        };
        struct Or
        {
            template <class T> T operator()(T a, T b) const { return T(a | b); }
        };
        struct Xor
        {
            template <class T> T operator()(T a, T b) const { return T(a ^ b); }
        };
        struct Not
        {
            template <class T> T operator()(T a) const { return T(~a); }
        };
        // Shifts by more than a number's bits leave only its sign.
        struct ShiftLeft
        {
            template <class T> T operator()(T a, uint32_t n) const { return n < WidthOf<T> ? T(a << n) : T(0); }
        };
        struct ShiftRight
        {
            template <class T> T operator()(T a, uint32_t n) const
            {
                T kept = n < WidthOf<T> || std::is_signed_v<T> ? T(~T(0)) : T(0);
                return T(a >> (n < WidthOf<T> ? n : WidthOf<T> - 1)) & kept;
            }
        };
        struct Same
        {
            template <class T> T operator()(T a) const { return a; }
        };
        struct Select
        {
            template <class T> T operator()(T a, T b, Pred which) const { return which.value ? a : b; }
        };
        // The lowest n bits of a, inserted into b at a place.
        struct InsertBits
        {
            template <class T> T operator()(T a, T b, uint32_t at, uint32_t n) const
            {
                at &= 255, n &= 255;
                T ones = n >= WidthOf<T> ? ~T(0) : T((T(1) << n) - 1);
                T field = at >= WidthOf<T> ? T(0) : T(ones << at);
                return T((b & ~field) | ((at >= WidthOf<T> ? T(0) : T(a << at)) & field));
            }
        };
        // c plus the products of a's parts of 16 or 8 bits with as many bytes of b, from a given one on.
        template <class Part, class Byte, int First> struct DotProduct
        {
            uint32_t operator()(uint32_t a, uint32_t b, uint32_t c) const
            {
                constexpr int bits = 8 * sizeof(Part);
                for (int i = 0; i < 32 / bits; i++)
                    c += uint32_t(int32_t(Part(a >> bits * i)) * int32_t(Byte(b >> 8 * (First + i))));
                return c;
            }
        };
        struct ExtractBits
        {
            template <class T> T operator()(T a, uint32_t at, uint32_t n) const
            {
                at &= 255, n &= 255;
                unsigned last = std::min<unsigned>(at + n - 1, WidthOf<T> - 1);
                T sign = std::is_signed_v<T> && n && (a >> last & 1) ? ~T(0) : T(0);
                if (at >= WidthOf<T> || !n) return sign;
                Bits<T> ones = n >= WidthOf<T> ? ~Bits<T>(0) : Bits<T>((Bits<T>(1) << n) - 1);
                return T((Bits<T>(Bits<T>(a) >> at) & ones) | (Bits<T>(sign) & ~ones));
            }
        };
        struct LeadingZeros
        {
            template <class T> uint32_t operator()(T a) const
            {
                return !a               ? WidthOf<T>
                       : sizeof(T) == 8 ? uint32_t(__builtin_clzll(a))
                                        : uint32_t(__builtin_clz(uint32_t(a)));
            }
        };
        struct CountOnes
        {
            template <class T> uint32_t operator()(T a) const { return uint32_t(__builtin_popcountll(a)); }
        };
        struct ReverseBits
        {
            template <class T> T operator()(T a) const
            {
                T result = 0;
                for (unsigned i = 0; i < WidthOf<T>; ++i) result = T(result << 1 | (a >> i & 1));
                return result;
            }
        };
        // Any logic function of three operands; its table is the last operand.
        struct LogicOfThree
        {
            uint32_t operator()(uint32_t a, uint32_t b, uint32_t c, uint32_t table) const
            {
                uint32_t result = 0;
                for (uint32_t i = 0; i < 8; ++i)
                    if (table >> i & 1) result |= (i & 4 ? a : ~a) & (i & 2 ? b : ~b) & (i & 1 ? c : ~c);
                return result;
            }
        };
        // Bytes selected from eight.
        struct Permute
        {
            uint32_t operator()(uint32_t a, uint32_t b, uint32_t which) const
            {
                uint64_t bytes = uint64_t(b) << 32 | a;
                uint32_t result = 0;
                for (uint32_t i = 0; i < 4; ++i)
                {
                    uint32_t byte = uint32_t(bytes >> (which >> 4 * i & 7) * 8) & 255;
                    if (which >> 4 * i & 8) byte = byte & 128 ? 255 : 0;
                    result |= byte << 8 * i;
                }
                return result;
            }
        };

        // Quotients of 32 bits through doubles, which hold them exactly and can be vectorized.
        struct Divide
        {
            template <class T> T operator()(T a, T b) const
            {
                if constexpr (sizeof(T) == 4) return T(int64_t(double(a) / double(b ? b : T(1))));
                else if (std::is_signed_v<T> && b == T(-1)) return T(0 - Bits<T>(a));
                else return T(a / (b ? b : T(1)));
            }
        };
        struct Remainder
        {
            template <class T> T operator()(T a, T b) const
            {
                return T(Bits<T>(a) - Bits<T>(Divide()(a, b)) * Bits<T>(b));
            }
        };

        // PTX does not define a quotient by zero, and no program intends one.
        template <bool Whole, class Op, class T> void divide(const Step& step, Warp& warp)
        {
            const char* by = warp.row(step.row[2]);
            uint32_t zero = 0;
            for (int lane = 0; lane < Lanes; ++lane) zero |= uint32_t(get<T>(by, lane) == 0) << lane;
            if (zero &= warp.mask) fail(warp, step, zero, LaunchFailed, "a division of whole numbers by zero");
            map_lanes<Whole, Op, T, T, T>(step, warp);
        }
        template <class Op, class T> Form division()
        {
            return {divide<true, Op, T>, divide<false, Op, T>, Class::Integer, 1, {sizeof(T), sizeof(T), sizeof(T)}};
        }

        // add.cc and similar: the carry is an additional result and an additional operand.
        template <int Way, bool High, bool Times, bool Reads, bool Writes> void carry(const Step& step, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) {
                int from = Writes ? 2 : 1;
                auto operand = [&](int i) { return get<uint32_t>(warp.row(step.row[size_t(from + i)]), lane); };
                uint64_t a = operand(0), b = operand(1), carried = Reads ? operand(Times ? 3 : 2) : 0;
                if (Times)
                {
                    uint64_t product = a * b;
                    a = High ? product >> 32 : product & AllLanes;
                    b = operand(2);
                }
                uint64_t result = Way > 0 ? a + b + carried : a - b - carried;
                put<uint32_t>(warp.row(step.row[0]), lane, uint32_t(result));
                if (Writes) put<uint32_t>(warp.row(step.row[1]), lane, uint32_t(result >> 32 & 1));
            });
        }
        template <int Way, bool High, bool Times, bool Reads, bool Writes> Form carrying()
        {
            int writes = Writes ? 2 : 1;
            return stepwise(carry<Way, High, Times, Reads, Writes>, Class::Integer, writes,
                std::vector<uint8_t>(size_t(writes + 2 + Times + Reads), 4));
        }

        void pack(const Step& step, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) {
                uint64_t low = get<uint32_t>(warp.row(step.row[1]), lane);
                uint64_t high = get<uint32_t>(warp.row(step.row[2]), lane);
                put<uint64_t>(warp.row(step.row[0]), lane, low | high << 32);
            });
        }
        void unpack(const Step& step, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) {
                uint64_t both = get<uint64_t>(warp.row(step.row[2]), lane);
                put<uint32_t>(warp.row(step.row[0]), lane, uint32_t(both));
                put<uint32_t>(warp.row(step.row[1]), lane, uint32_t(both >> 32));
            });
        }
        void pack_halves(const Step& step, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) {
                uint32_t low = get<uint16_t>(warp.row(step.row[1]), lane);
                uint32_t high = get<uint16_t>(warp.row(step.row[2]), lane);
                put<uint32_t>(warp.row(step.row[0]), lane, low | high << 16);
            });
        }
        void unpack_halves(const Step& step, Warp& warp)
        {
            each_lane(warp.mask, [&](int lane) {
                uint32_t both = get<uint32_t>(warp.row(step.row[2]), lane);
                put<uint16_t>(warp.row(step.row[0]), lane, uint16_t(both));
                put<uint16_t>(warp.row(step.row[1]), lane, uint16_t(both >> 16));
            });
        }

        template <class T> void add_type(Table& t, const std::string& type)
        {
            constexpr Class C = Class::Integer;
            t["add." + type] = lanewise<Add, T, T, T>(C);
            t["sub." + type] = lanewise<Subtract, T, T, T>(C);
            t["mul.lo." + type] = lanewise<MultiplyLow, T, T, T>(C);
            t["mul.hi." + type] = lanewise<MultiplyHigh, T, T, T>(C);
            t["mad.lo." + type] = lanewise<MultiplyAddLow, T, T, T, T>(C);
            t["mad.hi." + type] = lanewise<MultiplyAddHigh, T, T, T, T>(C);
            t["div." + type] = division<Divide, T>();
            t["rem." + type] = division<Remainder, T>();
            t["min." + type] = lanewise<Minimum, T, T, T>(C);
            t["max." + type] = lanewise<Maximum, T, T, T>(C);
            t["shr." + type] = lanewise<ShiftRight, T, T, uint32_t>(C);
            if constexpr (sizeof(T) < 8)
            {
                t["mul.wide." + type] = lanewise<MultiplyWide, Twice<T>, T, T>(C);
                t["mad.wide." + type] = lanewise<MultiplyAddWide, Twice<T>, T, T, Twice<T>>(C);
            }
            if constexpr (sizeof(T) > 2) t["bfe." + type] = lanewise<ExtractBits, T, T, uint32_t, uint32_t>(C);
            if constexpr (std::is_signed_v<T>)
            {
                t["neg." + type] = lanewise<Negate, T, T>(C);
                t["abs." + type] = lanewise<Absolute, T, T>(C);
            }
        }

        template <class T> void add_bits(Table& t, const std::string& type)
        {
            constexpr Class C = Class::Integer;
            t["and." + type] = lanewise<And, T, T, T>(C);
            t["or." + type] = lanewise<Or, T, T, T>(C);
            t["xor." + type] = lanewise<Xor, T, T, T>(C);
            t["not." + type] = lanewise<Not, T, T>(C);
            t["shl." + type] = lanewise<ShiftLeft, T, T, uint32_t>(C);
            t["shr." + type] = lanewise<ShiftRight, T, T, uint32_t>(C);
            if constexpr (sizeof(T) > 2)
            {
                t["bfi." + type] = lanewise<InsertBits, T, T, T, uint32_t, uint32_t>(C);
                t["clz." + type] = lanewise<LeadingZeros, uint32_t, T>(C);
                t["popc." + type] = lanewise<CountOnes, uint32_t, T>(C);
                t["brev." + type] = lanewise<ReverseBits, T, T>(C);
            }
        }

        template <class Half, class Byte, class B> void add_dots(Table& t, const std::string& types)
        {
            constexpr Class C = Class::Integer;
            t["dp4a." + types] = lanewise<DotProduct<Byte, B, 0>, uint32_t, uint32_t, uint32_t, uint32_t>(C);
            t["dp2a.lo." + types] = lanewise<DotProduct<Half, B, 0>, uint32_t, uint32_t, uint32_t, uint32_t>(C);
            t["dp2a.hi." + types] = lanewise<DotProduct<Half, B, 2>, uint32_t, uint32_t, uint32_t, uint32_t>(C);
        }

        template <class T> void add_moves(Table& t, std::initializer_list<const char*> types, Class select)
        {
            for (std::string type : types)
            {
                t["mov." + type] = lanewise<Same, T, T>(Class::Move);
                t["selp." + type] = lanewise<Select, T, T, T, Pred>(select);
            }
        }

        struct LogicAnd
        {
            Pred operator()(Pred a, Pred b) const { return {a.value & b.value}; }
        };
        struct LogicOr
        {
            Pred operator()(Pred a, Pred b) const { return {a.value | b.value}; }
        };
        struct LogicXor
        {
            Pred operator()(Pred a, Pred b) const { return {a.value ^ b.value}; }
        };
        struct LogicNot
        {
            Pred operator()(Pred a) const { return {~a.value}; }
        };
    }

    void add_integers(Table& t)
    {
        constexpr Class C = Class::Integer;
        add_type<int16_t>(t, "s16");
        add_type<uint16_t>(t, "u16");
        add_type<int32_t>(t, "s32");
        add_type<uint32_t>(t, "u32");
        add_type<int64_t>(t, "s64");
        add_type<uint64_t>(t, "u64");
        add_bits<uint16_t>(t, "b16");
        add_bits<uint32_t>(t, "b32");
        add_bits<uint64_t>(t, "b64");
        add_moves<uint16_t>(t, {"b16", "u16", "s16"}, C);
        add_moves<uint32_t>(t, {"b32", "u32", "s32"}, C);
        add_moves<uint64_t>(t, {"b64", "u64", "s64"}, C);
        add_moves<uint32_t>(t, {"f32"}, Class::Float);
        add_moves<uint64_t>(t, {"f64"}, Class::Float);
        add_dots<uint16_t, uint8_t, uint8_t>(t, "u32.u32");
        add_dots<uint16_t, uint8_t, int8_t>(t, "u32.s32");
        add_dots<int16_t, int8_t, uint8_t>(t, "s32.u32");
        add_dots<int16_t, int8_t, int8_t>(t, "s32.s32");
        t["mov.pred"] = lanewise<Same, Pred, Pred>(Class::Move);
        t["and.pred"] = lanewise<LogicAnd, Pred, Pred, Pred>(C);
        t["or.pred"] = lanewise<LogicOr, Pred, Pred, Pred>(C);
        t["xor.pred"] = lanewise<LogicXor, Pred, Pred, Pred>(C);
        t["not.pred"] = lanewise<LogicNot, Pred, Pred>(C);
        t["lop3.b32"] = lanewise<LogicOfThree, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t>(C);
        t["prmt.b32"] = lanewise<Permute, uint32_t, uint32_t, uint32_t, uint32_t>(C);
        t["mov.b64.pack"] = stepwise(pack, Class::Move, 1, {8, 4, 4});
        t["mov.b64.unpack"] = stepwise(unpack, Class::Move, 2, {4, 4, 8});
        t["mov.b32.pack"] = stepwise(pack_halves, Class::Move, 1, {4, 2, 2});
        t["mov.b32.unpack"] = stepwise(unpack_halves, Class::Move, 2, {2, 2, 4});
        for (std::string type : {"u32", "s32"})
        {
            t["add.cc." + type] = carrying<1, false, false, false, true>();
            t["addc.cc." + type] = carrying<1, false, false, true, true>();
            t["addc." + type] = carrying<1, false, false, true, false>();
            t["sub.cc." + type] = carrying<-1, false, false, false, true>();
            t["subc.cc." + type] = carrying<-1, false, false, true, true>();
            t["subc." + type] = carrying<-1, false, false, true, false>();
        }
        t["mad.lo.cc.u32"] = carrying<1, false, true, false, true>();
        t["mad.hi.cc.u32"] = carrying<1, true, true, false, true>();
        t["madc.lo.cc.u32"] = carrying<1, false, true, true, true>();
        t["madc.hi.cc.u32"] = carrying<1, true, true, true, true>();
        t["madc.lo.u32"] = carrying<1, false, true, true, false>();
        t["madc.hi.u32"] = carrying<1, true, true, true, false>();
    }
}
