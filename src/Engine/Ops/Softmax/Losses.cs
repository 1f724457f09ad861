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
    /// Computes max(0, delta + the largest prediction of a wrong class − that of the right one), a vector (Crammer and
    /// Singer, 2001).
    /// </summary>
    /// <param name="predictions">(n, classes).</param>
    /// <param name="targets">Labels, an integer vector, or (n, classes) with a 1 in each row.</param>
    /// <param name="delta">The margin.</param>
    public static Variable MulticlassHinge(Variable predictions, Variable targets, double delta = 1)
    {
        Variable isRight = IsLabel("multiclassHinge", predictions, targets);
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
    public static Variable KlDivergence(Variable p, Variable y)
    {
        (p, y) = Aligned(p, y);
        return Sum(CrossEntropyTerm(y, Log(y)) - CrossEntropyTerm(y, Log(p)), [-1]);
    }

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
    /// Returns true where the right class is among the <paramref name="topK"/> with the largest predictions, otherwise
    /// false. Among classes with equal predictions, the first ones win.
    /// </summary>
    /// <param name="predictions">(n, classes).</param>
    /// <param name="targets">Labels, an integer vector, or (n, classes) with a 1 in each row.</param>
    /// <param name="topK">The number of classes that count.</param>
    public static Variable CategoricalAccuracy(Variable predictions, Variable targets, int topK = 1)
    {
        Variable isRight = IsLabel("categoricalAccuracy", predictions, targets);
        Variable classes = ARange(DimensionOf(predictions, -1)),
            index = Sum(Where(isRight, classes, 0), [-1], keepDims: true);
        Variable right = Sum(Where(isRight, predictions, 0), [-1], keepDims: true);
        Variable isBefore = Or(Greater(predictions, right), And(Equal(predictions, right), Less(classes, index)));
        return Less(Sum(isBefore, [-1]), topK);
    }

    /// <summary>
    /// Returns two arrays, a vector (n) and a column (n, 1), both as columns: Lasagne's <c>align_targets</c>.
    /// Broadcasting would make them (n, n). It is the same with further axes: (n, m) and (n, m, 1). Whether the last
    /// dimension is 1 may be known only when a plan is made.
    /// </summary>
    private static (Variable A, Variable B) Aligned(Variable a, Variable b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return a.Rank > 0 && b.Rank == a.Rank + 1
            ? (Beside(a, b), b)
            : b.Rank > 0 && a.Rank == b.Rank + 1 ? (a, Beside(b, a)) : (a, b);

        // Adds an axis: the innermost beside a column, otherwise the outermost, as broadcasting does.
        static Variable Beside(Variable x, Variable other)
        {
            int last = other.Shape[-1];
            if (last != Shape.Unknown)
            {
                return last == 1 ? ExpandDims(x, -1) : x;
            }

            Variable isColumn = Equal(DimensionOf(other, -1), 1), one = Constant(1, DType.Int32);
            Variable[] dimensions = [.. Enumerable.Range(0, x.Rank).Select(axis => DimensionOf(x, axis))];
            return Reshape(
                x, [.. dimensions.Append(one)
                    .Zip(dimensions.Prepend(one), (column, row) => (Dimension)Where(isColumn, column, row))]);
        }
    }

    /// <summary>
    /// Returns targets after it checks, when a plan is made at the latest, that they have a number for each class:
    /// labels (n, 1) would broadcast.
    /// </summary>
    private static Variable OfClasses(string name, Variable targets, Variable predictions)
    {
        int given = targets.Shape[-1], classes = predictions.Rank == 0 ? Shape.Unknown : predictions.Shape[-1];
        return given == classes && given != Shape.Unknown ? targets
            : given == Shape.Unknown || classes == Shape.Unknown
                ? Reshape(targets, [.. DimensionsOf(targets).SkipLast(1), DimensionOf(predictions, -1)])
            : throw new EngineException(
                $"{name} takes labels, with an axis less than the predictions '{predictions}' ({predictions.Type}), "
                + $"or targets with a number for each class, not '{targets}' ({targets.Type}).{Origin.Current}");
    }

    /// <summary>Returns 1 at the label of each row, otherwise 0.</summary>
    private static Variable IsLabel(string name, Variable predictions, Variable targets)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(targets);
        return targets.Rank == predictions.Rank
            ? NotEqual(OfClasses(name, targets, predictions), 0)
            : Equal(ExpandDims(targets, -1), ARange(DimensionOf(predictions, -1)));
    }
}
