using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Converts vectors of float32, which <c>T</c> must be, to a floating-point type of 16 bits and back: float16 if the
/// last type argument is <see cref="Half"/>, else bfloat16. Results are those of the scalar conversions: rounded to
/// nearest, ties to even.
/// </summary>
internal static unsafe class HalfMath
{
    private const uint Sign = 0x80000000, Exponent = 0x7F800000;

    // The exponents of float32 and float16 have biases of 127 and 15.
    private const double Rebias = 5192296858534827628530496329220096.0; // 2¹¹²

    /// <summary>Returns the function that converts arrays between float32 and 16 bits; null for other dtypes.</summary>
    public static ElementConversion? Conversion(DType from, DType to) => (from, to) switch
    {
        (DType.Float32, DType.Float16) => Narrow<Half>,
        (DType.Float32, DType.BFloat16) => Narrow<BFloat16>,
        (DType.Float16, DType.Float32) => Widen<Half>,
        (DType.BFloat16, DType.Float32) => Widen<BFloat16>,
        _ => null,
    };

    /// <summary>Loads the first <paramref name="count"/> lanes; the others are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<S, V, T, TFrom>(ushort* from, int count)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (count == S.Count)
        {
            return FromBits<S, V, T, TFrom>(S.LoadHalves(from));
        }

        ushort* lanes = stackalloc ushort[S.Count];
        new Span<ushort>(lanes, S.Count).Clear();
        new ReadOnlySpan<ushort>(from, count).CopyTo(new Span<ushort>(lanes, count));
        return FromBits<S, V, T, TFrom>(S.LoadHalves(lanes));
    }

    /// <summary>Stores the first <paramref name="count"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<S, V, T, TTo>(ushort* to, V value, int count)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V bits = ToBits<S, V, T, TTo>(value);
        if (count == S.Count)
        {
            S.StoreHalves(to, bits);
            return;
        }

        ushort* lanes = stackalloc ushort[S.Count];
        S.StoreHalves(lanes, bits);
        new ReadOnlySpan<ushort>(lanes, count).CopyTo(new Span<ushort>(to, count));
    }

    /// <summary>Returns each lane rounded to 16 bits, as float32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Round<S, V, T, TTo>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V size = S.Abs(x);
        return S.Or(
            typeof(TTo) == typeof(Half) ? ToFloat16Grid<S, V, T>(size) : ToBFloat16Grid<S, V, T>(size),
            S.And(x, S.ConstBits(Sign)));
    }

    /// <summary>Returns the bits of each lane rounded to 16 bits, in the lower half of the lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V ToBits<S, V, T, TTo>(V x)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(TTo) != typeof(Half))
        {
            return S.ShiftRight(Round<S, V, T, TTo>(x), 16);
        }

        V size = ToFloat16Grid<S, V, T>(S.Abs(x));
        V bits = S.ShiftRight(S.Mul(size, S.Const(1 / Rebias)), 13);
        bits = S.Select(S.Less(S.Const(65504), size), S.ConstBits(0x7C00), bits);
        bits = S.Select(S.Equal(x, x), bits, S.ConstBits(0x7E00));
        return S.Or(bits, S.ShiftRight(S.And(x, S.ConstBits(Sign)), 16));
    }

    /// <summary>Returns the numbers whose 16 bits are in the lower half of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V FromBits<S, V, T, TFrom>(V bits)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        if (typeof(TFrom) != typeof(Half))
        {
            return S.ShiftLeft(bits, 16);
        }

        V size = S.Mul(S.ShiftLeft(S.And(bits, S.ConstBits(0x7FFF)), 13), S.Const(Rebias));
        size = S.Select(S.LessOrEqual(S.Const(65536), size), S.Or(size, S.ConstBits(Exponent)), size);
        return S.Or(size, S.ShiftLeft(S.And(bits, S.ConstBits(0x8000)), 16));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ToFloat16Grid<S, V, T>(V size)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        // 2¹⁷ is beyond the range already, and infinity has no multiples.
        V rounded = ToGrid<S, V, T>(S.Min(size, S.Const(1 << 17)), 13, 1.0 / (1 << 14));
        return S.Select(S.Less(S.Const(65504), rounded), S.ConstBits(Exponent), rounded);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ToBFloat16Grid<S, V, T>(V size)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        // Large numbers are rounded at 2⁻⁶⁴ of their size, because the number that ToGrid adds would be infinite.
        const double Large = 18446744073709551616.0;
        V isLarge = S.Less(S.Const(Large), size);
        V rounded =
            ToGrid<S, V, T>(S.Mul(size, S.Select(isLarge, S.Const(1 / Large), S.Const(1))), 16, 1.1754943508222875e-38);
        rounded = S.Mul(rounded, S.Select(isLarge, S.Const(Large), S.Const(1)));
        return S.Select(S.Equal(size, S.ConstBits(Exponent)), size, rounded);
    }

    /// <summary>
    /// Rounds positive numbers to <paramref name="dropped"/> bits less. The sum with a number that is so much larger
    /// has no room for these bits.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ToGrid<S, V, T>(V size, int dropped, double minNormal)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged
    {
        V unit = S.MaxNative(S.And(size, S.ConstBits(Exponent)), S.Const(minNormal));
        V large = S.Mul(unit, S.Const(1.5 * (1 << dropped)));
        return S.Sub(S.Add(size, large), large);
    }

    private static void Narrow<TTo>(void* from, void* to, int count)
    {
        var job = new NarrowJob<TTo>((float*)from, (ushort*)to, count);
        Simd.Dispatch<float, NarrowJob<TTo>>(ref job);
    }

    private static void Widen<TFrom>(void* from, void* to, int count)
    {
        var job = new WidenJob<TFrom>((ushort*)from, (float*)to, count);
        Simd.Dispatch<float, WidenJob<TFrom>>(ref job);
    }

    private readonly struct NarrowJob<TTo>(float* from, ushort* to, int count) : ISimdJob<float>
    {
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            int i = 0;
            for (; i <= count - S.Count; i += S.Count)
            {
                Store<S, V, float, TTo>(to + i, S.Load(from + i), S.Count);
            }

            Store<S, V, float, TTo>(to + i, S.LoadPartial(from + i, count - i), count - i);
        }
    }

    private readonly struct WidenJob<TFrom>(ushort* from, float* to, int count) : ISimdJob<float>
    {
        public void Run<S, V>() where S : struct, ISimd<V, float> where V : struct
        {
            int i = 0;
            for (; i <= count - S.Count; i += S.Count)
            {
                S.Store(to + i, Load<S, V, float, TFrom>(from + i, S.Count));
            }

            S.StorePartial(to + i, Load<S, V, float, TFrom>(from + i, count - i), count - i);
        }
    }
}
