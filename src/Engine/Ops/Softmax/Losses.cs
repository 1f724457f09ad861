using Engine.Graph;

namespace Engine.Ops;

public static partial class Symbolic
{
    /// <summary>
    /// Computes max(0, delta − t·x), where t is 1 or −1. Targets are 1 and 0, which are converted, or 1 and −1 unless
    /// <paramref name="isBinary"/>. A column and a vector are aligned.
    /// </summary>
    /// <param name="predictions">The predictions, which are positive for class 1.</param>
    /// <param name="targets">The targets.</param>
    /// <param name="delta">The margin.</param>
    /// <param name="isBinary">Whether targets are 1 and 0.</param>
    public static Variable BinaryHinge(Variable predictions, Variable targets, double delta = 1, bool isBinary = true)
    {
        (predictions, targets) = Aligned(predictions, targets);
        targets = Cast(targets, predictions.DType.Floating());
        return Rectify(delta - (predictions * (isBinary ? (targets * 2) - 1 : targets)));
    }

    /// <summary>
    /// Computes max(0, delta + the greatest prediction of a wrong class − that of the right one), a vector (Crammer and
    /// Singer, 2001).
    /// </summary>
    /// <param name="predictions">(n, classes).</param>
    /// <param name="targets">Labels, an integer vector, or (n, classes) with a 1 in each row.</param>
    /// <param name="delta">The margin.</param>
    public static Variable MulticlassHinge(Variable predictions, Variable targets, double delta = 1)
    {
        Variable isRight = IsLabel(predictions, targets);
        Variable right = Sum(Where(isRight, predictions, 0), [-1]);
        Variable others = Max(Where(isRight, double.NegativeInfinity, predictions), [-1]);
        return Rectify(others - right + delta);
    }

    /// <summary>
    /// Computes ½(a − b)² where |a − b| is at most delta, and otherwise the line delta·(|a − b| − delta/2), element by
    /// element. A column and a vector are aligned.
    /// </summary>
    public static Variable Huber(Variable a, Variable b, double delta = 1)
    {
        (a, b) = Aligned(a, b);
        Variable far = Abs(a - b), near = Minimum(far, delta);
        return near * (far - (near * 0.5));
    }

    /// <summary>Computes |a − b|, element by element. A column and a vector are aligned.</summary>
    public static Variable AbsoluteError(Variable a, Variable b)
    {
        (a, b) = Aligned(a, b);
        return Abs(a - b);
    }

    /// <summary>
    /// Computes Σ y·log(y / p) along the rows: the Kullback–Leibler divergence of predicted probabilities from target
    /// ones, with 0·log 0 = 0.
    /// </summary>
    public static Variable KlDivergence(Variable p, Variable y) =>
        Sum(CrossEntropyTerm(y, Log(y)) - CrossEntropyTerm(y, Log(p)), [-1]);

    /// <summary>
    /// Converts labels to target probabilities, part of which is distributed evenly: 1 − epsilon + epsilon/classes for
    /// the right class, epsilon/classes for the others (Szegedy et al., arXiv:1512.00567). Takes integer labels (n) or
    /// probabilities (n, classes).
    /// </summary>
    public static Variable SmoothLabels(Variable labels, int classes, double epsilon = 0.1)
    {
        ArgumentNullException.ThrowIfNull(labels);
        Variable wanted = labels.DType.IsFloat() ? labels : OneHot(labels, classes);
        return (wanted * (1 - epsilon)) + (epsilon / classes);
    }

    /// <summary>
    /// Returns true where the prediction is right, otherwise false. A probability above the threshold predicts 1,
    /// others predict 0.
    /// </summary>
    public static Variable BinaryAccuracy(Variable predictions, Variable targets, double threshold = 0.5)
    {
        (predictions, targets) = Aligned(predictions, targets);
        return Equal(Greater(predictions, threshold), targets);
    }

    /// <summary>
    /// Returns true where the right class is among the <paramref name="topK"/> with the greatest predictions, otherwise
    /// false. Among classes with equal predictions, the first ones win.
    /// </summary>
    /// <param name="predictions">(n, classes).</param>
    /// <param name="targets">Labels, an integer vector, or (n, classes) with a 1 in each row.</param>
    /// <param name="topK">The number of classes that count.</param>
    public static Variable CategoricalAccuracy(Variable predictions, Variable targets, int topK = 1)
    {
        Variable isRight = IsLabel(predictions, targets);
        Variable classes = ARange(SideOf(predictions, -1)), place = Sum(Where(isRight, classes, 0), [-1], keepDims: true);
        Variable right = Sum(Where(isRight, predictions, 0), [-1], keepDims: true);
        Variable isBefore = Or(Greater(predictions, right), And(Equal(predictions, right), Less(classes, place)));
        return Less(Sum(isBefore, [-1]), topK);
    }

    /// <summary>
    /// Returns two arrays, a vector (n) and a known column (n, 1), both as columns: Lasagne's <c>align_targets</c>.
    /// Broadcasting would make them (n, n).
    /// </summary>
    private static (Variable A, Variable B) Aligned(Variable a, Variable b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return a.Rank == 1 && IsColumn(b) ? (ExpandDims(a, 1), b) : b.Rank == 1 && IsColumn(a) ? (a, ExpandDims(b, 1)) : (a, b);

        static bool IsColumn(Variable x) => x.Rank == 2 && x.Shape[1] == 1;
    }

    /// <summary>Returns 1 at the label of each row, otherwise 0.</summary>
    private static Variable IsLabel(Variable predictions, Variable targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        return targets.Rank == predictions.Rank
            ? NotEqual(targets, 0)
            : Equal(ExpandDims(targets, -1), ARange(SideOf(predictions, -1)));
    }
}
