using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

internal readonly struct Rectify : IUnary
{
    public static DoubleDouble Scalar(double x) => Math.Max(x, 0);

    public static string Cuda => "maximum(x, T(0))";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Max(x, S.Zero);

    public static Variable Grad(Variable x, Variable y, Variable g) => new Binary<RectifyGrad>().Call(y, g);
}

/// <summary>Returns the gradient b where the rectified a is positive, otherwise 0.</summary>
internal readonly struct RectifyGrad : IBinary
{
    public static DoubleDouble Scalar(double a, double b) => a > 0 ? b : 0;

    public static string Cuda => "a > 0 ? b : T(0)";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.And(S.Less(S.Zero, a), b);

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (null, new Binary<RectifyGrad>().Call(a, g));
}

public static partial class Symbolic
{
    /// <summary>Computes max(x, 0). Its gradient at exactly 0 is taken as 0 (libtorch), not ½ (Theano).</summary>
    public static Variable Rectify(Variable x) => Map<Rectify>(x);

    /// <summary>Returns x where it is positive, otherwise x times <paramref name="leakiness"/>.</summary>
    public static Variable LeakyRectify(Variable x, double leakiness = 0.01) => Where(Greater(x, 0), x, x * leakiness);

    /// <summary>Returns x where it is positive, otherwise exp(x) − 1 (Clevert et al., arXiv:1511.07289).</summary>
    public static Variable Elu(Variable x) => Where(Greater(x, 0), x, Expm1(Minimum(x, 0)));

    /// <summary>Returns x itself: the nonlinearity of a linear layer.</summary>
    public static Variable Linear(Variable x) => x;
}
