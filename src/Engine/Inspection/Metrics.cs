namespace Engine.Inspection;

/// <summary>
/// Computes metrics of predictions as defined by scikit-learn's <c>sklearn.metrics</c>. All may be used as a
/// <see cref="Training.CustomScore"/>. Probabilities are (n, classes), or (n, 1) for those of class 1 of two.
/// </summary>
public static partial class Metrics
{
    /// <summary>The smallest probability in a logarithm: 2⁻⁵², as in scikit-learn.</summary>
    private const double MinProbability = 2.220446049250313e-16;

    /// <summary>Returns the mean of |predicted - truth|, in the unit of the values.</summary>
    public static double MeanAbsoluteError(ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted) =>
        Mean(truth, predicted, (y, p) => Math.Abs(y - p));

    /// <summary>Returns the square root of the mean of (predicted - truth)², in the unit of the values.</summary>
    public static double RootMeanSquaredError(ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted) =>
        Math.Sqrt(Mean(truth, predicted, (y, p) => (y - p) * (y - p)));

    /// <summary>
    /// Returns R²: 1 - Σ (truth - predicted)² / Σ (truth - mean)²; if all truths are equal, 1 if they are predicted
    /// exactly and else 0.
    /// </summary>
    public static double Determination(ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted)
    {
        double mean = 0;
        foreach (double y in truth)
        {
            mean += y / truth.Length;
        }

        double residual = Mean(truth, predicted, (y, p) => (y - p) * (y - p)),
            total = Mean(truth, truth, (y, _) => (y - mean) * (y - mean));
        // The mean of equal truths may be off by a rounding, and then their sum of squares is not 0.
        bool areEqual = total == 0 || !truth.ContainsAnyExcept(truth[0]);
        return !areEqual || double.IsNaN(residual) ? 1 - (residual / total) : residual != 0 ? 0 : 1;
    }

    /// <summary>Returns the mean of -log of the predicted probability of each sample's own class.</summary>
    /// <param name="labels">The class of each sample.</param>
    /// <param name="probabilities">The probability of each class, (n, classes).</param>
    public static double LogLoss(ReadOnlySpan<int> labels, Tensor probabilities)
    {
        NdArray p = Checked(labels, probabilities);
        double sum = 0;
        for (int i = 0; i < labels.Length; i++)
        {
            sum -= Math.Log(Math.Clamp(p[i, labels[i]], MinProbability, 1));
        }

        return sum / labels.Length;
    }

    /// <summary>
    /// Returns the share of the samples whose class is among the k most probable ones; the first of equal ones counts.
    /// </summary>
    /// <inheritdoc cref="LogLoss"/>
    public static double TopK(ReadOnlySpan<int> labels, Tensor probabilities, int k)
    {
        NdArray p = Checked(labels, probabilities);
        int hits = 0, classes = p.Shape[1];
        for (int i = 0; i < labels.Length; i++)
        {
            int before = 0;
            for (int c = 0; c < classes; c++)
            {
                // A nan is before all others, so that what is not known is no hit.
                bool isAfter = p[i, c] < p[i, labels[i]] || (p[i, c] == p[i, labels[i]] && c >= labels[i]);
                before += isAfter || c == labels[i] ? 0 : 1;
            }

            hits += before < k ? 1 : 0;
        }

        return (double)hits / labels.Length;
    }

