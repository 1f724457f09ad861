using System.Numerics;

namespace Engine;

/// <summary>Converts elements: see <see cref="Conversion"/>.</summary>
internal unsafe delegate void ElementConversion(void* from, void* to, int count);

/// <summary>
/// Converts elements to another dtype. A fraction is rounded toward zero to an integer, a number out of range becomes
/// the nearest integer that the type holds, and NaN becomes 0. An integer becomes a smaller one by its low bits. A bool
/// is true for any number except 0.
/// </summary>
internal static unsafe class Conversion
{
    public static ElementConversion Of(DType from, DType to) => from.Call(new From(), to);

    private sealed class From : IForElements<DType, ElementConversion>
    {
        public ElementConversion For<T>(DType to) where T : unmanaged, INumber<T> =>
            to == DType.Bool ? Truth<T> : to.Call(new To<T>(), 0);
    }

    private sealed class To<TFrom> : IForElements<int, ElementConversion> where TFrom : unmanaged, INumber<TFrom>
    {
        public ElementConversion For<T>(int argument) where T : unmanaged, INumber<T> => Convert<TFrom, T>;
    }

    private static void Convert<TFrom, TTo>(void* from, void* to, int count)
        where TFrom : unmanaged, INumber<TFrom>
        where TTo : unmanaged, INumber<TTo>
    {
        var x = (TFrom*)from;
        var y = (TTo*)to;
        for (int i = ByVectors(x, y, count); i < count; i++)
        {
            y[i] = TTo.CreateTruncating(x[i]);
        }
    }

    /// <summary>Converts as many elements as there are vectors for, and returns their number.</summary>
    private static int ByVectors<TFrom, TTo>(TFrom* x, TTo* y, int count)
        where TFrom : unmanaged
        where TTo : unmanaged
    {
        int step = Vector<byte>.Count / Math.Min(sizeof(TFrom), sizeof(TTo)), i = 0;
        for (; i <= count - step; i += step)
        {
            if (typeof(TFrom) == typeof(float) && typeof(TTo) == typeof(double))
            {
                Vector.Widen(Vector.Load((float*)x + i), out Vector<double> low, out Vector<double> high);
                low.Store((double*)y + i);
                high.Store((double*)y + i + Vector<double>.Count);
            }
            else if (typeof(TFrom) == typeof(double) && typeof(TTo) == typeof(float))
            {
                var low = Vector.Load((double*)x + i);
                Vector.Narrow(low, Vector.Load((double*)x + i + Vector<double>.Count)).Store((float*)y + i);
            }
            else if (typeof(TFrom) == typeof(int) && typeof(TTo) == typeof(float))
            {
                Vector.ConvertToSingle(Vector.Load((int*)x + i)).Store((float*)y + i);
            }
            else if (typeof(TFrom) == typeof(float) && typeof(TTo) == typeof(int))
            {
                Vector.ConvertToInt32(Vector.Load((float*)x + i)).Store((int*)y + i);
            }
            else if (typeof(TFrom) == typeof(int) && typeof(TTo) == typeof(long))
            {
                Vector.Widen(Vector.Load((int*)x + i), out Vector<long> low, out Vector<long> high);
                low.Store((long*)y + i);
                high.Store((long*)y + i + Vector<long>.Count);
            }
            else if (typeof(TFrom) == typeof(byte) && typeof(TTo) == typeof(float))
            {
                Vector.Widen(Vector.Load((byte*)x + i), out Vector<ushort> low, out Vector<ushort> high);
                Single(low, (float*)y + i);
                Single(high, (float*)y + i + Vector<ushort>.Count);
            }
            else
            {
                break;
            }
        }

        return i;
    }

    private static void Single(Vector<ushort> x, float* y)
    {
        Vector.Widen(x, out Vector<uint> low, out Vector<uint> high);
        Vector.ConvertToSingle(low.As<uint, int>()).Store(y);
        Vector.ConvertToSingle(high.As<uint, int>()).Store(y + Vector<int>.Count);
    }

    private static void Truth<TFrom>(void* from, void* to, int count) where TFrom : unmanaged, INumber<TFrom>
    {
        var x = (TFrom*)from;
        var y = (byte*)to;
        for (int i = 0; i < count; i++)
        {
            y[i] = (byte)(x[i] != TFrom.Zero ? 1 : 0);
        }
    }
}
