using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class MergeTests
{
    private static readonly string[] s_others = ["fold", "canonicalize", "stabilize", "fuse"];

    private readonly Input _x = Vector("x");

    [Test]
    public void Equal_subgraphs_are_computed_once() =>
        AssertOps([Exp(_x * 2) + Exp(_x * 2)], ["multiply", "exp", "add"]);

    [Test]
    public void Other_numbers_inputs_and_ops_stay_apart() => AssertOps(
        [Exp(_x * 2) + Exp(_x * 3) + Tanh(_x * 2)], ["multiply", "exp", "multiply", "exp", "add", "tanh", "add"]);

    [Test]
    public void Switched_off_it_leaves_all_as_it_was_written() =>
        AssertOps([Exp(_x) + Exp(_x)], ["exp", "exp", "add"], "merge");

    private void AssertOps(Variable[] outputs, string[] ops, params string[] excluding)
    {
        var options = new CompileOptions { Excluding = [.. s_others, .. excluding] };
        using var f = Function.Compile([_x], outputs, options: options);

        f.Prepare(new Tensor(DType.Float32, [3]));

        Assert.That(f.Nodes.Select(node => node.Op.Name), Is.EqualTo(ops));
    }
}