    /// <summary>
    /// Returns the area under the receiver operating characteristic: the probability that a sample of the class has a
    /// greater score than a sample of another class, where equal scores count half. It is nan if all samples are of one
    /// kind, or if a score is nan.
    /// </summary>
    /// <param name="isOfClass">Whether each sample is of the class.</param>
    /// <param name="scores">The score of the class for each sample.</param>
    public static double RocAuc(ReadOnlySpan<bool> isOfClass, ReadOnlySpan<double> scores)
    {
        RequirePairs(isOfClass, scores);
        if (HasNan(scores))
        {
            return double.NaN;
        }

        (double Score, bool IsOfClass)[] sorted = new (double, bool)[scores.Length];
        for (int i = 0; i < sorted.Length; i++)
        {
            sorted[i] = (scores[i], isOfClass[i]);
        }

        Array.Sort(sorted, (a, b) => a.Score.CompareTo(b.Score));
        double ranks = 0, positives = 0;
        for (int i = 0, end; i < sorted.Length; i = end)
        {
            // Equal scores get the mean of their ranks (Mann and Whitney's U).
            for (end = i; end < sorted.Length && sorted[end].Score == sorted[i].Score; end++)
            {
                positives += sorted[end].IsOfClass ? 1 : 0;
            }

            ranks += sorted.AsSpan(i, end - i).ToArray().Count(pair => pair.IsOfClass) * ((i + end + 1) / 2.0);
        }

        double negatives = sorted.Length - positives;
        return (ranks - (positives * (positives + 1) / 2)) / (positives * negatives);
    }

    /// <summary>
    /// Returns <see cref="RocAuc(ReadOnlySpan{bool}, ReadOnlySpan{double})"/> of a classifier: for two classes that of
    /// the second, for more the mean of each class against all others. It is nan if a class has no samples, or all.
    /// </summary>
    /// <inheritdoc cref="LogLoss"/>
    public static double RocAuc(ReadOnlySpan<int> labels, Tensor probabilities)
    {
        NdArray p = Checked(labels, probabilities);
        int[] truth = labels.ToArray();
        int classes = p.Shape[1];
        return Enumerable.Range(classes == 2 ? 1 : 0, classes == 2 ? 1 : classes)
            .Average(c => RocAuc(
                [.. truth.Select(label => label == c)], [.. Enumerable.Range(0, truth.Length).Select(i => p[i, c])]));
    }

    /// <summary>
    /// Returns the receiver operating characteristic (T. Fawcett, An introduction to ROC analysis, 2006): for each
    /// threshold of the score, the share of the other samples and the share of the class's samples above it, from (0,
    /// 0) to (1, 1). It is empty if all samples are of one kind, or if a score is nan.
    /// </summary>
    /// <param name="isOfClass">Whether each sample is of the class.</param>
    /// <param name="scores">The score of the class for each sample.</param>
    public static IReadOnlyList<RocPoint> RocCurve(ReadOnlySpan<bool> isOfClass, ReadOnlySpan<double> scores)
    {
        RequirePairs(isOfClass, scores);
        double[] falling = scores.ToArray();
        bool[] truth = isOfClass.ToArray();
        Array.Sort(falling, truth);
        Array.Reverse(falling);
        Array.Reverse(truth);
        double positives = truth.Count(one => one), negatives = truth.Length - positives;
        if (positives == 0 || negatives == 0 || HasNan(scores))
        {
            return [];
        }

        var curve = new List<RocPoint> { new(0, 0) };
        int right = 0, wrong = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            (right, wrong) = truth[i] ? (right + 1, wrong) : (right, wrong + 1);
            if (i + 1 == truth.Length || falling[i + 1] != falling[i])
            {
                var point = new RocPoint(wrong / negatives, right / positives);
                // The ends of a vertical or horizontal line are enough.
                if (curve is [.., var before, var last]
                    && ((before.FalsePositives == last.FalsePositives && last.FalsePositives == point.FalsePositives)
                        || (before.TruePositives == last.TruePositives && last.TruePositives == point.TruePositives)))
                {
                    curve.RemoveAt(curve.Count - 1);
                }

                curve.Add(point);
            }
        }

