// Arithmetic of floating-point numbers. PTX's approximate functions are exact here, or as exact as the host's library.
#include "lanes.h"
#include <cfenv>
#include <cmath>

namespace simt::ptx
{
    namespace
    {
        struct Add
        {
            template <class T> T operator()(T a, T b) const { return a + b; }
        };
        struct Subtract
        {
            template <class T> T operator()(T a, T b) const { return a - b; }
        };
        struct Multiply
        {
            template <class T> T operator()(T a, T b) const { return a * b; }
        };
        struct Divide
        {
            template <class T> T operator()(T a, T b) const { return a / b; }
        };
        struct Fused
        {
            float operator()(float a, float b, float c) const { return __builtin_fmaf(a, b, c); }
            double operator()(double a, double b, double c) const { return __builtin_fma(a, b, c); }
        };
        // Of a number and a NaN, the number; -0 is less than 0.
        struct Minimum
        {
            template <class T> T operator()(T a, T b) const
            {
                return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b;
            }
        };
        struct Maximum
        {
            template <class T> T operator()(T a, T b) const
            {
                return a != a ? b : b != b ? a : a == b ? (std::signbit(a) ? b : a) : a > b ? a : b;
            }
        };
        struct MinimumOrNan
        {
            template <class T> T operator()(T a, T b) const { return a != a ? a : b != b ? b : Minimum()(a, b); }
        };
        struct MaximumOrNan
        {
            template <class T> T operator()(T a, T b) const { return a != a ? a : b != b ? b : Maximum()(a, b); }
        };
        struct Negate
        {
            template <class T> T operator()(T a) const { return -a; }
        };
        struct Absolute
        {
            float operator()(float a) const { return __builtin_fabsf(a); }
            double operator()(double a) const { return __builtin_fabs(a); }
        };
        struct Root
        {
            float operator()(float a) const { return __builtin_sqrtf(a); }
            double operator()(double a) const { return __builtin_sqrt(a); }
        };
        struct InverseRoot
        {
            template <class T> T operator()(T a) const { return T(1) / Root()(a); }
        };
        struct Reciprocal
        {
            template <class T> T operator()(T a) const { return T(1) / a; }
        };
        struct PowerOfTwo
        {
            float operator()(float a) const { return std::exp2(a); }
        };
        struct LogarithmOfTwo
        {
            float operator()(float a) const { return std::log2(a); }
        };
        struct Sine
        {
            float operator()(float a) const { return std::sin(a); }
        };
        struct Cosine
        {
            float operator()(float a) const { return std::cos(a); }
        };
        struct HyperbolicTangent
        {
            float operator()(float a) const { return std::tanh(a); }
        };

        // .ftz: subnormal operands and results become zeros.
        template <class Op> struct Flushed
        {
            static float flush(float a) { return __builtin_fabsf(a) < 0x1p-126f ? std::copysign(0.0f, a) : a; }
            template <class... A> float operator()(A... a) const { return flush(Op()(flush(a)...)); }
        };

        // The reciprocal of a double, or of its square root, from its upper half only, as the start of Newton's
        // iteration.
        template <typename Exact>
        struct Rough
        {
            static double upper(double a)
            {
                uint64_t bits;
                std::memcpy(&bits, &a, 8);
                bits &= ~uint64_t(0xffffffff);
                std::memcpy(&a, &bits, 8);
                return a;
            }

            double operator()(double a) const
            {
                if (std::fabs(a) < 0x1p-1022) return std::copysign(HUGE_VAL, a);
                double result = upper(Exact()(upper(a)));
                return std::fabs(result) < 0x1p-1022 ? std::copysign(0.0, result) : result;
            }
        };

        struct ReciprocalOfDouble
        {
            double operator()(double a) const { return 1 / a; }
        };

        struct ReciprocalRoot
        {
            double operator()(double a) const { return 1 / std::sqrt(a); }
        };

        // Rounding modes other than to the nearest. The functions are called through volatile pointers, so that none is
        // computed before the mode is set.
        template <class Op, class T> struct OutOfLine
        {
            [[gnu::noinline]] static T two(T a, T b) { return Op()(a, b); }
            [[gnu::noinline]] static T three(T a, T b, T c) { return Op()(a, b, c); }
        };
        template <int Mode, class Op, class T, bool Three> void rounded(const Step& step, Warp& warp)
        {
            T (*volatile two)(T, T) = nullptr;
            T (*volatile three)(T, T, T) = nullptr;
            if constexpr (Three) three = OutOfLine<Op, T>::three;
            else two = OutOfLine<Op, T>::two;
            std::fesetround(Mode);
            each_lane(warp.mask, [&](int lane) {
                auto operand = [&](size_t i) { return get<T>(warp.row(step.row[i]), lane); };
                T result = Three ? three(operand(1), operand(2), operand(3)) : two(operand(1), operand(2));
                put<T>(warp.row(step.row[0]), lane, result);
            });
            std::fesetround(FE_TONEAREST);
        }
        template <int Mode, class T> void add_rounded(Table& t, const std::string& mode, const std::string& type)
        {
            constexpr Class C = Class::Float;
            constexpr uint8_t S = sizeof(T);
            t["add." + mode + type] = stepwise(rounded<Mode, Add, T, false>, C, 1, {S, S, S});
            t["sub." + mode + type] = stepwise(rounded<Mode, Subtract, T, false>, C, 1, {S, S, S});
            t["mul." + mode + type] = stepwise(rounded<Mode, Multiply, T, false>, C, 1, {S, S, S});
            t["div." + mode + type] = stepwise(rounded<Mode, Divide, T, false>, C, 1, {S, S, S});
            t["fma." + mode + type] = stepwise(rounded<Mode, Fused, T, true>, Class::Fma, 1, {S, S, S, S});
        }

