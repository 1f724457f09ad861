using Engine.Plots;

namespace Engine.Tests.Plots;

/// <summary>The plots of a classifier's quality and of a search.</summary>
public class SquareTests
{
    [Test]
    public void The_curves_of_classes_stand_left_and_how_sure_it_is_right()
    {
        var pixels = new Pixels(QualityCurves.Draw(
            [new RateCurve("cat", [0, 0.1, 1], [0, 0.9, 1]), new RateCurve("dog", [0, 0.5, 1], [0, 0.6, 1])],
            new RateCurve("network", [0.2, 0.9], [0.3, 0.8]), 600, 300));

        (int left, int right) = pixels.Count(0x00, 0x72, 0xB2);
        Assert.That((left > 200, right > 200), Is.EqualTo((true, true)));
        (left, right) = pixels.Count(0xD5, 0x5E, 0x00);
        Assert.That((left > 200, right), Is.EqualTo((true, 0)));
    }

    [Test]
    public void A_trial_that_diverged_has_no_mark()
    {
        string two =
            SearchPlot.Draw([new(0.01, 0.5, "1 epoch"), new(0.1, double.NaN, "1 epoch"), new(0.02, 0.7, "3 epochs")],
                "learning rate", "accuracy", true).ToSvg();
        string none = SearchPlot.Draw([new(0.1, double.NaN, "1 epoch")], "learning rate", "accuracy", true).ToSvg();

        Assert.That(two, Does.Contain("#0072B2").IgnoreCase.And.Contain("#D55E00").IgnoreCase);
        Assert.That(none, Does.Not.Contain("#0072B2").IgnoreCase);
    }
}
