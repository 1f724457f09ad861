using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Engine.Devices.Cpu;

namespace Engine.Ops;

/// <summary>Represents the operands of a kernel that works on matrices row by row; missing operands are null.</summary>
internal readonly unsafe struct RowOperands<T>(T* a, T* b, bool isOneB, int* labels, T* y, T* z, int columns)
    where T : unmanaged
{
    public T* A => a;

    public T* B => b;

    public int* Labels => labels;

    public T* Y => y;

    /// <summary>Gets the second output.</summary>
    public T* Z => z;

    public int Columns => columns;

    /// <summary>Returns the number of <see cref="B"/> for a row: each row has one, or all rows share one.</summary>
    public T Factor(int row) => b[isOneB ? 0 : row];

    /// <summary>Returns the label of a row. The loop has checked it, because the kernels use it as an index.</summary>
    public int Label(int row) => labels[row];
}

/// <summary>Represents a kernel that works on matrices row by row.</summary>
internal interface IRowKernel
{
    static abstract void Row<S, V, T>(RowOperands<T> operands, int row)
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T>;
}

/// <summary>Runs the loop over rows on the CPU, with the widest vectors of the hardware.</summary>
internal static unsafe class RowLoop
{
    /// <summary>
    /// The FLOPs of each element: the maximum, the difference from it, exp, the sum, and a division or a difference.
    /// </summary>
    public const long SoftmaxFlops = 5;

    private const int Grain = 4096;

    /// <summary>Returns the loop for operands that are inputs of a step: their indices, −1 for none.</summary>
    public static Phase[] Phases<TKernel>(CpuStep step, int a, int b = -1, int labels = -1)
        where TKernel : struct, IRowKernel =>
        step.DType(0) == DType.Float32
            ? Phases<TKernel, float>(step, a, b, labels)
            : Phases<TKernel, double>(step, a, b, labels);

    private static Phase[] Phases<TKernel, T>(CpuStep step, int a, int b, int labels)
        where TKernel : struct, IRowKernel where T : unmanaged, INumber<T>
    {
        Shape shape = step.Shape(a);
        int columns = shape[-1];
        int rows = shape.Product(0, shape.Rank - 1);
        var operands = new RowOperands<T>(
            step.In<T>(a),
            b < 0 ? null : step.In<T>(b),
            b >= 0 && step.Shape(b).Count == 1,
            labels < 0 ? null : step.In<int>(labels),
            step.Out<T>(),
            step.OutputCount > 1 ? step.Out<T>(1) : null,
            columns);
        RangeBody body =
            Vector512.IsHardwareAccelerated ? Body<TKernel, Simd512<T>, Vector512<T>, T>(operands, step.Origin)
            : Vector256.IsHardwareAccelerated ? Body<TKernel, Simd256<T>, Vector256<T>, T>(operands, step.Origin)
            : Body<TKernel, Simd128<T>, Vector128<T>, T>(operands, step.Origin);
        return [new Phase(rows, Math.Max(1, Grain / Math.Max(columns, 1)), body)];
    }

    private static RangeBody Body<TKernel, S, V, T>(RowOperands<T> operands, string origin)
        where TKernel : struct, IRowKernel
        where S : struct, ISimd<V, T> where V : struct where T : unmanaged, INumber<T> =>
        (start, end, _) =>
        {
            for (int row = start; row < end; row++)
            {
                if (operands.Labels is not null)
                {
                    CrossEntropy.Check(operands.Labels[row], row, operands.Columns, origin);
                }

                TKernel.Row<S, V, T>(operands, row);
            }
        };
}

