using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>Computes in advance what depends only on constants, shapes and the values of sizes.</summary>
internal static class Fold
{
    /// <summary>
    /// The maximum number of elements of a folded value and of its inputs, because constants take up memory.
    /// </summary>
    private const long MaxElements = 4096;

    public static FunctionGraph Apply(FunctionGraph graph) => LocalRules.Apply(graph, SizeAsConstant, Evaluate);

    /// <summary>Replaces the value of a size that an op reads by a constant.</summary>
    private static Result? SizeAsConstant(Apply node)
    {
        var inputs = new Variable[node.Inputs.Count];
        bool isOther = false;
        for (int i = 0; i < inputs.Length; i++)
        {
            inputs[i] = node.Inputs[i];
            if (node.Op.Reads(i) && inputs[i] is Input { Type.KnownValue: { } value })
            {
                inputs[i] = Symbolic.Constant(value, DType.Int32);
                isOther = true;
            }
        }

        return isOther ? node.With(inputs).Outputs[0] : null;
    }

    /// <summary>
    /// Returns the value of an op that reads only constants. Its reference computes it in float64, and it is rounded
    /// to the dtype.
    /// </summary>
    public static Constant? Evaluate(Apply node)
    {
        TensorType type = node.Outputs[0].Type;
        bool isLong = type.DType == DType.Int64 || node.Inputs.Any(input => input.DType == DType.Int64);
        if (!IsPlain(node.Op) || type.Shape.Count > MaxElements || (isLong && node.Op is IReduce or SumTo))
        {
            return null;
        }

        var inputs = new NdArray[node.Inputs.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            Variable input = node.Inputs[i];
            if (node.Op.Reads(i))
            {
                if (input is not Constant constant || constant.Shape.Count > MaxElements)
                {
                    return null;
                }

                inputs[i] = NdArray.From(constant.Value);
                if (isLong && !AreExact(inputs[i]))
                {
                    return null;
                }
            }
            else
            {
                // The reference uses only the shape.
                inputs[i] = new NdArray(input.Shape, []);
            }
        }

        NdArray value = ReferenceEvaluator.Of(node.Op, inputs, [type])[0];
        return isLong && !AreExact(value) ? null : new Constant(value.ToTensor(type.DType));
    }

    /// <summary>Returns whether float64, in which references compute, represents these numbers exactly.</summary>
    private static bool AreExact(NdArray values) =>
        values.DType != DType.Int64 || values.Data.All(value => Math.Abs(value) < ElementType.MaxWhole);

    /// <summary>
    /// Returns whether an op's value may be computed in advance. Ops that only broadcast are excluded: reading a small
    /// constant repeatedly is better than a large one.
    /// </summary>
    private static bool IsPlain(Op op) => op.IsPlain && op is not (BroadcastTo or BroadcastLike);
}
