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
        for (int i = 0; i < count; i++)
        {
            y[i] = TTo.CreateTruncating(x[i]);
        }
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
