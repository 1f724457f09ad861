using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>512-bit registers: AVX-512.</summary>
internal readonly unsafe struct Simd512<T> : ISimd<Vector512<T>, T>
    where T : unmanaged
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<T>.Count;
    }

    public static Vector512<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector512<T>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Load(T* from) => Vector512.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* to, Vector512<T> value) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> LoadPartial(T* from, int count)
    {
        if (Avx512F.IsSupported && sizeof(T) == 4)
        {
            return Avx512F.MaskLoad((float*)from, First4(count).AsSingle(), Vector512<float>.Zero).As<float, T>();
        }

        if (Avx512F.IsSupported && sizeof(T) == 8)
        {
            return Avx512F.MaskLoad((double*)from, First8(count).AsDouble(), Vector512<double>.Zero).As<double, T>();
        }

        Vector512<T> value = default;
        Unsafe.CopyBlockUnaligned(&value, from, (uint)(count * sizeof(T)));
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(T* to, Vector512<T> value, int count)
    {
        if (Avx512F.IsSupported && sizeof(T) == 4)
        {
            Avx512F.MaskStore((float*)to, First4(count).AsSingle(), value.AsSingle());
        }
        else if (Avx512F.IsSupported && sizeof(T) == 8)
        {
            Avx512F.MaskStore((double*)to, First8(count).AsDouble(), value.AsDouble());
        }
        else
        {
            Unsafe.CopyBlockUnaligned(to, &value, (uint)(count * sizeof(T)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> First4(int count) =>
        Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<long> First8(int count) =>
        Vector512.LessThan(Vector512<long>.Indices, Vector512.Create((long)count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Splat(T value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Const(double value) =>
        typeof(T) == typeof(float) ? Vector512.Create((float)value).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Create(value).As<double, T>()
        : typeof(T) == typeof(long) ? Vector512.Create((long)value).As<long, T>()
        : Vector512.Create((int)value).As<int, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> ConstBits(long bits) =>
        sizeof(T) == 4 ? Vector512.Create((int)bits).As<int, T>() : Vector512.Create(bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Add(Vector512<T> a, Vector512<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Sub(Vector512<T> a, Vector512<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Mul(Vector512<T> a, Vector512<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Div(Vector512<T> a, Vector512<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Fma(Vector512<T> a, Vector512<T> b, Vector512<T> c)
    {
        if (typeof(T) == typeof(float))
        {
            return Vector512.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>();
        }

        return typeof(T) == typeof(double)
            ? Vector512.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>()
            : (a * b) + c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Min(Vector512<T> a, Vector512<T> b) => Vector512.Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Max(Vector512<T> a, Vector512<T> b) => Vector512.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MinNative(Vector512<T> a, Vector512<T> b) => Vector512.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> MaxNative(Vector512<T> a, Vector512<T> b) => Vector512.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Abs(Vector512<T> a) => Vector512.Abs(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Neg(Vector512<T> a) => -a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Sqrt(Vector512<T> a) => Vector512.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Round(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Round(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Round(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Floor(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Floor(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Floor(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Ceiling(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Ceiling(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Ceiling(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Truncate(Vector512<T> a) =>
        typeof(T) == typeof(float) ? Vector512.Truncate(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector512.Truncate(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Equal(Vector512<T> a, Vector512<T> b) => Vector512.Equals(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Less(Vector512<T> a, Vector512<T> b) => Vector512.LessThan(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> LessOrEqual(Vector512<T> a, Vector512<T> b) => Vector512.LessThanOrEqual(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> And(Vector512<T> a, Vector512<T> b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Or(Vector512<T> a, Vector512<T> b) => a | b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Xor(Vector512<T> a, Vector512<T> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> AndNot(Vector512<T> a, Vector512<T> b) => Vector512.AndNot(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Not(Vector512<T> a) => ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Select(Vector512<T> mask, Vector512<T> a, Vector512<T> b) =>
        Vector512.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Even(Vector512<T> a, Vector512<T> b) =>
        Avx512F.IsSupported && sizeof(T) == 4
            ? Avx512F.PermuteVar16x32x2(
                a.AsInt32(),
                Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30),
                b.AsInt32())
                .As<int, T>()
        : Avx512F.IsSupported && sizeof(T) == 8
            ? Avx512F.PermuteVar8x64x2(a.AsInt64(), Vector512.Create(0, 2, 4, 6, 8, 10, 12, 14), b.AsInt64())
                .As<long, T>()
        : Vector512.Create(
            Simd256<T>.Even(a.GetLower(), a.GetUpper()), Simd256<T>.Even(b.GetLower(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Odd(Vector512<T> a, Vector512<T> b) =>
        Avx512F.IsSupported && sizeof(T) == 4
            ? Avx512F.PermuteVar16x32x2(
                a.AsInt32(),
                Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31),
                b.AsInt32())
                .As<int, T>()
        : Avx512F.IsSupported && sizeof(T) == 8
            ? Avx512F.PermuteVar8x64x2(a.AsInt64(), Vector512.Create(1, 3, 5, 7, 9, 11, 13, 15), b.AsInt64())
                .As<long, T>()
        : Vector512.Create(
            Simd256<T>.Odd(a.GetLower(), a.GetUpper()), Simd256<T>.Odd(b.GetLower(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> ZipLow(Vector512<T> a, Vector512<T> b) =>
        Avx512F.IsSupported && sizeof(T) == 4
            ? Avx512F.PermuteVar16x32x2(
                a.AsInt32(),
                Vector512.Create(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
                b.AsInt32())
                .As<int, T>()
        : Avx512F.IsSupported && sizeof(T) == 8
            ? Avx512F.PermuteVar8x64x2(a.AsInt64(), Vector512.Create(0, 8, 1, 9, 2, 10, 3, 11), b.AsInt64())
                .As<long, T>()
        : Vector512.Create(
            Simd256<T>.ZipLow(a.GetLower(), b.GetLower()), Simd256<T>.ZipHigh(a.GetLower(), b.GetLower()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> ZipHigh(Vector512<T> a, Vector512<T> b) =>
        Avx512F.IsSupported && sizeof(T) == 4
            ? Avx512F.PermuteVar16x32x2(
                a.AsInt32(),
                Vector512.Create(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31),
                b.AsInt32())
                .As<int, T>()
        : Avx512F.IsSupported && sizeof(T) == 8
            ? Avx512F.PermuteVar8x64x2(a.AsInt64(), Vector512.Create(4, 12, 5, 13, 6, 14, 7, 15), b.AsInt64())
                .As<long, T>()
        : Vector512.Create(
            Simd256<T>.ZipLow(a.GetUpper(), b.GetUpper()), Simd256<T>.ZipHigh(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MaskBits(Vector512<T> mask) => mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> LoadHalves(ushort* from)
    {
        (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(from));
        return Vector512.Create(low, high).As<uint, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(ushort* to, Vector512<T> value)
    {
        Vector512<uint> lanes = value.AsUInt32();
        Vector256.Narrow(lanes.GetLower(), lanes.GetUpper()).Store(to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> ShiftLeft(Vector512<T> a, int bits) =>
        sizeof(T) == 4
            ? Vector512.ShiftLeft(a.AsInt32(), bits).As<int, T>()
            : Vector512.ShiftLeft(a.AsInt64(), bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> ShiftRight(Vector512<T> a, int bits) =>
        sizeof(T) == 4
            ? Vector512.ShiftRightLogical(a.AsInt32(), bits).As<int, T>()
            : Vector512.ShiftRightLogical(a.AsInt64(), bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Scale(Vector512<T> a, Vector512<T> n) =>
        Avx512F.IsSupported && typeof(T) == typeof(float)
            ? Avx512F.Scale(a.AsSingle(), n.AsSingle()).As<float, T>()
        : Avx512F.IsSupported && typeof(T) == typeof(double)
            ? Avx512F.Scale(a.AsDouble(), n.AsDouble()).As<double, T>()
            : Simd.Scale<Simd512<T>, Vector512<T>, T>(a, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Exponent(Vector512<T> a) =>
        Avx512F.IsSupported && typeof(T) == typeof(float) ? Avx512F.GetExponent(a.AsSingle()).As<float, T>()
        : Avx512F.IsSupported && typeof(T) == typeof(double) ? Avx512F.GetExponent(a.AsDouble()).As<double, T>()
        : Simd.Exponent<Simd512<T>, Vector512<T>, T>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<T> Mantissa(Vector512<T> a) =>
        Avx512F.IsSupported && typeof(T) == typeof(float) ? Avx512F.GetMantissa(a.AsSingle(), 0).As<float, T>()
        : Avx512F.IsSupported && typeof(T) == typeof(double) ? Avx512F.GetMantissa(a.AsDouble(), 0).As<double, T>()
        : Simd.Mantissa<Simd512<T>, Vector512<T>, T>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector512<T> a) => Simd256<T>.Sum(a.GetLower() + a.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MinLane(Vector512<T> a) => Simd256<T>.MinLane(Vector256.Min(a.GetLower(), a.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MaxLane(Vector512<T> a) => Simd256<T>.MaxLane(Vector256.Max(a.GetLower(), a.GetUpper()));
}
