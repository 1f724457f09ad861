using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Onnx;

/// <summary>Imports matrix products.</summary>
internal static class ProductOps
{
    public static IEnumerable<OnnxOp> Rows() =>
    [
        new("MatMul", 6, Takes.Floats, node => node.Type.IsFloat()
            ? node.Same(MatMul(node.X(0), node.X(1)))
            : throw new EngineException($"it is of {node.Type.Name()}")),
        new("Gemm", 6, Takes.Floats, node =>
        {
            if (!node.Type.IsFloat())
            {
                throw new EngineException($"it is of {node.Type.Name()}");
            }

            Variable a = node.X(0), b = node.X(1);
            double alpha = node.Float("alpha", 1), beta = node.Float("beta", 1);
            node.Ignore("broadcast");
            Variable product = Dot(a, b, node.Flag("transA"), node.Flag("transB"));
            product = alpha == 1 ? product : product * alpha;
            return node.Same(!node.Has(2) || beta == 0 ? product : product + (beta == 1 ? node.X(2) : node.X(2) * beta));
        }),
        new("Einsum", 12, Takes.Floats, node => node.Type.IsFloat()
            ? node.Same(Einsum(node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal), node.All()))
            : throw new EngineException($"it is of {node.Type.Name()}")),
    ];
}
