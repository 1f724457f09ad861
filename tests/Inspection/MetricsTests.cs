using Engine.Inspection;

namespace Engine.Tests.Inspection;

/// <summary>The metrics, compared with those of scikit-learn 1.2.1 for the same numbers.</summary>
public class MetricsTests
{
    private static readonly int[] s_labels = [0, 1, 2, 2, 1, 0, 2, 1, 0, 2];

    private static readonly Tensor s_probabilities = Tensor.From<double>(
    [
        .7, .2, .1, .1, .8, .1, .2, .2, .6, .5, .3, .2, .3, .4, .3, .4, .35, .25, .1, .1, .8, .3, .2, .5, .6, .3, .1,
        .25, .35, .4,
    ], 10, 3);

    [Test]
    public void A_report_prints_as_scikit_learns()
    {
        var report = new ClassificationReport(["ant", "bee", "cicada"], s_labels, s_probabilities);

        Assert.That(report.ToString(), Is.EqualTo(
            """
                          precision    recall  f1-score   support

                     ant       0.75      1.00      0.86         3
                     bee       1.00      0.67      0.80         3
                  cicada       0.75      0.75      0.75         4

                accuracy                           0.80        10
               macro avg       0.83      0.81      0.80        10
            weighted avg       0.82      0.80      0.80        10

            """.ReplaceLineEndings("\n")));
    }

    [Test]
    public void A_class_that_is_never_said_or_never_there_counts_as_0()
    {
        var report = new ClassificationReport(["a", "a longer name", "c"], (int[])[0, 0, 1, 1], (int[])[0, 0, 0, 0]);

        Assert.That(report.ToString(), Does.Contain("a longer name       0.00      0.00      0.00         2\n"));
        Assert.That(report.ToString(), Does.Contain("    macro avg       0.17      0.33      0.22         4\n"));
        Assert.That(report.ToString(), Does.Contain(" weighted avg       0.25      0.50      0.33         4\n"));
    }

    /// <summary>scikit-learn's <c>classification_report(…, labels=…)</c>.</summary>
    [Test]
    public void A_report_of_some_classes_has_micro_averages_as_scikit_learns()
    {
        string[] names = ["ant", "bee", "cicada"];
        var some = new ClassificationReport(names, s_labels, s_probabilities) { Classes = [1, 2] };
        var turned = new ClassificationReport(names, s_labels, s_probabilities) { Classes = [2, 0] };
        var all = new ClassificationReport(names, (int[])[1, 2, 2, 1], (int[])[1, 2, 1, 1]) { Classes = [1, 2] };

        Assert.That(some.ToString(), Is.EqualTo(
            """
                          precision    recall  f1-score   support

                     bee       1.00      0.67      0.80         3
                  cicada       0.75      0.75      0.75         4

               micro avg       0.83      0.71      0.77         7
               macro avg       0.88      0.71      0.78         7
            weighted avg       0.86      0.71      0.77         7

            """.ReplaceLineEndings("\n")));
        Assert.That(
            turned.ToString(),
            Does.Contain(
                "   micro avg       0.75      0.86      0.80         7\n   macro avg       0.75      0.88      "
                + "0.80         7\n"));
        Assert.That(
            all.ToString(),
            Does.Contain(
                "    accuracy                           0.75         4\n   macro avg       0.83      0.75      "
                + "0.73         4\n"));
        Assert.That(some.Metrics["micro_f1"], Is.EqualTo(10.0 / 13).Within(1e-12));
        Assert.That(all.Metrics.ContainsKey("micro_f1"), Is.False);
        foreach (int[] wrong in (int[][])[[], [1, 1], [3], [-1]])
        {
            Assert.That(() => new ClassificationReport(names, s_labels, s_probabilities) { Classes = wrong },
                Throws.InstanceOf<EngineException>());
        }
    }