        return curve;
    }

    /// <summary>
    /// Compares the confidence of a classifier with its accuracy, for the samples in ten equal ranges of their largest
    /// probability.
    /// </summary>
    /// <inheritdoc cref="LogLoss"/>
    public static IReadOnlyList<CalibrationBin> Calibration(ReadOnlySpan<int> labels, Tensor probabilities)
    {
        const int Bins = 10;
        NdArray p = Checked(labels, probabilities);
        var sums = new (int Count, double Sure, int Right)[Bins];
        for (int i = 0; i < labels.Length; i++)
        {
            int best = 0;
            for (int c = 1; c < p.Shape[1]; c++)
            {
                best = p[i, c] > p[i, best] ? c : best;
            }

            ref (int Count, double Sure, int Right) bin = ref sums[Math.Clamp((int)(p[i, best] * Bins), 0, Bins - 1)];
            bin = (bin.Count + 1, bin.Sure + p[i, best], bin.Right + (best == labels[i] ? 1 : 0));
        }

        return [.. sums.Where(bin => bin.Count > 0).Select(bin =>
            new CalibrationBin(bin.Count, bin.Sure / bin.Count, (double)bin.Right / bin.Count))];
    }

    /// <summary>
    /// Returns the mean difference between a classifier's confidence and its accuracy (expected calibration error).
    /// </summary>
    /// <inheritdoc cref="LogLoss"/>
    public static double CalibrationError(ReadOnlySpan<int> labels, Tensor probabilities)
    {
        int count = labels.Length;
        return Calibration(labels, probabilities).Sum(bin => bin.Count * Math.Abs(bin.Confidence - bin.Accuracy))
            / count;
    }

    private static double Mean(
        ReadOnlySpan<double> truth, ReadOnlySpan<double> predicted, Func<double, double, double> distance)
    {
        if (truth.Length != predicted.Length || truth.IsEmpty)
        {
            throw new EngineException(truth.Length == predicted.Length
                ? "A metric is of at least one value, but there are none."
                : $"There are {truth.Length} values but {predicted.Length} predictions.");
        }

        double sum = 0;
        for (int i = 0; i < truth.Length; i++)
        {
            sum += distance(truth[i], predicted[i]);
        }

        return sum / truth.Length;
    }

    private static void RequirePairs(ReadOnlySpan<bool> isOfClass, ReadOnlySpan<double> scores)
    {
        if (isOfClass.Length != scores.Length)
        {
            throw new EngineException($"There are {isOfClass.Length} samples but {scores.Length} scores.");
        }
    }

    /// <summary>Returns whether there is a nan, which this search finds: to Equals, nans are equal.</summary>
    private static bool HasNan(ReadOnlySpan<double> scores) => scores.Contains(double.NaN);

    private static NdArray Checked(ReadOnlySpan<int> labels, Tensor probabilities)
    {
        ArgumentNullException.ThrowIfNull(probabilities);
        if (Training.ClassOutput.IsBinary(probabilities.Shape))
        {
            double[] ones = probabilities.Cast(DType.Float64).AsSpan<double>().ToArray();
            probabilities = Tensor.From<double>([.. ones.SelectMany(p => (double[])[1 - p, p])], ones.Length, 2);
        }

        if (probabilities.Shape.Rank != 2 || probabilities.Shape[0] != labels.Length || labels.IsEmpty)
        {
            throw new EngineException(
                $"The probabilities are ({labels.Length}, classes) for {labels.Length} labels, "
                + $"not {probabilities.TypeText}.");
        }

        int wrong = labels.IndexOfAnyExceptInRange(0, probabilities.Shape[1] - 1);
        return wrong < 0 ? NdArray.From(probabilities) : throw new EngineException(
            $"The label of sample {wrong} is {labels[wrong]}, but there are {probabilities.Shape[1]} classes, "
            + "from 0 on.");
    }
}

/// <summary>Represents samples with about the same confidence of a classifier.</summary>
/// <param name="Count">The number of samples.</param>
/// <param name="Confidence">The mean probability of their predicted classes.</param>
/// <param name="Accuracy">The share of correctly classified samples.</param>
public sealed record CalibrationBin(int Count, double Confidence, double Accuracy)
{
    /// <summary>Returns its members, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(CalibrationBin), PrintMembers);
}

/// <summary>Represents a point of a receiver operating characteristic.</summary>
/// <param name="FalsePositives">The share of the other samples that are predicted as the class.</param>
/// <param name="TruePositives">The share of the class's samples that are predicted as the class.</param>
public sealed record RocPoint(double FalsePositives, double TruePositives)
{
    /// <summary>Returns its members, with decimal points in the numbers.</summary>
    public override string ToString() => RecordText.Of(nameof(RocPoint), PrintMembers);
}
