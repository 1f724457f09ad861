using Engine.Graph;

namespace Engine.Rewrites;

/// <summary>Merges equal ops on equal inputs.</summary>
internal static class Merge
{
    /// <summary>Merges equal ops on equal inputs, and equal constants with one number.</summary>
    public static FunctionGraph Apply(FunctionGraph graph)
    {
        var canonical = new Dictionary<Variable, Variable>();
        var constants = new Dictionary<(DType, Shape, long), Constant>();
        var shapes = new Dictionary<TensorType, ShapeOnly>();
        var nodes = new Dictionary<NodeKey, Apply>();
        foreach (Apply node in Traversal.Order(graph.Roots))
        {
            Variable[] inputs = [.. node.Inputs.Select(Canonical)];
            var key = new NodeKey(node.Op, inputs);
            if (!nodes.TryGetValue(key, out Apply? same))
            {
                same = node.With(inputs);
                nodes.Add(key, same);
            }

            foreach (Result output in node.Outputs)
            {
                same.Outputs[output.Index].Name ??= output.Name;
                canonical[output] = same.Outputs[output.Index];
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(Canonical)]);

        Variable Canonical(Variable variable)
        {
            if (variable is Constant { Shape.Count: 1 } constant)
            {
                // Compared by their bits: 0 and -0 are equal, but not the same.
                Span<byte> bits = stackalloc byte[sizeof(long)];
                bits.Clear();
                constant.Value.Bytes.CopyTo(bits);
                var key = (constant.DType, constant.Shape, BitConverter.ToInt64(bits));
                constants.TryAdd(key, constant);
                return constants[key];
            }

            if (variable is ShapeOnly shape)
            {
                shapes.TryAdd(shape.Type, shape);
                return shapes[shape.Type];
            }

            return canonical.GetValueOrDefault(variable, variable);
        }
    }

    private sealed record NodeKey(Op Op, Variable[] Inputs)
    {
        public bool Equals(NodeKey? other) =>
            other is not null && Op.Equals(other.Op) && Inputs.AsSpan().SequenceEqual(other.Inputs);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.Add(Op);
            foreach (Variable input in Inputs)
            {
                hash.Add(input.Id);
            }

            return hash.ToHashCode();
        }
    }
}
