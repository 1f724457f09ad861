using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>Computes now what depends on constants, on shapes and on the values of sizes alone.</summary>
internal static class Fold
{
    /// <summary>What is folded has, and is made of, no more elements than this: constants take up memory.</summary>
    private const long MaxElements = 4096;

    public static FunctionGraph Apply(FunctionGraph graph) => LocalRules.Apply(graph, SizeAsConstant, Evaluate);

    /// <summary>An op that reads the value of a size reads a constant instead.</summary>
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
    /// Returns the value of an op that reads constants alone, by its definition, in float64, and rounded to the dtype.
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
                // The definition looks at its shape only.
                inputs[i] = new NdArray(input.Shape, []);
            }
        }

        NdArray value = ReferenceEvaluator.Of(node.Op, inputs, [type])[0];
        return isLong && !AreExact(value) ? null : new Constant(value.ToTensor(type.DType));
    }

    /// <summary>Whether float64, in which definitions compute, tells the numbers from all others.</summary>
    private static bool AreExact(NdArray values) =>
        values.DType != DType.Int64 || values.Data.All(value => Math.Abs(value) < ElementType.MaxWhole);

    /// <summary>
    /// Whether an op's value is its inputs' alone. Not those that draw random numbers or use an input as an index,
    /// which may be out of range: that is reported when the function runs. Nor those that only repeat: a constant that
    /// is read over and over is better than a large one.
    /// </summary>
    private static bool IsPlain(Op op) => op is Elementwise or Cast or View or DimShuffle or Count
        or Concat or Subtensor { Parts.Arrays: 0 } or Iota or SumTo or IReduce;
}
