using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Returns the cross-entropy of each row of predicted probabilities with its label: −log p[i, y[i]], a vector. If p
    /// is <see cref="Softmax(Variable)"/> of x, functions compute it from x, as −x[y] + max + log Σ exp(x − max), which
    /// neither overflows nor takes the logarithm of 0. The gradient is (softmax(x) − onehot(y))·g (the rewrite
    /// <c>stabilize</c>). There is no epsilon and no clipping, as in Lasagne.
    /// </summary>
    /// <param name="p">The probabilities: a row for each sample, a column for each class.</param>
    /// <param name="y">
    /// The labels, an integer vector; or the target probabilities, a matrix like p, of any dtype (then it is −Σ y·log p
    /// along rows, with 0·log 0 = 0).
    /// </param>
    /// <exception cref="EngineException">
    /// The shapes or dtypes do not fit. When the function is called: a label is not one of the columns.
    /// </exception>
    public static Variable CategoricalCrossEntropy(Variable p, Variable y)
    {
        ArgumentNullException.ThrowIfNull(p);
        ArgumentNullException.ThrowIfNull(y);
        return y.Rank == 2
            ? -Sum(CrossEntropyTerm(Cast(OfClasses("categoricalCrossEntropy", y, p), p.DType), Log(p)), [1])
            : new CrossEntropy().Call(p, y.DType.IsFloat() ? y : Indices(y, "label"));
    }

    /// <summary>
    /// Returns the cross-entropy of predicted probabilities with target ones, element by element:
    /// −y·log p − (1 − y)·log(1 − p), with 0·log 0 = 0. It is infinite where a certain event does not happen. If p is
    /// <see cref="Sigmoid(Variable)"/> of x, it is computed from x, as y·softplus(−x) + (1 − y)·softplus(x).
    /// </summary>
    public static Variable BinaryCrossEntropy(Variable p, Variable y)
    {
        (p, y) = Aligned(p, y);
        (Variable log, Variable logOfRest) = p is Result { Owner: { Op: Unary<Sigmoid> } sigmoid }
            ? (-Softplus(-sigmoid.Inputs[0]), -Softplus(sigmoid.Inputs[0]))
            : (Log(p), Log1p(-p));
        return -(CrossEntropyTerm(y, log) + CrossEntropyTerm(1 - y, logOfRest));
    }

    /// <summary>Computes (a − b)², element by element, with broadcasting. A column and a vector are aligned.</summary>
    public static Variable SquaredError(Variable a, Variable b)
    {
        (a, b) = Aligned(a, b);
        return Square(a - b);
    }

    private static Variable CrossEntropyTerm(Variable y, Variable log) => Map<CrossEntropyTerm>(y, log);
}

/// <summary>Computes a · b for a target probability a and a logarithm b: 0 · log 0 is 0.</summary>
internal readonly struct CrossEntropyTerm : IBinary
{
    public static bool HasPoles => true;

    public static DoubleDouble Scalar(double a, double b) => a == 0 ? 0 : a * b;

    public static string Cuda => "a == 0 ? T(0) : a * b";

    public static V Map<S, V, T>(V a, V b) where S : struct, ISimd<V, T> where V : struct where T : unmanaged =>
        S.AndNot(S.Mul(a, b), S.Equal(a, S.Zero));

    public static (Variable? A, Variable? B) Grad(Variable a, Variable b, Variable y, Variable g) => (g * b, g * a);
}