/// <summary>Provides the functions of a row for the kernels.</summary>
internal static unsafe class RowMath<S, V, T>
    where S : struct, ISimd<V, T>
    where V : struct
    where T : unmanaged, INumber<T>
{
    /// <summary>Returns the largest element of a row that is not empty, or NaN.</summary>
    public static T Max(T* x, int n)
    {
        if (n < S.Count)
        {
            T largest = x[0];
            for (int i = 1; i < n; i++)
            {
                largest = T.Max(largest, x[i]);
            }

            return largest;
        }

        V max = S.Load(x), b = max, c = max, d = max;
        int at = S.Count;
        // Four maxima, because each waits for the one before it.
        for (; at <= n - (4 * S.Count); at += 4 * S.Count)
        {
            max = S.Max(max, S.Load(x + at));
            b = S.Max(b, S.Load(x + at + S.Count));
            c = S.Max(c, S.Load(x + at + (2 * S.Count)));
            d = S.Max(d, S.Load(x + at + (3 * S.Count)));
        }

        for (; at <= n - S.Count; at += S.Count)
        {
            b = S.Max(b, S.Load(x + at));
        }

        max = S.Max(S.Max(max, b), S.Max(c, d));

        // The last elements, some of them a second time.
        return S.MaxLane(S.Max(max, S.Load(x + n - S.Count)));
    }

    /// <summary>
    /// Returns the sum of exp(x − max). The differences are rounded. The relative error of a power grows with its
    /// exponent, but such a power is equally small in the sum.
    /// </summary>
    public static T ExpSum(T* x, T max, int n)
    {
        V m = S.Splat(max), sum = S.Zero;
        int i = 0;
        for (; i <= n - S.Count; i += S.Count)
        {
            sum = S.Add(sum, VectorMath.Exp<S, V, T>(S.Sub(S.Load(x + i), m)));
        }

        if (i < n)
        {
            T* scratch = stackalloc T[S.Count];
            S.Store(scratch, VectorMath.Exp<S, V, T>(S.Sub(S.LoadPartial(x + i, n - i), m)));
            sum = S.Add(sum, S.LoadPartial(scratch, n - i));
        }

        return S.Sum(sum);
    }

    /// <summary>
    /// Returns the sum of exp(x − max), and stores each power in <paramref name="y"/>. It corrects the rounding error e
    /// of each difference d: exp(d + e) is exp(d)·(1 + e).
    /// </summary>
    public static T ExactExpSum(T* x, T max, T* y, int n)
    {
        V m = S.Splat(max), sum = S.Zero;
        int i = 0;
        for (; i <= n - S.Count; i += S.Count)
        {
            V power = ExactExp(S.Load(x + i), m);
            S.Store(y + i, power);
            sum = S.Add(sum, power);
        }

        if (i < n)
        {
            S.StorePartial(y + i, ExactExp(S.LoadPartial(x + i, n - i), m), n - i);
            sum = S.Add(sum, S.LoadPartial(y + i, n - i));
        }

        return S.Sum(sum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExactExp(V value, V max)
    {
        V d = S.Sub(value, max), back = S.Sub(d, value);
        V lost = S.Sub(S.Sub(value, S.Sub(d, back)), S.Add(max, back));
        V e = VectorMath.Exp<S, V, T>(d);
        return S.Fma(e, S.And(S.Equal(lost, lost), lost), e);
    }

    /// <summary>
    /// Computes log Σ exp(x − max), where max is the largest element, as log(1 + the others), so that small terms are
    /// not lost beside 1.
    /// </summary>
    public static T LogExpSum(T* x, T max, int n)
    {
        V m = S.Splat(max), rest = S.Zero, ones = S.Zero;
        int i = 0;
        for (; i <= n - S.Count; i += S.Count)
        {
            V d = S.Sub(S.Load(x + i), m), isMax = S.Equal(d, S.Zero);
            rest = S.Add(rest, S.AndNot(VectorMath.Exp<S, V, T>(d), isMax));
            ones = S.Add(ones, S.And(isMax, S.Const(1)));
        }

        if (i < n)
        {
            T* scratch = stackalloc T[S.Count];
            V d = S.Sub(S.LoadPartial(x + i, n - i), m), isMax = S.Equal(d, S.Zero);
            S.Store(scratch, S.AndNot(VectorMath.Exp<S, V, T>(d), isMax));
            rest = S.Add(rest, S.LoadPartial(scratch, n - i));
            S.Store(scratch, S.And(isMax, S.Const(1)));
            ones = S.Add(ones, S.LoadPartial(scratch, n - i));
        }

        double others = double.CreateTruncating(S.Sum(rest)) + (double.CreateTruncating(S.Sum(ones)) - 1);
        return T.CreateTruncating(ScalarMath.Log1P.Of(others, others));
    }

    public static T Log(T x) => T.CreateTruncating(Math.Log(double.CreateTruncating(x)));

    /// <summary>Computes Σ a·b; for a null b, Σ a.</summary>
    public static T Dot(T* a, T* b, int n)
    {
        V sum = S.Zero;
        int i = 0;
        for (; i <= n - S.Count; i += S.Count)
        {
            V va = S.Load(a + i);
            sum = S.Add(sum, b == null ? va : S.Mul(va, S.Load(b + i)));
        }

        if (i < n)
        {
            V va = S.LoadPartial(a + i, n - i);
            sum = S.Add(sum, b == null ? va : S.Mul(va, S.LoadPartial(b + i, n - i)));
        }

        return S.Sum(sum);
    }
}