    [TestCase(Averaging.Macro, 0.8333333333333334, 0.8055555555555555, 0.8023809523809523)]
    [TestCase(Averaging.Micro, 0.8, 0.8, 0.8)]
    [TestCase(Averaging.Weighted, 0.825, 0.8, 0.7971428571428572)]
    public void Scores_of_classes_become_one_as_scikit_learns(
        Averaging averaging, double precision, double recall, double f1)
    {
        Assert.That(Metrics.Precision(s_labels, s_probabilities, averaging), Is.EqualTo(precision).Within(1e-12));
        Assert.That(Metrics.Recall(s_labels, s_probabilities, averaging), Is.EqualTo(recall).Within(1e-12));
        Assert.That(Metrics.F1(s_labels, s_probabilities, averaging), Is.EqualTo(f1).Within(1e-12));
        Assert.That(Metrics.Accuracy(s_labels, s_probabilities), Is.EqualTo(0.8).Within(1e-12));
    }

    /// <summary>Class 2 is never predicted; class 3 neither occurs nor is predicted, and does not count.</summary>
    [TestCase(Averaging.Macro, 0.4444444444444444, 0.5, 0.38888888888888884)]
    [TestCase(Averaging.Micro, 0.5, 0.5, 0.5)]
    [TestCase(Averaging.Weighted, 0.5833333333333334, 0.5, 0.4583333333333333)]
    public void Classes_that_are_never_predicted_count_as_0(
        Averaging averaging, double precision, double recall, double f1)
    {
        int[] labels = [0, 1, 1, 2];
        Tensor sure = Tensor.From<double>([1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], 4, 4);

        Assert.That(Metrics.Precision(labels, sure, averaging), Is.EqualTo(precision).Within(1e-12));
        Assert.That(Metrics.Recall(labels, sure, averaging), Is.EqualTo(recall).Within(1e-12));
        Assert.That(Metrics.F1(labels, sure, averaging), Is.EqualTo(f1).Within(1e-12));
    }

    [Test]
    public void One_probability_is_that_of_class_1_of_two()
    {
        int[] labels = [0, 1, 1, 0, 1];
        Tensor one = Tensor.From<double>([.2, .7, .4, .5, .9], 5, 1);

        Assert.That(Metrics.LogLoss(labels, one), Is.EqualTo(0.4589233846689738).Within(1e-12));
        Assert.That(Metrics.RocAuc(labels, one), Is.EqualTo(0.8333333333333333).Within(1e-12));
        Assert.That(Metrics.F1(labels, one), Is.EqualTo(0.8).Within(1e-12));
    }

    [Test]
    public void Log_loss_and_the_areas_under_the_curves_are_scikit_learns()
    {
        Assert.That(Metrics.LogLoss(s_labels, s_probabilities), Is.EqualTo(0.7792361314589799).Within(1e-12));
        Assert.That(Metrics.RocAuc(s_labels, s_probabilities), Is.EqualTo(0.8492063492063492).Within(1e-12));
        Assert.That(Metrics.TopK(s_labels, s_probabilities, 2), Is.EqualTo(0.8).Within(1e-12));
        Assert.That(
            Metrics.RocAuc([false, false, true, true, true, false], (double[])[.1, .4, .35, .8, .4, .4]),
            Is.EqualTo(0.6666666666666667).Within(1e-12), "with scores that are equal");
    }

    [Test]
    public void Figures_of_values_are_scikit_learns()
    {
        double[] truth = [3, -.5, 2, 7], predicted = [2.5, 0, 2, 8];

        Assert.That(Metrics.MeanAbsoluteError(truth, predicted), Is.EqualTo(0.5));
        Assert.That(Metrics.RootMeanSquaredError(truth, predicted), Is.EqualTo(0.6123724356957945).Within(1e-14));
        Assert.That(Metrics.Determination(truth, predicted), Is.EqualTo(0.9486081370449679).Within(1e-14));
        Assert.That(Metrics.Determination([2, 2], [2, 2]), Is.EqualTo(1));
        Assert.That(Metrics.Determination([2, 2], [2, 3]), Is.EqualTo(0));
    }

