using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Graph;

public class PrinterTests
{
    [Test]
    public void A_toposort_names_leaves_by_name_or_type_and_results_by_their_op()
    {
        Variable x = Variable(null, DType.Float32, [3]), y = Vector("y");

        Assert.That(
            Printer.Toposort(Traversal.Order([-x * y])), Is.EqualTo("[negate(<float32 (3)>), multiply(negate.0, y)]"));
    }

    [Test]
    public void A_tree_shows_what_is_used_twice_once()
    {
        Variable x = Vector("x");
        Variable square = x * x;

        Assert.That(Printer.Tree(square + square), Is.EqualTo(
            """
            add.0 #1 float32 (?)
              multiply.0 #2 float32 (?)
                'x' float32 (?)
                'x' float32 (?)
              multiply.0 #2 float32 (?) …

            """));
    }
}