        template <class T> void add_type(Table& t, const std::string& type)
        {
            constexpr Class C = Class::Float;
            for (std::string mode : {"", "rn."})
            {
                t["add." + mode + type] = lanewise<Add, T, T, T>(C);
                t["sub." + mode + type] = lanewise<Subtract, T, T, T>(C);
                t["mul." + mode + type] = lanewise<Multiply, T, T, T>(C);
            }
            t["div.rn." + type] = lanewise<Divide, T, T, T>(C);
            t["rcp.rn." + type] = lanewise<Reciprocal, T, T>(C);
            t["sqrt.rn." + type] = lanewise<Root, T, T>(C);
            t["fma.rn." + type] = lanewise<Fused, T, T, T, T>(Class::Fma);
            t["min." + type] = lanewise<Minimum, T, T, T>(C);
            t["max." + type] = lanewise<Maximum, T, T, T>(C);
            t["neg." + type] = lanewise<Negate, T, T>(C);
            t["abs." + type] = lanewise<Absolute, T, T>(C);
            add_rounded<FE_TOWARDZERO, T>(t, "rz.", type);
            add_rounded<FE_DOWNWARD, T>(t, "rm.", type);
            add_rounded<FE_UPWARD, T>(t, "rp.", type);
        }
    }

    void add_floats(Table& t)
    {
        constexpr Class C = Class::Float;
        using F = float;
        add_type<float>(t, "f32");
        add_type<double>(t, "f64");
        t["min.NaN.f32"] = lanewise<MinimumOrNan, F, F, F>(C);
        t["max.NaN.f32"] = lanewise<MaximumOrNan, F, F, F>(C);
        t["ex2.approx.f32"] = lanewise<PowerOfTwo, F, F>(C);
        t["lg2.approx.f32"] = lanewise<LogarithmOfTwo, F, F>(C);
        t["sin.approx.f32"] = lanewise<Sine, F, F>(C);
        t["cos.approx.f32"] = lanewise<Cosine, F, F>(C);
        t["tanh.approx.f32"] = lanewise<HyperbolicTangent, F, F>(C);
        t["rsqrt.approx.f32"] = lanewise<InverseRoot, F, F>(C);
        t["sqrt.approx.f32"] = lanewise<Root, F, F>(C);
        t["rcp.approx.f32"] = lanewise<Reciprocal, F, F>(C);
        t["div.approx.f32"] = t["div.full.f32"] = lanewise<Divide, F, F, F>(C);
        t["add.ftz.f32"] = lanewise<Flushed<Add>, F, F, F>(C);
        t["sub.ftz.f32"] = lanewise<Flushed<Subtract>, F, F, F>(C);
        t["mul.ftz.f32"] = lanewise<Flushed<Multiply>, F, F, F>(C);
        t["fma.rn.ftz.f32"] = lanewise<Flushed<Fused>, F, F, F, F>(Class::Fma);
        t["min.ftz.f32"] = lanewise<Flushed<Minimum>, F, F, F>(C);
        t["max.ftz.f32"] = lanewise<Flushed<Maximum>, F, F, F>(C);
        t["neg.ftz.f32"] = lanewise<Flushed<Negate>, F, F>(C);
        t["abs.ftz.f32"] = lanewise<Flushed<Absolute>, F, F>(C);
        t["div.approx.ftz.f32"] = t["div.full.ftz.f32"] = lanewise<Flushed<Divide>, F, F, F>(C);
        t["rcp.approx.ftz.f32"] = lanewise<Flushed<Reciprocal>, F, F>(C);
        t["sqrt.approx.ftz.f32"] = lanewise<Flushed<Root>, F, F>(C);
        t["rsqrt.approx.ftz.f32"] = lanewise<Flushed<InverseRoot>, F, F>(C);
        t["ex2.approx.ftz.f32"] = lanewise<Flushed<PowerOfTwo>, F, F>(C);
        t["lg2.approx.ftz.f32"] = lanewise<Flushed<LogarithmOfTwo>, F, F>(C);
        t["sin.approx.ftz.f32"] = lanewise<Flushed<Sine>, F, F>(C);
        t["cos.approx.ftz.f32"] = lanewise<Flushed<Cosine>, F, F>(C);
        t["rcp.approx.ftz.f64"] = lanewise<Rough<ReciprocalOfDouble>, double, double>(C);
        t["rsqrt.approx.ftz.f64"] = lanewise<Rough<ReciprocalRoot>, double, double>(C);
    }
}
