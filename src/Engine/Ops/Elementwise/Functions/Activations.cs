using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

internal readonly struct Softsign : IUnary
{
    public static double Ulps => 2;

    public static DoubleDouble Scalar(double x) =>
        double.IsInfinity(x) ? double.NaN : x / DoubleDouble.Sum(1, Math.Abs(x));

    public static string Cuda => "x / (1 + abs(x))";

    public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.Div(x, S.Add(S.Const(1), S.Abs(x)));

    // Derived from x / (1 + |x|) itself, the gradient would be a difference of nearly equal numbers.
    public static Variable Grad(Variable x, Variable y, Variable g) => g / Symbolic.Square(1 + Symbolic.Abs(x));
}

public static partial class Symbolic
{
    /// <summary>
    /// Computes x·Φ(x) with the error function, where Φ is the normal distribution (Hendrycks and Gimpel,
    /// arXiv:1606.08415).
    /// </summary>
    public static Variable Gelu(Variable x) => x * 0.5 * Erfc(x * -Math.Sqrt(0.5));

    /// <summary>Computes x·σ(x), also called swish (Elfwing et al., arXiv:1702.03118).</summary>
    public static Variable Silu(Variable x) => x * Sigmoid(x);

    /// <summary>Computes x·tanh(softplus(x)) (Misra, arXiv:1908.08681).</summary>
    public static Variable Mish(Variable x) => x * Tanh(Softplus(x));

    /// <summary>
    /// Computes elu with the two factors that keep means at 0 and variances at 1 (Klambauer et al., arXiv:1706.02515).
    /// </summary>
    public static Variable Selu(Variable x)
    {
        const double Scale = 1.0507009873554804934193349852946, Alpha = 1.6732632423543772848170429916717;
        return Where(Greater(x, 0), x, Expm1(Minimum(x, 0)) * Alpha) * Scale;
    }

    /// <summary>Returns x if it is positive, otherwise alpha·(exp(x) − 1).</summary>
    public static Variable Elu(Variable x, double alpha) => Where(Greater(x, 0), x, Expm1(Minimum(x, 0)) * alpha);

    /// <summary>Computes 0.2·x + 0.5, clipped to 0 and 1, as Theano and Keras do (PyTorch's slope is 1/6).</summary>
    public static Variable HardSigmoid(Variable x) => Clip((x * 0.2) + 0.5, 0, 1);

    /// <summary>Computes x / (1 + |x|).</summary>
    public static Variable Softsign(Variable x) => Map<Softsign>(x);

    /// <summary>Returns x, clipped to −1 and 1.</summary>
    public static Variable HardTanh(Variable x) => Clip(x, -1, 1);

    /// <summary>
    /// Computes b·tanh(a·x). The defaults are those of LeCun (Efficient BackProp, 1998), which keep variances at 1.
    /// </summary>
    public static Variable ScaledTanh(Variable x, double scaleIn = 2.0 / 3, double scaleOut = 1.7159) =>
        Tanh(x * scaleIn) * scaleOut;
}
