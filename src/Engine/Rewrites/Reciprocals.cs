using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Rewrites;

/// <summary>
/// On the CPU, replaces a division by a square root that serves many elements, such as a row's standard deviation, by a
/// multiplication by the reciprocal: a vector division takes as long as ten multiplications. Neither a root nor its
/// reciprocal overflows unless the other is 0 or infinite, so the only difference is that the quotient is rounded once
/// more.
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