    /// <summary>The mean of equal values may differ from them by a rounding.</summary>
    [Test]
    public void Equal_values_are_determined_by_none_but_the_same([Values(.1, .7, 1e9 + .1, -3e-7)] double value)
    {
        foreach (int count in (int[])[1, 3, 7, 10, 100])
        {
            double[] truth = [.. Enumerable.Repeat(value, count)], other = [.. truth.Select(y => y * 1.5)];
            Assert.That(Metrics.Determination(truth, truth), Is.EqualTo(1), $"{count}");
            Assert.That(Metrics.Determination(truth, other), Is.EqualTo(0), $"{count}");
        }

        Assert.That(Metrics.Determination([value, value], [value, double.NaN]), Is.NaN);
    }

    [Test, CancelAfter(30_000)]
    public void What_is_not_a_number_is_no_hit_and_has_no_area()
    {
        Tensor unknown = Tensor.From<double>([double.NaN, .5, .5, .2, .3, .5], 2, 3);

        Assert.That(Metrics.TopK([0, 2], unknown, 1), Is.EqualTo(.5));
        Assert.That(Metrics.TopK([1, 2], unknown, 1), Is.EqualTo(.5));
        Assert.That(Metrics.TopK([0, 1], unknown, 3), Is.EqualTo(1));
        Assert.That(Metrics.LogLoss([0, 1], unknown), Is.NaN);
        Assert.That(Metrics.RocAuc([0, 1], unknown), Is.NaN);
        Assert.That(Metrics.RocAuc([true, false, true], (double[])[.5, double.NaN, .2]), Is.NaN);
        Assert.That(Metrics.RocCurve([true, false, true], (double[])[.5, double.NaN, .2]), Is.Empty);
    }

    [Test]
    public void One_who_is_as_sure_as_right_has_no_error_of_calibration()
    {
        Tensor sure = Tensor.From<double>([.75, .25, .75, .25, .75, .25, .75, .25], 4, 2);

        Assert.That(Metrics.CalibrationError([0, 0, 0, 1], sure), Is.Zero);
        Assert.That(Metrics.CalibrationError([1, 1, 1, 1], sure), Is.EqualTo(0.75));
        Assert.That(Metrics.Calibration([0], Tensor.From<double>([-.25, -.5], 1, 2)),
            Is.EqualTo((CalibrationBin[])[new(1, -.25, 1)]), "of scores that are no probabilities");
        Assert.That(Metrics.Calibration([0, 0, 0, 1], sure), Is.EqualTo((CalibrationBin[])[new(4, .75, .75)]));
    }

    [Test]
    public void What_does_not_fit_is_refused()
    {
        Assert.That(() => Metrics.LogLoss([0, 3], Tensor.From<double>([.5, .5, .5, .5], 2, 2)),
            Throws.InstanceOf<EngineException>().With.Message.Contains("The label of sample 1 is 3"));
        Assert.That(() => Metrics.LogLoss([0], Tensor.From<double>([.5, .5, .5, .5], 2, 2)),
            Throws.InstanceOf<EngineException>().With.Message.Contains("(1, classes)"));
        Assert.That(() => Metrics.RocAuc([true, false, true], (double[])[.5, .1]),
            Throws.InstanceOf<EngineException>().With.Message.EqualTo("There are 3 samples but 2 scores."));
        Assert.That(() => Metrics.RocCurve([true], (double[])[.5, .1]),
            Throws.InstanceOf<EngineException>().With.Message.EqualTo("There are 1 samples but 2 scores."));
        Assert.That(() => Metrics.Determination([], []),
            Throws.InstanceOf<EngineException>().With.Message.StartsWith("A metric is of at least one value"));
    }
}
