using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Runs element-wise ops on the CPU, with the widest vectors of the hardware.</summary>
internal static class MapLoop
{
    public static Phase[] Phases<TMap>(CpuStep step) where TMap : struct, IMap =>
        Promotion.Computed(step.DType(0)).Call(new Loops<TMap>(), step);

    private sealed class Loops<TMap> : IForElements<CpuStep, Phase[]> where TMap : struct, IMap
    {
        public Phase[] For<T>(CpuStep step) where T : unmanaged, INumber<T> =>
            Vector512.IsHardwareAccelerated ? new MapLoop<TMap, Simd512<T>, Vector512<T>, T>(step).Phases
            : Vector256.IsHardwareAccelerated ? new MapLoop<TMap, Simd256<T>, Vector256<T>, T>(step).Phases
            : new MapLoop<TMap, Simd128<T>, Vector128<T>, T>(step).Phases;
    }
}

/// <summary>Runs one row for one vector width and element type.</summary>
[SkipLocalsInit]
internal sealed unsafe class MapLoop<TMap, S, V, T>
    where TMap : struct, IMap
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged
{
    private const int Grain = 8192;

    /// <summary>The number of vectors that the loop handles in an iteration.</summary>
    private const int Several = 4;

    private readonly T* _a;
    private readonly T* _b;
    private readonly T* _c;
    private readonly byte* _y;
    private readonly bool _isMask;
    private readonly int _count;
    private readonly int[] _dimensions;
    private readonly int[][] _strides;

    public MapLoop(CpuStep step)
    {
        (_dimensions, _strides) = Broadcasting.Loops(
            step.OutShape(), [.. Enumerable.Range(0, TMap.Arity).Select(step.Shape)]);
        _a = step.In<T>(0);
        _b = TMap.Arity > 1 ? step.In<T>(1) : _a;
        _c = TMap.Arity > 2 ? step.In<T>(2) : _a;
        _y = step.Out<byte>();
        _isMask = step.OutDType() != step.DType(0);
        _count = checked((int)step.OutShape().Count);
    }

    public Phase[] Phases => [new Phase(_count, Grain, Run)];

    private void Run(int start, int end, int worker)
    {
        int inner = _dimensions[^1];
        while (start < end)
        {
            (int row, int column) = Math.DivRem(start, inner);
            int n = Math.Min(end - start, inner - column);
            if (_isMask)
            {
                Row<StoreMask>(row, column, n, _y + start);
            }
            else
            {
                Row<StoreValue>(row, column, n, _y + ((long)start * sizeof(T)));
            }

            start += n;
        }
    }

    // Optimized from the first call on: the loop does most of the work, and there may be few calls.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Row<TStore>(int row, int column, int n, byte* y) where TStore : struct, IStore
    {
        int strideA = _strides[0][^1];
        int strideB = TMap.Arity > 1 ? _strides[1][^1] : 0;
        int strideC = TMap.Arity > 2 ? _strides[2][^1] : 0;
        T* a = _a + Offset(0, row) + ((long)column * strideA);
        T* b = TMap.Arity > 1 ? _b + Offset(1, row) + ((long)column * strideB) : a;
        T* c = TMap.Arity > 2 ? _c + Offset(2, row) + ((long)column * strideC) : a;
        V splatA = S.Splat(*a), splatB = S.Splat(*b), splatC = S.Splat(*c);
        int i = TMap.MapsRuns && n >= S.Count ? Runs<TStore>(a, strideA, b, strideB, n, y) : 0;
        // The processor works on several vectors at once; a single one waits for its own results. With 16 registers,
        // the JIT would keep an op's constants in them and its values in memory.
        bool takesSeveral = Simd.HasManyRegisters(S.Count * sizeof(T));
        for (; takesSeveral && i <= n - (Several * S.Count); i += Several * S.Count)
        {
            V r0 = Of(i), r1 = Of(i + S.Count), r2 = Of(i + (2 * S.Count)), r3 = Of(i + (3 * S.Count));
            TStore.Store(y, i, r0, S.Count);
            TStore.Store(y, i + S.Count, r1, S.Count);
            TStore.Store(y, i + (2 * S.Count), r2, S.Count);
            TStore.Store(y, i + (3 * S.Count), r3, S.Count);
        }

        for (; i <= n - S.Count; i += S.Count)
        {
            TStore.Store(y, i, Of(i), S.Count);
        }

        if (i < n)
        {
            int left = n - i;
            V va = strideA == 0 ? splatA : S.LoadPartial(a + i, left);
            V vb = TMap.Arity < 2 ? va : strideB == 0 ? splatB : S.LoadPartial(b + i, left);
            V vc = TMap.Arity < 3 ? va : strideC == 0 ? splatC : S.LoadPartial(c + i, left);
            TStore.Store(y, i, TMap.Map<S, V, T>(va, vb, vc), left);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V Of(int at)
        {
            V va = strideA == 0 ? splatA : S.Load(a + at);
            V vb = TMap.Arity < 2 ? va : strideB == 0 ? splatB : S.Load(b + at);
            V vc = TMap.Arity < 3 ? va : strideC == 0 ? splatC : S.Load(c + at);
            return TMap.Map<S, V, T>(va, vb, vc);
        }
    }

    /// <summary>Maps runs of vectors; returns the number of their elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Runs<TStore>(T* a, int strideA, T* b, int strideB, int n, byte* y) where TStore : struct, IStore
    {
        int length = VectorMath.MaxRun * S.Count, i = 0;
        T* left = stackalloc T[length], right = stackalloc T[length];
        new Span<T>(right, length).Fill(*b);
        for (; i <= n - S.Count; i += length)
        {
            length = Math.Min(length, (n - i) / S.Count * S.Count);
            for (int j = 0; j < length; j += S.Count)
            {
                S.Store(left + j, strideA == 0 ? S.Splat(*a) : S.Load(a + i + j));
                if (strideB != 0)
                {
                    S.Store(right + j, S.Load(b + i + j));
                }
            }

            TMap.MapRun<S, V, T>(length / S.Count, left, right);
            for (int j = 0; j < length; j += S.Count)
            {
                TStore.Store(y, i + j, S.Load(left + j), S.Count);
            }
        }

        return i;
    }

    /// <summary>Returns the offset in an input at which a row of the outer loops begins.</summary>
    private long Offset(int input, int row)
    {
        long offset = 0;
        int[] strides = _strides[input];
        for (int axis = _dimensions.Length - 2; axis >= 0; axis--)
        {
            (row, int index) = Math.DivRem(row, _dimensions[axis]);
            offset += (long)index * strides[axis];
        }

        return offset;
    }

    private interface IStore
    {
        static abstract void Store(byte* y, int index, V value, int count);
    }

    private readonly struct StoreValue : IStore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(byte* y, int index, V value, int count)
        {
            if (count == S.Count)
            {
                S.Store((T*)y + index, value);
            }
            else
            {
                S.StorePartial((T*)y + index, value, count);
            }
        }
    }

    /// <summary>
    /// Stores a mask: comparisons return lanes of all ones or all zeros, which become bytes of 1 or 0.
    /// </summary>
    private readonly struct StoreMask : IStore
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static void Store(byte* y, int index, V value, int count)
        {
            ulong bits = S.MaskBits(value);
            for (int lane = 0; lane < count; lane++)
            {
                y[index + lane] = (byte)((bits >> lane) & 1);
            }
        }
    }
}
