using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On the CPU, makes of a division by a square root that serves many elements, such as a row's standard deviation, a
/// multiplication by its reciprocal: a vector's division takes as long as ten multiplications. A root and its reciprocal
/// are 0 or infinite together, never because one overflows, so that the quotient is rounded once more and is the same
/// else.
/// </summary>
internal static class Reciprocals
{
    public static FunctionGraph Apply(FunctionGraph graph, Device device)
    {
        if (device.IsGpu)
        {
            return graph;
        }

        Dictionary<Variable, Variable> made = [];
        return LocalRules.Apply(graph, node =>
        {
            if (!Match.Is<Divide>(node.Outputs[0], out Variable? x, out Variable? root)
                || !x.DType.IsFloat()
                || root.Shape.Count >= node.Outputs[0].Shape.Count
                || !Match.Is<Sqrt>(Match.Seen(root), out _))
            {
                return null;
            }

            if (!made.TryGetValue(root, out Variable? reciprocal))
            {
                made[root] = reciprocal = Match.Of<Divide>(Match.Number(1, root), root);
            }

            return Match.Repeated(Match.Of<Multiply>(x, reciprocal), node.Outputs[0].Shape);
        });
    }
}
