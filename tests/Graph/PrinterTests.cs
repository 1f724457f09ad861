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
    public void A_debug_print_gives_each_thing_an_id_and_shows_it_once()
    {
        Variable x = Vector("x");
        Variable square = x * x;

        Assert.That(Printer.DebugPrint(("output 0", square + square), ("new w", x)), Is.EqualTo(
            """
            output 0
             |add [id A] <float32 (?)>
             | |multiply [id B] <float32 (?)>
             | | |x [id C] <float32 (?)>
             | | |x [id C] <float32 (?)>
             | |multiply [id B] <float32 (?)>
            new w
             |x [id C] <float32 (?)>

            """));
    }

    [Test]
    public void A_graph_for_graphviz_has_a_node_for_each_op_in_its_layer()
    {
        Variable x = Vector("x\"y");
        Variable y;
        using (Origin.Use(new Origin("Model.cs", 1, "hidden")))
        {
            y = -x;
        }

        using (Origin.Use(new Origin("Model.cs", 2)))
        {
            y += 1;
        }

        Assert.That(DotPrinter.Print(("output 0", y)), Is.EqualTo(
            """
            digraph {
              node [fontname="sans-serif"];
              n0 [label="x\"y\nfloat32 (?)", shape=ellipse];
              n1 [label="1\nfloat32 ()", shape=ellipse];
              subgraph cluster0 { label="hidden";
                n2 [label="negate", shape=box];
              }
              n3 [label="add", shape=box];
              n0 -> n2 [label=""];
              n2 -> n3 [label="float32 (?)"];
              n1 -> n3 [label=""];
              root0 [label="output 0", shape=plaintext];
              n3 -> root0 [label="float32 (?)"];
            }

            """));
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
