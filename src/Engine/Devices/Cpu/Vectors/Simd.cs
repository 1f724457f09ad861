using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>
/// An algorithm over elements <typeparamref name="T"/> that <see cref="Simd.Dispatch"/> runs with the hardware's
/// vectors.
/// </summary>
internal interface ISimdJob<T>
    where T : unmanaged
{
    void Run<S, V>()
        where S : struct, ISimd<V, T>
        where V : struct;
}

/// <summary>Chooses the vector width.</summary>
internal static class Simd
{
    /// <summary>Bytes of the widest register that the hardware is fast with.</summary>
    internal static int Width => Vector512.IsHardwareAccelerated ? 64 : Vector256.IsHardwareAccelerated ? 32 : 16;

    /// <summary>Whether there are 32 registers of <paramref name="width"/> bytes rather than 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool HasManyRegisters(int width) => width == 64 || AdvSimd.IsSupported;

    /// <summary>Whether the hardware rounds a·b + c once.</summary>
    internal static bool HasFma
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Fma.IsSupported || AdvSimd.IsSupported;
    }

    /// <summary>
    /// Runs the job with the widest registers that the hardware is fast with; the JIT removes the test.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Dispatch<T, TJob>(ref TJob job)
        where T : unmanaged
        where TJob : struct, ISimdJob<T>
    {
        if (Vector512.IsHardwareAccelerated)
        {
            job.Run<Simd512<T>, Vector512<T>>();
        }
        else if (Vector256.IsHardwareAccelerated)
        {
            job.Run<Simd256<T>, Vector256<T>>();
        }
        else
        {
            job.Run<Simd128<T>, Vector128<T>>();
        }
    }

    /// <summary>a·2ⁿ in two steps; the first stays within the normal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Scale<S, V, T>(V a, V n)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V half = S.Floor(S.Mul(n, S.Const(0.5)));
        return S.Mul(S.Mul(a, PowerOf2<S, V, T>(half)), PowerOf2<S, V, T>(S.Sub(n, half)));
    }

    /// <summary><see cref="ISimd{V, T}.Exponent"/> from the bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Exponent<S, V, T>(V a)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        (V normal, V isSubnormal) = Normal<S, V, T>(a);
        // The exponent's bits below those of 2²³ make 2²³ + exponent + 127; for double, 2⁵² + exponent + 1023.
        return typeof(T) == typeof(float)
            ? S.Sub(
                S.Sub(S.Or(S.ShiftRight(normal, 23), S.Const(8388608)), S.Const(8388608 + 127)),
                S.And(isSubnormal, S.Const(23)))
            : S.Sub(
                S.Sub(S.Or(S.ShiftRight(normal, 52), S.Const(4503599627370496)), S.Const(4503599627370496 + 1023)),
                S.And(isSubnormal, S.Const(52)));
    }

    /// <summary><see cref="ISimd{V, T}.Mantissa"/> from the bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Mantissa<S, V, T>(V a)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        int bits = typeof(T) == typeof(float) ? 23 : 52;
        return S.Or(S.And(Normal<S, V, T>(a).Normal, S.ConstBits((1L << bits) - 1)), S.Const(1));
    }

    /// <summary>Scales subnormal numbers so that they become normal, and returns which lanes were subnormal.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (V Normal, V IsSubnormal) Normal<S, V, T>(V a)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        bool isFloat = typeof(T) == typeof(float);
        V isSubnormal = S.Less(a, S.ConstBits(isFloat ? 0x0080_0000 : 0x0010_0000_0000_0000));
        return (S.Select(isSubnormal, S.Mul(a, S.Const(isFloat ? 8388608 : 4503599627370496)), a), isSubnormal);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V PowerOf2<S, V, T>(V n)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        // The last bit of 1.5·2²³ (double: 1.5·2⁵²) counts 1, so the sum's low bits are the biased exponent; the shift
        // moves it into place.
        return typeof(T) == typeof(float)
            ? S.ShiftLeft(S.Add(n, S.Const(12582912.0 + 127)), 23)
            : S.ShiftLeft(S.Add(n, S.Const(6755399441055744.0 + 1023)), 52);
    }
}
