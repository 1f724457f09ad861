using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Pooling of one plane by vectors. A lane is a window of a row of windows; its elements come from rows that are padded
/// and split into the phases of the stride. If rows of a window are long, a lane is a column instead.
/// </summary>
internal static unsafe class PlanePooling<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>The mean of each window.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Average(in PoolShape s, in PoolMemory<T> memory, bool countPadding, T* x, T* y)
    {
        for (int oh = 0; oh < memory.OH; oh++, y += memory.OW)
        {
            (int top, int bottom) = s.Rows(oh);
            V rows = S.Const(s.RowsOfMean(oh, countPadding));
            if (s.HasLongRows)
            {
                for (int ow = 0; ow < memory.OW; ow++)
                {
                    V divisor = S.Mul(rows, S.Splat(memory.Divisors[ow]));
                    S.StorePartial(y + ow, S.Div(S.Splat(WindowSum(s, x, top, bottom, ow)), divisor), 1);
                }
            }
            else
            {
                RowSums(s, x, top, bottom, memory.Row);
                Strides<S, V, T>.Split(s.StrideW, s.W, memory.Row, memory.Phases, memory.Length, s.PadW);
                AverageRow(s, memory, rows, y);
            }

            for (int ow = 0; ow < memory.OW; ow++)
            {
                if (!T.IsFinite(y[ow]))
                {
                    int divisor = s.RowsOfMean(oh, countPadding) * s.ColumnsOfMean(ow, countPadding);
                    y[ow] = SumOfShares(s, x, (top, bottom), ow, T.CreateTruncating(divisor));
                }
            }
        }
    }

    /// <summary>The mean of numbers whose sum overflows; with infinities and NaNs, the value of the sum.</summary>
    private static T SumOfShares(in PoolShape s, T* x, (int Top, int Bottom) rows, int ow, T divisor)
    {
        (int left, int right) = s.Columns(ow);
        T sum = T.Zero;
        for (int i = rows.Top; i < rows.Bottom; i++)
        {
            for (int j = left; j < right; j++)
            {
                sum += x[((nint)i * s.W) + j] / divisor;
            }
        }

        return sum;
    }

    /// <summary>The gradient of <see cref="Average"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void AverageGrad(in PoolShape s, in PoolMemory<T> memory, bool countPadding, T* dy, T* dx)
    {
        new Span<T>(dx, s.H * s.W).Clear();
        for (int oh = 0; oh < memory.OH; oh++, dy += memory.OW)
        {
            (int top, int bottom) = s.Rows(oh);
            V rows = S.Const(s.RowsOfMean(oh, countPadding));
            for (int ow = 0; ow < memory.OW; ow += S.Count)
            {
                V divisor = S.Mul(rows, Lanes<S, V, T>.LoadUpTo(memory.Divisors + ow, memory.OW - ow));
                V share = S.Div(Lanes<S, V, T>.LoadUpTo(dy + ow, memory.OW - ow), divisor);
                Lanes<S, V, T>.StoreUpTo(memory.Shares + ow, share, memory.OW - ow);
            }

            if (s.HasLongRows)
            {
                AddToWindows(s, memory, top, bottom, dx);
                continue;
            }

            new Span<T>(memory.Row, s.W).Clear();
            JoinShares(s, memory);
            Strides<S, V, T>.AddJoined(s.StrideW, s.W, memory.Phases, memory.Length, s.PadW, memory.Row);
            for (int i = top; i < bottom; i++)
            {
                Lanes<S, V, T>.Add(s.W, memory.Row, dx + ((nint)i * s.W));
            }
        }
    }

    /// <summary>The largest element of each window and its index, as defined by <see cref="Pooling.Max"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Max(in PoolShape s, in PoolMemory<T> memory, T* x, T* y, int* argmax)
    {
        // If windows extend beyond the dimensions, the elements outside count as negative infinity here.
        int inside = (s.PadW + s.StrideW - 1) / s.StrideW, last = s.W + s.PadW - s.KW;
        int outside = last < 0 ? 0 : (last / s.StrideW) + 1;
        bool isInPlace = s.StrideW == 2 && inside == 0 && outside >= memory.OW;
        for (int oh = 0; oh < memory.OH; oh++, y += memory.OW, argmax += memory.OW)
        {
            (int top, int bottom) = s.Rows(oh);
            if (s.HasLongRows || top >= bottom)
            {
                for (int ow = 0; ow < memory.OW; ow++)
                {
                    (y[ow], argmax[ow]) = MaxWindow(s, x, top, bottom, ow);
                }

                continue;
            }

            if (isInPlace)
            {
                MaxRowInPlace(s, memory, x + ((nint)top * s.W), bottom - top, y);
            }
            else
            {
                nint row = s.StrideW * memory.Length;
                for (int i = top; i < bottom; i++)
                {
                    T* phases = memory.Phases + ((i - top) * row);
                    Strides<S, V, T>.Split(s.StrideW, s.W, x + ((nint)i * s.W), phases, memory.Length, s.PadW);
                }

                MaxRow(s, memory, bottom - top, y);
            }

            Pooling.PlaneIndices(memory.Row, memory.OW, (top * s.W) - s.PadW, s.StrideW, argmax);
            for (int ow = 0; ow < memory.OW; ow++)
            {
                ow = ow == inside ? Math.Max(inside, outside) : ow;
                if (ow < memory.OW && y[ow] == T.NegativeInfinity)
                {
                    (y[ow], argmax[ow]) = MaxWindow(s, x, top, bottom, ow);
                }
            }
        }
    }

    /// <summary>Adds rows element by element.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RowSums(in PoolShape s, T* x, int top, int bottom, T* sums)
    {
        for (int j = 0; j < s.W; j += S.Count)
        {
            V sum = S.Zero;
            for (int i = top; i < bottom; i++)
            {
                sum = S.Add(sum, Lanes<S, V, T>.LoadUpTo(x + ((nint)i * s.W) + j, s.W - j));
            }

            Lanes<S, V, T>.StoreUpTo(sums + j, sum, s.W - j);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AverageRow(in PoolShape s, in PoolMemory<T> memory, V rows, T* y)
    {
        nint length = memory.Length;
        for (int ow = 0; ow < memory.OW; ow += S.Count)
        {
            V sum = S.Zero;
            for (int first = 0; first < s.KW; first += s.StrideW)
            {
                T* from = memory.Phases + (first / s.StrideW) + ow;
                T* end = from + (Math.Min(s.StrideW, s.KW - first) * length);
                for (; from < end; from += length)
                {
                    sum = S.Add(sum, S.Load(from));
                }
            }

            V divisor = S.Mul(rows, S.Load(memory.Divisors + ow));
            Lanes<S, V, T>.StoreUpTo(y + ow, S.Div(sum, divisor), memory.OW - ow);
        }
    }

    /// <summary>
    /// Computes each phase of a row of the gradient: the sum of the shares of the windows that cover each element.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void JoinShares(in PoolShape s, in PoolMemory<T> memory)
    {
        int count = memory.OW + (s.KW / s.StrideW) + 1;
        for (int phase = 0; phase < s.StrideW; phase++)
        {
            T* to = memory.Phases + (phase * memory.Length);
            for (int i = 0; i < count; i += S.Count)
            {
                V sum = S.Zero;
                T* from = memory.Shares + i;
                for (int j = phase; j < s.KW; j += s.StrideW, from--)
                {
                    sum = S.Add(sum, S.Load(from));
                }

                S.Store(to + i, sum);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxRow(in PoolShape s, in PoolMemory<T> memory, int rows, T* y)
    {
        nint length = memory.Length;
        for (int ow = 0; ow < memory.OW; ow += S.Count)
        {
            V best = S.Load(memory.Phases + ow), at = S.Zero;
            for (int i = 0; i < rows; i++)
            {
                T* row = memory.Phases + (i * s.StrideW * length) + ow;
                int index = i * s.W;
                for (int first = 0; first < s.KW; first += s.StrideW, row++)
                {
                    T* from = row, end = from + (Math.Min(s.StrideW, s.KW - first) * length);
                    for (; from < end; from += length, index++)
                    {
                        PoolKernel<S, V, T>.Take(ref best, ref at, S.Load(from), index);
                    }
                }
            }

            Lanes<S, V, T>.StoreUpTo(y + ow, best, memory.OW - ow);
            S.Store(memory.Row + ow, at);
        }
    }

    /// <summary>The same for whole windows of stride 2, whose phases are computed in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void MaxRowInPlace(in PoolShape s, in PoolMemory<T> memory, T* rows, int count, T* y)
    {
        for (int ow = 0; ow < memory.OW; ow += S.Count)
        {
            V best = S.Const(double.NegativeInfinity), at = S.Zero;
            int left = s.W - (2 * ow);
            T* row = rows + (2 * ow);
            for (int i = 0; i < count; i++, row += s.W)
            {
                int index = i * s.W;
                for (int j = 0; j < s.KW; j += 2)
                {
                    V a = Lanes<S, V, T>.LoadUpTo(row + j, left - j);
                    int high = Math.Max(left - j - S.Count, 0);
                    V b = high == 0 ? S.Zero : Lanes<S, V, T>.LoadUpTo(row + j + S.Count, high);
                    PoolKernel<S, V, T>.Take(ref best, ref at, S.Even(a, b), index + j);
                    if (j + 1 < s.KW)
                    {
                        PoolKernel<S, V, T>.Take(ref best, ref at, S.Odd(a, b), index + j + 1);
                    }
                }
            }

            Lanes<S, V, T>.StoreUpTo(y + ow, best, memory.OW - ow);
            S.Store(memory.Row + ow, at);
        }
    }

    /// <summary>The sum of a window, along its rows; contiguous if these are whole rows of the plane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static T WindowSum(in PoolShape s, T* x, int top, int bottom, int ow)
    {
        (int left, int right) = s.Columns(ow);
        int rows = bottom - top, columns = right - left;
        if (columns == s.W)
        {
            (rows, columns) = (1, rows * columns);
        }

        V sum = S.Zero;
        T* row = x + ((nint)top * s.W) + left;
        for (int i = 0; i < rows; i++, row += s.W)
        {
            for (int j = 0; j < columns; j += S.Count)
            {
                sum = S.Add(sum, Lanes<S, V, T>.LoadUpTo(row + j, columns - j));
            }
        }

        return S.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void AddToWindows(in PoolShape s, in PoolMemory<T> memory, int top, int bottom, T* dx)
    {
        // A load after stores of neighboring windows would wait for them.
        bool overlap = s.StrideH < s.KH || s.StrideW < s.KW;
        for (int ow = 0; ow < memory.OW; ow++)
        {
            (int left, int right) = s.Columns(ow);
            int rows = bottom - top, columns = right - left;
            if (columns == s.W)
            {
                (rows, columns) = (1, rows * columns);
            }

            V share = S.Splat(memory.Shares[ow]);
            T* row = dx + ((nint)top * s.W) + left;
            for (int i = 0; i < rows; i++, row += s.W)
            {
                for (int j = 0; j < columns; j += S.Count)
                {
                    V sum = overlap ? S.Add(Lanes<S, V, T>.LoadUpTo(row + j, columns - j), share) : share;
                    Lanes<S, V, T>.StoreUpTo(row + j, sum, columns - j);
                }
            }
        }
    }

    /// <summary>
    /// The maximum of one window, along its rows: first the first largest element of each lane, then the first of all
    /// lanes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (T Best, int At) MaxWindow(in PoolShape s, T* x, int top, int bottom, int ow)
    {
        (int left, int right) = s.Columns(ow);
        T best = T.NegativeInfinity;
        int at = top < bottom && left < right ? (top * s.W) + left : -1;
        // The elements after the whole vectors of a row have lanes of their own.
        int rest = Math.Max(right - left, 0) % S.Count, whole = right - rest;
        V max = S.Const(double.NegativeInfinity), maxRest = max, indices = S.ConstBits(at), indicesRest = indices;
        for (int i = top; i < bottom; i++)
        {
            for (int index = (i * s.W) + left; index < (i * s.W) + whole; index += S.Count)
            {
                PoolKernel<S, V, T>.Take(ref max, ref indices, S.Load(x + index), index);
            }

            int last = (i * s.W) + whole;
            PoolKernel<S, V, T>.Take(ref maxRest, ref indicesRest, S.LoadPartial(x + last, rest), last);
        }

        T* values = stackalloc T[4 * S.Count], wheres = values + (2 * S.Count);
        S.Store(values, max);
        S.Store(values + S.Count, maxRest);
        S.Store(wheres, indices);
        S.Store(wheres + S.Count, indicesRest);
        for (int lane = whole > left ? 0 : S.Count; lane < S.Count + rest; lane++)
        {
            // A lane in which all elements are negative infinity still has the window's first index.
            bool isUnmoved = values[lane] == T.NegativeInfinity;
            Take(ref best, ref at, values[lane], isUnmoved ? at : *(int*)(wheres + lane) + (lane % S.Count));
        }

        return (best, at);
    }

    /// <summary>NaN wins over a number, the greater over the lesser, and the first of equal ones.</summary>
    private static void Take(ref T best, ref int at, T value, int index)
    {
        bool isFirst = index < at;
        if (T.IsNaN(value) ? !T.IsNaN(best) || isFirst : value > best || (value == best && isFirst))
        {
            (best, at) = (value, index);
        }
    }
}

/// <summary>
/// A thread's memory for pooling planes: rows split into phases, a row, and values for rows of windows.
/// </summary>
internal readonly unsafe struct PoolMemory<T>
    where T : unmanaged
{
    private readonly T* _end;

    private PoolMemory(in PoolShape s, T* start)
    {
        // How many further windows of a row begin within one, and room for the widest vector after a row.
        int reach = s.KW / s.StrideW, spare = 64 / sizeof(T);
        (OH, OW) = (s.OH, s.OW);
        Length = Math.Max(OW + reach, (s.W + s.PadW) / s.StrideW) + 2 + spare;
        Phases = start;
        Row = Phases + (s.KH * s.StrideW * Length);
        Divisors = Row + Math.Max(s.W, OW) + spare;
        Shares = Divisors + OW + spare + reach + 1;
        _end = Shares + OW + reach + 2 + (2 * spare);
    }

    internal int OH { get; }

    internal int OW { get; }

    /// <summary>The distance of the phases of a row: all elements under the windows of a row.</summary>
    internal nint Length { get; }

    /// <summary>The phases of the rows of a window.</summary>
    internal T* Phases { get; }

    internal T* Row { get; }

    /// <summary>For each window of a row, the number of columns in its mean.</summary>
    internal T* Divisors { get; }

    /// <summary>For each window of a row, the gradient of each of its elements; zeros before and after them.</summary>
    internal T* Shares { get; }

    internal static long Bytes(in PoolShape s) => ((long)new PoolMemory<T>(s, null)._end + 63) & ~63L;

    internal static PoolMemory<T> Of(in PoolShape s, byte* workspace, int worker) =>
        new(s, (T*)(workspace + (worker * Bytes(s))));
}
