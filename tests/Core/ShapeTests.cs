namespace Engine.Tests.Core;

public class ShapeTests
{
    [Test]
    public void Shapes_with_the_same_dimensions_are_equal()
    {
        Shape a = [2, 3], b = Shape.Create(2, 3);

        Assert.That(a == b);
        Assert.That(a.GetHashCode(), Is.EqualTo(b.GetHashCode()));
        Assert.That(a != Shape.Create(3, 2));
    }

    [Test]
    public void A_shape_is_made_in_any_of_three_ways()
    {
        Assert.That(new Shape(2, 3), Is.EqualTo(Shape.Create(2, 3)));
        Assert.That(new Shape(), Is.EqualTo(Shape.Scalar));
    }

    [Test]
    public void An_unknown_dimension_is_written_as_a_question_mark() =>
        Assert.That(Shape.Create(Shape.Unknown, 1, 32).ToString(), Is.EqualTo("(?, 1, 32)"));

    [TestCase(-5, "The shape (2, 3) has no dimension -5: they go from 0 to 1, or from -2 to -1.")]
    [TestCase(2, "The shape (2, 3) has no dimension 2: they go from 0 to 1, or from -2 to -1.")]
    [TestCase(int.MinValue, "The shape (2, 3) has no dimension -2147483648: they go from 0 to 1, or from -2 to -1.")]
    public void A_dimension_that_is_not_there_is_refused(int index, string message)
    {
        Assert.That(() => new Shape(2, 3)[index], Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
        Assert.That(
            () => new Shape(2, 3).With(index, 1), Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
        Assert.That(() => Shape.Scalar[index],
            Throws.TypeOf<EngineException>().With.Message.Contains("A scalar has no dimensions"));
    }

    [Test]
    public void A_negative_index_counts_from_the_innermost_dimension()
    {
        Assert.That(new Shape(2, 3)[-1], Is.EqualTo(3));
        Assert.That(new Shape(2, 3).With(-2, 5), Is.EqualTo(new Shape(5, 3)));
    }
}
