using Engine.Compile;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Ops;

public class RowsTests
{
    private static SharedVariable Rows() => Shared(Tensor.From([1f, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5, 2), "x");

    [Test]
    public void Rows_are_taken_from_where_a_counter_stands()
    {
        SharedVariable x = Rows(), step = Shared(Tensor.Scalar(0), "step");
        Input size = Size("size");
        using var next = Function.Compile([size], [TakeRows(x, step * 2, size)], [new(step, step + 1)]);

        Assert.That(Floats(next.Call(Tensor.Scalar(2))), Is.EqualTo(new float[] { 1, 2, 3, 4 }));
        Assert.That(Floats(next.Call(Tensor.Scalar(2))), Is.EqualTo(new float[] { 5, 6, 7, 8 }));
        Assert.That(Floats(next.Call(Tensor.Scalar(1))), Is.EqualTo(new float[] { 9, 10 }));
    }

    [TestCase(3, 3, "the rows 3 to 5 lie outside the 5 there are")]
    [TestCase(-1, 3, "the rows -1 to 1 lie outside the 5 there are")]
    [TestCase(int.MaxValue, 1, "the rows 2147483647 to 2147483647 lie outside the 5 there are")]
    public void Rows_outside_the_array_are_refused_when_the_function_runs(int start, int size, string message)
    {
        SharedVariable x = Rows();
        Input first = IntScalar("first");
        Variable rows = TakeRows(x, first, Constant(size));
        using var take = Function.Compile([first], [rows]);
        using var grad = Function.Compile([first], [Grad(Sum(rows), x)]);

        foreach (Function f in (Function[])[take, grad])
        {
            Assert.That(
                () => f.Call(Tensor.Scalar(start)), Throws.TypeOf<EngineException>().With.Message.Contains(message)
                    .And.Message
                    .Matches(@"Built at .*RowsTests\.cs:\d+\.$|The gradient of what was built at .*:\d+\.$"));
        }

        Assert.That(take.Call(Tensor.Scalar(0))[0].Shape == Shape.Create(size, 2), "runs again after an error");
    }

    [Test]
    public void The_number_of_rows_must_be_known_to_a_plan()
    {
        Input start = IntScalar("start"), count = IntScalar("count");

        Assert.That(() => TakeRows(Rows(), start, count), Throws.TypeOf<EngineException>().With.Message.Contains(
            "The number of rows to take must be a constant or an input made by Size, not 'count'."));
    }

    [TestCase(5)]
    [TestCase(-6)]
    public void An_index_that_is_no_row_is_refused_when_the_function_runs(int index)
    {
        SharedVariable x = Rows();
        Input indices = IntVector("indices");
        Variable rows = Gather(x, indices);
        using var gather = Function.Compile([indices], [rows]);
        using var grad = Function.Compile([indices], [Grad(Sum(rows), x)]);

        Assert.That(() => gather.Call(Tensor.From([0, index])), Throws.TypeOf<EngineException>().With.Message.Contains(
            $"The index {index} lies outside an axis of 5: ").And.Message.Matches(@"Built at .*RowsTests\.cs:\d+\.$"));
        Assert.That(() => grad.Call(Tensor.From([0, index])), Throws.TypeOf<EngineException>().With.Message.Contains(
            $"The index {index} lies outside an axis of 5: ").And.Message.Contains("RowsTests.cs:"));
    }

    [Test]
    public void A_row_gathered_twice_has_twice_the_gradient()
    {
        SharedVariable x = Rows();
        Input indices = IntVector("indices");
        using var grad = Function.Compile([indices], [Grad(Sum(Gather(x, indices)), x)]);

        Assert.That(
            Floats(grad.Call(Tensor.From([3, 0, 3]))), Is.EqualTo(new float[] { 1, 1, 0, 0, 0, 0, 2, 2, 0, 0 }));
    }

    private static float[] Floats(Tensor[] outputs) => outputs[0].AsSpan<float>().ToArray();
}
