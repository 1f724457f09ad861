using System.Numerics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>An element of the gradient of a softmax or of its logarithm.</summary>
internal interface ISoftmaxGrad
{
    /// <summary>Gets whether the sum over a row is of g·y, not of g.</summary>
    static abstract bool IsWeighted { get; }

    /// <summary>Computes elements from the result y, its gradient g and the sum over the row.</summary>
    static abstract V Of<S, V, T>(V y, V g, V sum)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>;
}

/// <summary>
/// Computes the gradient of a softmax, or of its logarithm: for each row a sum, and then the elements.
/// </summary>
internal readonly struct SoftmaxGradKernel<TGrad> : IRowKernel
    where TGrad : struct, ISoftmaxGrad
{
    public static unsafe void Row<S, V, T>(RowOperands<T> operands, int row)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>
    {
        int n = operands.Columns;
        T* y = operands.A + ((long)row * n), g = operands.B + ((long)row * n), dx = operands.Y + ((long)row * n);
        V sum = S.Splat(RowMath<S, V, T>.Dot(g, TGrad.IsWeighted ? y : null, n));
        int i = 0;
        for (; i <= n - S.Count; i += S.Count)
        {
            S.Store(dx + i, TGrad.Of<S, V, T>(S.Load(y + i), S.Load(g + i), sum));
        }

        if (i < n)
        {
            V last = TGrad.Of<S, V, T>(S.LoadPartial(y + i, n - i), S.LoadPartial(g + i, n - i), sum);
            S.StorePartial(dx + i, last, n - i);
        }
    }
}
