using System.Globalization;
using Engine.Inspection;
using Engine.Plots;

namespace Engine.Runner.Report;

/// <summary>Curves of how well classes are distinguished.</summary>
internal static class QualityFigures
{
    /// <summary>More curves are not distinguishable.</summary>
    private const int MaxCurves = 6;

    /// <summary>Returns the ROC curves of the classes with the worst results, and the calibration curve.</summary>
    public static (RateCurve[] Rocs, RateCurve Calibration) Of(TestedModel model)
    {
        int[] labels = model.Labels!.AsSpan<int>().ToArray();
        NdArray p = NdArray.From(model.Probabilities);
        int classes = model.Classes.Count;
        var rocs = new List<(double Area, RateCurve Curve)>();
        // With two classes, one curve is the other one rotated.
        foreach (int c in Enumerable.Range(classes == 2 ? 1 : 0, classes == 2 ? 1 : classes))
        {
            bool[] truth = [.. labels.Select(label => label == c)];
            double[] scores = [.. Enumerable.Range(0, labels.Length).Select(i => p[i, c])];
            IReadOnlyList<RocPoint> curve = Metrics.RocCurve(truth, scores);
            if (curve.Count > 0)
            {
                double area = Metrics.RocAuc(truth, scores);
                rocs.Add((area, new RateCurve(
                    string.Create(CultureInfo.InvariantCulture, $"{model.Classes[c]}, {area:F3}"),
                    [.. curve.Select(point => point.FalsePositives)],
                    [.. curve.Select(point => point.TruePositives)])));
            }
        }

        IReadOnlyList<CalibrationBin> bins = Metrics.Calibration(labels, model.Probabilities);
        return (
            [.. rocs.OrderBy(roc => roc.Area).Take(MaxCurves).Select(roc => roc.Curve)],
            new RateCurve(
                "this network", [.. bins.Select(bin => bin.Confidence)], [.. bins.Select(bin => bin.Accuracy)]));
    }
}
