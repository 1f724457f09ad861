using Engine.Plots;

namespace Engine.Tests.Plots;

public class LearningRateCurveTests
{
    [Test]
    public void The_curve_and_the_suggestion_are_drawn()
    {
        var pixels = new Pixels(LearningRateCurve.Draw([1e-4, 1e-3, 1e-2, 1e-1], [2, 1.5, 1, 4], 1e-3, 600, 300));

        (int left, int right) = pixels.Count(0x00, 0x72, 0xB2);
        (int leftMark, int rightMark) = pixels.Count(0xD5, 0x5E, 0x00);
        Assert.That(left, Is.GreaterThan(200));
        Assert.That(right, Is.GreaterThan(200));
        Assert.That(leftMark, Is.GreaterThan(100), "a thousandth is in the left half");
        Assert.That(rightMark, Is.Zero);
    }

    [Test]
    public void Powers_of_ten_stand_below()
    {
        string svg = LearningRateCurve.Draw([1e-4, 1e-1], [2, 1], 1e-3, 600, 300, "rates").ToSvg();

        Assert.That(svg, Does.Contain("0.0001").And.Contain("0.1").And.Contain("learning rate").And.Contain("rates"));
        Assert.That(() => LearningRateCurve.Draw([0], [1], 1), Throws.ArgumentException);
        Assert.That(() => LearningRateCurve.Draw([], [], 1), Throws.ArgumentException);
    }
}
