using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Engine.Devices.Cpu;

/// <summary>
/// An algorithm over elements <typeparamref name="T"/> that <see cref="Simd.Dispatch"/> runs at the hardware's width.
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

    /// <summary>
    /// Runs the job with the widest registers that the hardware is fast with; the test is gone from the compiled code.
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

    /// <summary>a·2ⁿ in two steps, of which the first does not leave the normal numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Scale<S, V, T>(V a, V n)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        V half = S.Floor(S.Mul(n, S.Const(0.5)));
        return S.Mul(S.Mul(a, PowerOf2<S, V, T>(half)), PowerOf2<S, V, T>(S.Sub(n, half)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V PowerOf2<S, V, T>(V n)
        where S : struct, ISimd<V, T>
        where V : struct
        where T : unmanaged
    {
        // Added to a number whose last bit is 1, the biased exponent stands in the low bits; shifted, it is in its
        // place.
        return typeof(T) == typeof(float)
            ? S.ShiftLeft(S.Add(n, S.Const(12582912.0 + 127)), 23)
            : S.ShiftLeft(S.Add(n, S.Const(6755399441055744.0 + 1023)), 52);
    }
}
