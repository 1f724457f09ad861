using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// The cross-entropy of each row of predicted probabilities with its label: −log p[i, y[i]], a vector. Where p is
    /// <see cref="Softmax(Variable)"/> of x, functions compute it from x, as −x[y] + max + log Σ exp(x − max), which
    /// neither overflows nor takes the logarithm of 0, and its gradient as (softmax(x) − onehot(y))·g (the rewrite
    /// <c>stabilise</c>). No epsilon and no clipping, as in Lasagne.
    /// </summary>
    /// <param name="p">The probabilities: a row a sample, a column a class.</param>
    /// <param name="y">
    /// The labels, an integer vector; or the wanted probabilities, a matrix like p (then −Σ y·log p along the rows).
    /// </param>
    /// <exception cref="EngineException">
    /// The shapes or dtypes do not fit; or, when it is called, a label is not one of the columns.
    /// </exception>
    public static Variable CategoricalCrossEntropy(Variable p, Variable y)
    {
        ArgumentNullException.ThrowIfNull(p);
        ArgumentNullException.ThrowIfNull(y);
        return y.DType.IsFloat() && y.Rank == 2
            ? -Sum(y * Log(p), [1])
            : new CrossEntropy().Call(p, y.DType == DType.UInt8 ? Cast(y, DType.Int32) : y);
    }

    /// <summary>
    /// The cross-entropy of predicted probabilities with wanted ones, element by element: −y·log p − (1 − y)·log(1 −
    /// p). Where p is <see cref="Sigmoid(Variable)"/> of x, it is computed from x, as softplus(x) − x·y.
    /// </summary>
    public static Variable BinaryCrossEntropy(Variable p, Variable y) =>
        p is Result { Owner: { Op: Unary<Sigmoid> } sigmoid }
            ? Softplus(sigmoid.Inputs[0]) - (sigmoid.Inputs[0] * y)
            : -((y * Log(p)) + ((1 - y) * Log1p(-p)));

    /// <summary>(a − b)², element by element, with broadcasting.</summary>
    public static Variable SquaredError(Variable a, Variable b) => Square(a - b);
}
