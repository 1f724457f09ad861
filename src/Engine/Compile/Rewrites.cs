using Engine.Graph;

namespace Engine.Compile;

/// <summary>Turns a graph into one that computes the same, better.</summary>
/// <param name="Name">What it is called in prints.</param>
/// <param name="Apply">The rewrite.</param>
internal sealed record Rewrite(string Name, Func<FunctionGraph, FunctionGraph> Apply)
{
    /// <summary>All rewrites, in the order in which they run.</summary>
    public static IReadOnlyList<Rewrite> All { get; } = [new("merge", Merge)];

    /// <summary>Equal ops on equal inputs are computed once, and equal scalar constants are one.</summary>
    internal static FunctionGraph Merge(FunctionGraph graph)
    {
        var canonical = new Dictionary<Variable, Variable>();
        var constants = new Dictionary<(DType, long), Constant>();
        var nodes = new Dictionary<NodeKey, Apply>();
        foreach (Apply node in Traversal.Order(graph.Roots))
        {
            Variable[] inputs = [.. node.Inputs.Select(Canonical)];
            var key = new NodeKey(node.Op, inputs);
            if (!nodes.TryGetValue(key, out Apply? same))
            {
                same = inputs.SequenceEqual(node.Inputs) ? node : new Apply(node.Op, inputs, node.Origin);
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
            if (variable is Constant { Rank: 0 } constant)
            {
                // By their bits: 0 and -0 are equal, but not the same.
                double value = constant.Value.Cast(DType.Float64).AsSpan<double>()[0];
                var key = (constant.DType, BitConverter.DoubleToInt64Bits(value));
                constants.TryAdd(key, constant);
                return constants[key];
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
