using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Returns the gradient b, which a function computed from the gradient a. Returns 0 where a is 0 and b is not finite:
/// then b is 0 times an infinite slope, or the slope alone if a rewrite canceled what a was multiplied by. An input
/// without effect, for example the branch of a <see cref="Where"/> that is not taken, thus has no gradient, whatever
/// its value.
/// </summary>
internal readonly struct GuardGrad : IBinary
{
    public static DoubleDouble Scalar(double a, double b) => a == 0 && !double.IsFinite(b) ? 0 : b;

    public static string Cuda => "a == 0 && b - b != 0 ? T(0) : b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.AndNot(b, S.And(S.Equal(a, S.Zero), S.Not(S.Equal(S.Sub(b, b), S.Zero))));

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) =>
        (null, Symbolic.Where(Symbolic.Equal(a, 0) * Symbolic.NotEqual(b - b, 0), 0, g));
}
