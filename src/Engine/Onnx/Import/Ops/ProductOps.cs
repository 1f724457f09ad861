using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports matrix products.</summary>
internal static class ProductOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("MatMul", 6, Takes.Numbers, node => node.Same(Product(node.X(0), node.X(1)))),
        new("Gemm", 6, Takes.Numbers, node =>
        {
            Variable a = node.X(0), b = node.X(1);
            double alpha = node.Float("alpha", 1), beta = node.Float("beta", 1);
            node.Ignore("broadcast");
            bool turnsA = node.Flag("transA"), turnsB = node.Flag("transB");
            if (!node.Type.IsFloat() && (alpha != Math.Floor(alpha) || beta != Math.Floor(beta)))
            {
                throw new EngineException($"it is of {node.Type.Name()}, and alpha or beta is a fraction");
            }

            Variable product = node.Type.IsFloat()
                ? Dot(a, b, turnsA, turnsB)
                : Product(turnsA ? DimShuffle(a, 1, 0) : a, turnsB ? DimShuffle(b, 1, 0) : b);
            product = alpha == 1 ? product : product * alpha;
            return node.Same(
                !node.Has(2) || beta == 0 ? product : product + (beta == 1 ? node.X(2) : node.X(2) * beta));
        }),
        new("Einsum", 12, Takes.Floats, node => node.Type.IsFloat()
            ? node.Same(Einsum(node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal), node.All()))
            : throw new EngineException($"it is of {node.Type.Name()}")),
    ];

    /// <summary>Returns a product of matrices. One of integers is exact and wraps, as their sums do.</summary>
    private static Variable Product(Variable a, Variable b)
    {
        if (a.DType.IsFloat())
        {
            return MatMul(a, b);
        }

        Variable left = a.Rank == 1 ? ExpandDims(a, 0) : a, right = b.Rank == 1 ? ExpandDims(b, 1) : b;
        Variable product = Sum(ExpandDims(left, -1) * ExpandDims(right, -3), [-2]);
        product = b.Rank == 1 ? Squeeze(product, [-1]) : product;
        return a.Rank == 1 ? Squeeze(product, [b.Rank == 1 ? -1 : -2]) : product;
    }
}
