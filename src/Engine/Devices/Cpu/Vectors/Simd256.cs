using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Engine.Devices.Cpu;

/// <summary>256-bit registers: AVX2.</summary>
internal readonly unsafe struct Simd256<T> : ISimd<Vector256<T>, T>
    where T : unmanaged
{
    public static int Count
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<T>.Count;
    }

    public static Vector256<T> Zero
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector256<T>.Zero;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Load(T* from) => Vector256.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(T* to, Vector256<T> value) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> LoadPartial(T* from, int count)
    {
        if (Avx.IsSupported && sizeof(T) == 4)
        {
            return Avx.MaskLoad((float*)from, First4(count).AsSingle()).As<float, T>();
        }

        if (Avx.IsSupported && sizeof(T) == 8)
        {
            return Avx.MaskLoad((double*)from, First8(count).AsDouble()).As<double, T>();
        }

        Vector256<T> value = default;
        Unsafe.CopyBlockUnaligned(&value, from, (uint)(count * sizeof(T)));
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StorePartial(T* to, Vector256<T> value, int count)
    {
        // Some processors store with a mask many times slower (Zen 3: 42 operations).
        if (count >= Vector256<T>.Count)
        {
            value.Store(to);
        }
        else if (Avx.IsSupported && sizeof(T) == 4)
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
    private static Vector256<int> First4(int count) =>
        Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<long> First8(int count) =>
        Vector256.LessThan(Vector256<long>.Indices, Vector256.Create((long)count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Splat(T value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Const(double value) =>
        typeof(T) == typeof(float) ? Vector256.Create((float)value).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Create(value).As<double, T>()
        : typeof(T) == typeof(long) ? Vector256.Create((long)value).As<long, T>()
        : Vector256.Create((int)value).As<int, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> ConstBits(long bits) =>
        sizeof(T) == 4 ? Vector256.Create((int)bits).As<int, T>() : Vector256.Create(bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Add(Vector256<T> a, Vector256<T> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Sub(Vector256<T> a, Vector256<T> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Mul(Vector256<T> a, Vector256<T> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Div(Vector256<T> a, Vector256<T> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Fma(Vector256<T> a, Vector256<T> b, Vector256<T> c)
    {
        if (typeof(T) == typeof(float))
        {
            return Vector256.MultiplyAddEstimate(a.AsSingle(), b.AsSingle(), c.AsSingle()).As<float, T>();
        }

        return typeof(T) == typeof(double)
            ? Vector256.MultiplyAddEstimate(a.AsDouble(), b.AsDouble(), c.AsDouble()).As<double, T>()
            : (a * b) + c;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Min(Vector256<T> a, Vector256<T> b) => Vector256.Min(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Max(Vector256<T> a, Vector256<T> b) => Vector256.Max(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> MinNative(Vector256<T> a, Vector256<T> b) => Vector256.MinNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> MaxNative(Vector256<T> a, Vector256<T> b) => Vector256.MaxNative(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Abs(Vector256<T> a) => Vector256.Abs(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Neg(Vector256<T> a) => -a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Sqrt(Vector256<T> a) => Vector256.Sqrt(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Round(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Round(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Round(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Floor(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Floor(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Floor(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Ceiling(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Ceiling(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Ceiling(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Truncate(Vector256<T> a) =>
        typeof(T) == typeof(float) ? Vector256.Truncate(a.AsSingle()).As<float, T>()
        : typeof(T) == typeof(double) ? Vector256.Truncate(a.AsDouble()).As<double, T>()
        : a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Equal(Vector256<T> a, Vector256<T> b) => Vector256.Equals(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Less(Vector256<T> a, Vector256<T> b) => Vector256.LessThan(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> LessOrEqual(Vector256<T> a, Vector256<T> b) => Vector256.LessThanOrEqual(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> And(Vector256<T> a, Vector256<T> b) => a & b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Or(Vector256<T> a, Vector256<T> b) => a | b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Xor(Vector256<T> a, Vector256<T> b) => a ^ b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> AndNot(Vector256<T> a, Vector256<T> b) => Vector256.AndNot(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Not(Vector256<T> a) => ~a;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Select(Vector256<T> mask, Vector256<T> a, Vector256<T> b) =>
        Vector256.ConditionalSelect(mask, a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Even(Vector256<T> a, Vector256<T> b)
    {
        if (!Avx2.IsSupported)
        {
            return Vector256.Create(
                Simd128<T>.Even(a.GetLower(), a.GetUpper()), Simd128<T>.Even(b.GetLower(), b.GetUpper()));
        }

        // The instruction works within halves of 128 bits, so the lanes of b end in the middle.
        Vector256<double> halves = sizeof(T) == 4
            ? Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0b10_00_10_00).AsDouble()
            : Avx.UnpackLow(a.AsDouble(), b.AsDouble());
        return Avx2.Permute4x64(halves, 0b11_01_10_00).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Odd(Vector256<T> a, Vector256<T> b)
    {
        if (!Avx2.IsSupported)
        {
            return Vector256.Create(
                Simd128<T>.Odd(a.GetLower(), a.GetUpper()), Simd128<T>.Odd(b.GetLower(), b.GetUpper()));
        }

        // The instruction works within halves of 128 bits, so the lanes of b end in the middle.
        Vector256<double> halves = sizeof(T) == 4
            ? Avx.Shuffle(a.AsSingle(), b.AsSingle(), 0b11_01_11_01).AsDouble()
            : Avx.UnpackHigh(a.AsDouble(), b.AsDouble());
        return Avx2.Permute4x64(halves, 0b11_01_10_00).As<double, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> ZipLow(Vector256<T> a, Vector256<T> b) => Vector256.Create(
        Simd128<T>.ZipLow(a.GetLower(), b.GetLower()), Simd128<T>.ZipHigh(a.GetLower(), b.GetLower()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> ZipHigh(Vector256<T> a, Vector256<T> b) => Vector256.Create(
        Simd128<T>.ZipLow(a.GetUpper(), b.GetUpper()), Simd128<T>.ZipHigh(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong MaskBits(Vector256<T> mask) => mask.ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> LoadHalves(ushort* from)
    {
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.Load(from));
        return Vector256.Create(low, high).As<uint, T>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHalves(ushort* to, Vector256<T> value)
    {
        Vector256<uint> lanes = value.AsUInt32();
        Vector128.Narrow(lanes.GetLower(), lanes.GetUpper()).Store(to);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> ShiftLeft(Vector256<T> a, int bits) =>
        sizeof(T) == 4
            ? Vector256.ShiftLeft(a.AsInt32(), bits).As<int, T>()
            : Vector256.ShiftLeft(a.AsInt64(), bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> ShiftRight(Vector256<T> a, int bits) =>
        sizeof(T) == 4
            ? Vector256.ShiftRightLogical(a.AsInt32(), bits).As<int, T>()
            : Vector256.ShiftRightLogical(a.AsInt64(), bits).As<long, T>();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Scale(Vector256<T> a, Vector256<T> n) => Simd.Scale<Simd256<T>, Vector256<T>, T>(a, n);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Exponent(Vector256<T> a) => Simd.Exponent<Simd256<T>, Vector256<T>, T>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<T> Mantissa(Vector256<T> a) => Simd.Mantissa<Simd256<T>, Vector256<T>, T>(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Sum(Vector256<T> a) => Simd128<T>.Sum(a.GetLower() + a.GetUpper());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MinLane(Vector256<T> a) => Simd128<T>.MinLane(Vector128.Min(a.GetLower(), a.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T MaxLane(Vector256<T> a) => Simd128<T>.MaxLane(Vector128.Max(a.GetLower(), a.GetUpper()));
}
