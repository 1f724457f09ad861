using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>128-bit registers: NEON, SSE, or the runtime's emulation.</summary>
internal readonly unsafe struct Simd128<T> : ISimd<Vector128<T>, T>
    where T : unmanaged
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128<T>.Count;
    }

    public static Vector128<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128<T>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Load(T* from) => Vector128.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* to, Vector128<T> value) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> LoadPartial(T* from, int count)
    {
        if (Avx.IsSupported && sizeof(T) == 4)
        {
            return Avx.MaskLoad((float*)from, First4(count).AsSingle()).As<float, T>();
        }

        if (Avx.IsSupported && sizeof(T) == 8)
        {
            return Avx.MaskLoad((double*)from, First8(count).AsDouble()).As<double, T>();
        }

        Vector128<T> value = default;
        Unsafe.CopyBlockUnaligned(&value, from, (uint)(count * sizeof(T)));
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(T* to, Vector128<T> value, int count)
    {
        if (Avx.IsSupported && sizeof(T) == 4)
        {
            Avx.MaskStore((float*)to, First4(count).AsSingle(), value.AsSingle());
        }
        else if (Avx.IsSupported && sizeof(T) == 8)
        {
            Avx.MaskStore((double*)to, First8(count).AsDouble(), value.AsDouble());
        }
        else
        {
            Unsafe.CopyBlockUnaligned(to, &value, (uint)(count * sizeof(T)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> First4(int count) =>
        Vector128.LessThan(Vector128<int>.Indices, Vector128.Create(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<long> First8(int count) =>
        Vector128.LessThan(Vector128<long>.Indices, Vector128.Create((long)count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Splat(T value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Const(double value) =>
        typeof(T) == typeof(float) ? Vector128.Create((float)value).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Create(value).As<double, T>()
        : typeof(T) == typeof(long) ? Vector128.Create((long)value).As<long, T>()
        : Vector128.Create((int)value).As<int, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> ConstBits(long bits) =>
        sizeof(T) == 4 ? Vector128.Create((int)bits).As<int, T>() : Vector128.Create(bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Add(Vector128<T> a, Vector128<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Sub(Vector128<T> a, Vector128<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Mul(Vector128<T> a, Vector128<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Div(Vector128<T> a, Vector128<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Fma(Vector128<T> a, Vector128<T> b, Vector128<T> c)
    {
        if (typeof(T) == typeof(float))
        {
            return Vector128.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>();
        }

        return typeof(T) == typeof(double)
            ? Vector128.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>()
            : (a * b) + c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Min(Vector128<T> a, Vector128<T> b) => Vector128.Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Max(Vector128<T> a, Vector128<T> b) => Vector128.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> MinNative(Vector128<T> a, Vector128<T> b) => Vector128.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> MaxNative(Vector128<T> a, Vector128<T> b) => Vector128.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Abs(Vector128<T> a) => Vector128.Abs(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Neg(Vector128<T> a) => -a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Sqrt(Vector128<T> a) => Vector128.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Round(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Round(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Round(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Floor(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Floor(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Floor(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Ceiling(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Ceiling(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Ceiling(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Truncate(Vector128<T> a) =>
        typeof(T) == typeof(float) ? Vector128.Truncate(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector128.Truncate(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Equal(Vector128<T> a, Vector128<T> b) => Vector128.Equals(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Less(Vector128<T> a, Vector128<T> b) => Vector128.LessThan(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> LessOrEqual(Vector128<T> a, Vector128<T> b) => Vector128.LessThanOrEqual(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> And(Vector128<T> a, Vector128<T> b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Or(Vector128<T> a, Vector128<T> b) => a | b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Xor(Vector128<T> a, Vector128<T> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> AndNot(Vector128<T> a, Vector128<T> b) => Vector128.AndNot(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Not(Vector128<T> a) => ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Select(Vector128<T> mask, Vector128<T> a, Vector128<T> b) =>
        Vector128.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Even(Vector128<T> a, Vector128<T> b)
    {
        if (sizeof(T) == 4)
        {
            (Vector128<float> x, Vector128<float> y) = (a.AsSingle(), b.AsSingle());
            return (Sse.IsSupported ? Sse.Shuffle(x, y, 0b10_00_10_00)
                : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipEven(x, y)
                : Vector128.Create(x[0], x[2], y[0], y[2])).As<float, T>();
        }

        (Vector128<double> v, Vector128<double> w) = (a.AsDouble(), b.AsDouble());
        return (Sse2.IsSupported ? Sse2.UnpackLow(v, w)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipEven(v, w)
            : Vector128.Create(v[0], w[0])).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Odd(Vector128<T> a, Vector128<T> b)
    {
        if (sizeof(T) == 4)
        {
            (Vector128<float> x, Vector128<float> y) = (a.AsSingle(), b.AsSingle());
            return (Sse.IsSupported ? Sse.Shuffle(x, y, 0b11_01_11_01)
                : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipOdd(x, y)
                : Vector128.Create(x[1], x[3], y[1], y[3])).As<float, T>();
        }

        (Vector128<double> v, Vector128<double> w) = (a.AsDouble(), b.AsDouble());
        return (Sse2.IsSupported ? Sse2.UnpackHigh(v, w)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.UnzipOdd(v, w)
            : Vector128.Create(v[1], w[1])).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> ZipLow(Vector128<T> a, Vector128<T> b)
    {
        if (sizeof(T) == 4)
        {
            (Vector128<float> x, Vector128<float> y) = (a.AsSingle(), b.AsSingle());
            return (Sse.IsSupported ? Sse.UnpackLow(x, y)
                : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(x, y)
                : Vector128.Create(x[0], y[0], x[1], y[1])).As<float, T>();
        }

        (Vector128<double> v, Vector128<double> w) = (a.AsDouble(), b.AsDouble());
        return (Sse2.IsSupported ? Sse2.UnpackLow(v, w)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(v, w)
            : Vector128.Create(v[0], w[0])).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> ZipHigh(Vector128<T> a, Vector128<T> b)
    {
        if (sizeof(T) == 4)
        {
            (Vector128<float> x, Vector128<float> y) = (a.AsSingle(), b.AsSingle());
            return (Sse.IsSupported ? Sse.UnpackHigh(x, y)
                : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(x, y)
                : Vector128.Create(x[2], y[2], x[3], y[3])).As<float, T>();
        }

        (Vector128<double> v, Vector128<double> w) = (a.AsDouble(), b.AsDouble());
        return (Sse2.IsSupported ? Sse2.UnpackHigh(v, w)
            : AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(v, w)
            : Vector128.Create(v[1], w[1])).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MaskBits(Vector128<T> mask) => mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> LoadHalves(ushort* from)
    {
        (Vector64<uint> low, Vector64<uint> high) = Vector64.Widen(Vector64.Load(from));
        return Vector128.Create(low, high).As<uint, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(ushort* to, Vector128<T> value)
    {
        Vector128<uint> lanes = value.AsUInt32();
        Vector64.Narrow(lanes.GetLower(), lanes.GetUpper()).Store(to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> ShiftLeft(Vector128<T> a, int bits) =>
        sizeof(T) == 4
            ? Vector128.ShiftLeft(a.AsInt32(), bits).As<int, T>()
            : Vector128.ShiftLeft(a.AsInt64(), bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> ShiftRight(Vector128<T> a, int bits) =>
        sizeof(T) == 4
            ? Vector128.ShiftRightLogical(a.AsInt32(), bits).As<int, T>()
            : Vector128.ShiftRightLogical(a.AsInt64(), bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Scale(Vector128<T> a, Vector128<T> n) => Simd.Scale<Simd128<T>, Vector128<T>, T>(a, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Exponent(Vector128<T> a) => Simd.Exponent<Simd128<T>, Vector128<T>, T>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<T> Mantissa(Vector128<T> a) => Simd.Mantissa<Simd128<T>, Vector128<T>, T>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector128<T> a)
    {
        a += SwapHalves(a);
        return (sizeof(T) == 4 ? a + SwapNeighbors(a) : a).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MinLane(Vector128<T> a)
    {
        a = Vector128.Min(a, SwapHalves(a));
        return (sizeof(T) == 4 ? Vector128.Min(a, SwapNeighbors(a)) : a).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MaxLane(Vector128<T> a)
    {
        a = Vector128.Max(a, SwapHalves(a));
        return (sizeof(T) == 4 ? Vector128.Max(a, SwapNeighbors(a)) : a).ToScalar();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> SwapHalves(Vector128<T> a) =>
        Vector128.Shuffle(a.AsInt32(), Vector128.Create(2, 3, 0, 1)).As<int, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<T> SwapNeighbors(Vector128<T> a) =>
        Vector128.Shuffle(a.AsInt32(), Vector128.Create(1, 0, 3, 2)).As<int, T>();
}
