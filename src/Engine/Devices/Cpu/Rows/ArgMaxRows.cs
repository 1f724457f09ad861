using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Finds the largest elements by vectors: the first of equal ones, and the first NaN before all numbers.
/// </summary>
internal static unsafe class ArgMaxRows<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, INumber<T>
{
    /// <summary>The most columns at a time, so that their maxima stay in the L1 cache.</summary>
    internal const int MaxColumns = 512;

    /// <summary>Returns the index of the largest element in a row of at least one element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static int OfRow(T* x, int n)
    {
        int width = Math.Min(S.Count, n);
        V best = S.LoadPartial(x, width), at = S.Zero;
        for (int i = S.Count; i < n; i += S.Count)
        {
            // The last vector includes some elements again, which changes nothing.
            int index = Math.Min(i, n - S.Count);
            PoolKernel<S, V, T>.Take(ref best, ref at, S.Load(x + index), index);
        }

        T* values = stackalloc T[S.Count], indices = stackalloc T[S.Count];
        S.Store(values, best);
        S.Store(indices, at);
        (T max, int first) = (values[0], *(int*)indices);
        for (int lane = 1; lane < width; lane++)
        {
            (T value, int index) = (values[lane], *(int*)(indices + lane) + lane);
            bool isEqual = value == max || (T.IsNaN(value) && T.IsNaN(max));
            if (isEqual ? index < first : IsGreater(value, max))
            {
                (max, first) = (value, index);
            }
        }

        return first;
    }

    /// <summary>Finds the indices in neighboring columns, of rows that lie <paramref name="ld"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void OfColumns(T* x, int rows, nint ld, int columns, int* y)
    {
        T* values = stackalloc T[MaxColumns], indices = stackalloc T[MaxColumns];
        for (int row = 0; row < rows; row++, x += ld)
        {
            for (int j = 0; j < columns; j += S.Count)
            {
                V value = Lanes<S, V, T>.LoadUpTo(x + j, columns - j);
                V best = row == 0 ? value : S.Load(values + j), at = row == 0 ? S.Zero : S.Load(indices + j);
                PoolKernel<S, V, T>.Take(ref best, ref at, value, row);
                S.Store(values + j, best);
                S.Store(indices + j, at);
            }
        }

        for (int j = 0; j < columns; j++)
        {
            y[j] = *(int*)(indices + j);
        }
    }

    private static bool IsGreater(T value, T max) =>
        value > max || (T.IsNaN(value) && !T.IsNaN(max));
}
