using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

/// <summary>A graph of any number of ops: a chain in which each link also reads links far before it.</summary>
internal static class LongGraph
{
    public static (Input X, Variable Y) Chain(int ops)
    {
        using Origin.Scope origin = Origin.Use(new Origin(null, 0));
        Input x = Variable("x", DType.Float32, [Shape.Unknown, 4]);
        var links = new List<Variable> { x };
        for (int i = 0; links.Count <= ops; i++)
        {
            Variable last = links[^1], before = links[links.Count / 2], far = links[links.Count / 3];
            links.Add((i % 8) switch
            {
                0 => Tanh(last),
                1 => last + before,
                2 => Dot(last, far, transposeB: true),
                3 => Dot(last, x),
                4 => last * far,
                5 => Transpose(Transpose(last)),
                6 => Sum(last, [1], keepDims: true) * before,
                _ => (last * 1) + 0,
            });
        }

        return (x, links[^1]);
    }
}
