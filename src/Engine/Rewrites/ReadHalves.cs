using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On GPUs, makes products and convolutions read numbers of 16 bits as they are stored, instead of converted to
/// float32. Tensor cores multiply them and sum in float32. The product of two elements is exact in both cases. Where
/// there are no such tensor cores, products of matrices convert for themselves.
/// </summary>
internal static class ReadHalves
{
    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        if (device is not CudaTarget target)
        {
            return graph;
        }

        Dictionary<Variable, Variable> map = [];
        foreach (Apply node in Traversal.Order(graph.Roots))
        {
            Variable[] inputs = [.. node.Inputs.Select(input => map.GetValueOrDefault(input, input))];
            bool reads = node.Op.TakesHalves || target.HasHalfProducts;
            Apply same = node.With(reads ? Stored(node.Op, inputs) : inputs);
            foreach (Result output in node.Outputs)
            {
                map[output] = same.Outputs[output.Index];
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(root => map.GetValueOrDefault(root, root))]);
    }

    /// <summary>
    /// Returns the inputs, with those that are multiplied as they are stored if all of them have one dtype.
    /// </summary>
    private static Variable[] Stored(Op op, Variable[] inputs)
    {
        Variable[] stored = [.. inputs];
        DType? dtype = null;
        for (int i = 0; i < op.TensorOperands; i++)
        {
            if (!op.Reads(i))
            {
                continue;
            }

            if (!Match.Is(inputs[i], out Cast? to, out Apply? node) || to.To != DType.Float32
                || !node.Inputs[0].DType.IsHalf() || (dtype ??= node.Inputs[0].DType) != node.Inputs[0].DType)
            {
                return inputs;
            }

            stored[i] = node.Inputs[0];
        }

        return stored;
    }
}
