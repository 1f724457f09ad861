using Engine.Graph;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Graph;

/// <summary>Every op knows the line of the user's code that built it, in whatever way the library builds it.</summary>
[TestFixture]
public sealed class OriginTests
{
    private static IEnumerable<TestCaseData> Functions =>
    [
        Of("an operator", x => x[0] + 1),
        Of("images scaled up, axis by axis", x => Upscale(x, [2, 3])),
        Of("images resized", x => Resize(x, [5, 7])),
        Of("repeated along axes", x => Tile(x, 1, 1, 2, 2)),
        Of("padded", x => Pad(x, [(1, 1), (2, 2)])),
        Of("padded by what is there", x => Pad(x, [(1, 1), (2, 2)], Engine.Ops.PadMode.Edge)),
        Of("stacked", x => Stack(0, x, x, x)),
        Of("split", x => Concat(2, [.. Split(x, 2, 1, 2)])),
        Of("a sum of products", x => Einsum("abij,abjk->ik", x, x)),
        Of("normalized", x => GroupNorm(x, 1)),
        Of("flipped", x => Flip(x)),
        Of("the slopes of all that", x => Grad(Sum(Upscale(Pad(x, [(1, 1)]), [2])), x)),
        Of("a query of the user's", x => Enumerable.Range(0, 3).Aggregate(x, (sum, i) => sum + i)),
    ];

    [TestCaseSource(nameof(Functions))]
    public void Each_op_names_the_file_that_built_it(Func<Variable, Variable> function)
    {
        Variable y = function(Variable("x", DType.Float32, [1, 1, 3, 3]));

        Assert.That(
            Traversal.Order([y])
                .Where(node => Path.GetFileName(node.Origin.File) != $"{nameof(OriginTests)}.cs"), Is.Empty);
    }

    private static TestCaseData Of(string name, Func<Variable, Variable> function) =>
        new TestCaseData(function).SetArgDisplayNames(name);
}
