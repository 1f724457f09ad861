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
}
