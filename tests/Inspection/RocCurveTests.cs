using Engine.Inspection;

namespace Engine.Tests.Inspection;

public class RocCurveTests
{
    // scikit-learn's roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) has these points, and (0, 0).
    [Test]
    public void It_has_the_points_of_scikit_learns() => Assert.That(
        Metrics.RocCurve([false, false, true, true], [0.1, 0.4, 0.35, 0.8])
            .Select(point => (point.FalsePositives, point.TruePositives)),
        Is.EqualTo(new[] { (0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1) }));

    [Test]
    public void Equal_scores_are_one_step_and_the_area_below_is_that_of_RocAuc()
    {
        var random = new Random(1);
        bool[] truth = [.. Enumerable.Range(0, 300).Select(_ => random.Next(3) == 0)];
        double[] scores = [.. truth.Select(one => Math.Round(random.NextDouble() + (one ? 0.3 : 0), 1))];

        IReadOnlyList<RocPoint> curve = Metrics.RocCurve(truth, scores);

        double area = curve.Zip(curve.Skip(1),
            (a, b) => (b.FalsePositives - a.FalsePositives) * (a.TruePositives + b.TruePositives) / 2).Sum();
        Assert.That(area, Is.EqualTo(Metrics.RocAuc(truth, scores)).Within(1e-12));
        Assert.That(curve, Has.Count.LessThanOrEqualTo(16));
    }

    [Test]
    public void Of_one_kind_alone_there_is_none() => Assert.That(Metrics.RocCurve([true, true], [0.1, 0.2]), Is.Empty);
}
