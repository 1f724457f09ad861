using System.Globalization;
using Engine.Layers;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Looks, within a call of Fit, for problems that make a training fail without an error, and warns of them. Expensive
/// checks run only on suspicion.
/// </summary>
internal sealed class FitCheck
{
    /// <summary>A loss this many times the loss of an untrained network is no accident.</summary>
    private const double Growth = 1000;

    /// <summary>
    /// Warn after so many epochs in a row with one predicted class: after fewer if the epochs have many batches.
    /// </summary>
    private const int FewestEpochs = 3, MaxEpochs = 10, FewestBatches = 30;

    /// <summary>With fewer validation samples, a single predicted class means little.</summary>
    private const int FewestSamples = 10;

    private readonly NeuralNet _net;
    private readonly SampleSet _data;
    private readonly int[] _train;
    private readonly int[] _validate;
    private readonly int[] _trainCounts = [];
    private readonly int[] _validCounts = [];
    private readonly double? _idleLoss;
    private readonly bool _areAll;
    private readonly int _batches;
    private int _epochsOfOneClass;
    private int _epochsAtRest;

    /// <param name="net">The network.</param>
    /// <param name="data">All samples.</param>
    /// <param name="train">The indices of the training samples.</param>
    /// <param name="validate">The indices of the validation samples.</param>
    /// <param name="batches">
    /// The number of batches in an epoch if the samples are only the first ones; null if they are all.
    /// </param>
    public FitCheck(NeuralNet net, SampleSet data, int[] train, int[] validate, int? batches = null)
    {
        (_net, _data, _train, _validate, _areAll) = (net, data, train, validate, batches is null);
        _batches = batches ?? net.BatchIteratorTrain.Count(train.Length);
        Samples = Scale.IsTakenAsItIs(net.Network, net.BatchIteratorTrain) ? Scale.Of(data.X, train) : null;
        Targets = net.Head.IsRegression ? Scale.Of(data.Y, train) : null;
        if (!net.Head.IsRegression)
        {
            (_trainCounts, _validCounts) = (Counts(train), Counts(validate));
        }

        bool isPenalized = net.L1 > 0 || net.L2 > 0
            || net.Network.Parameters.Any(parameter =>
                parameter.IsRegularizable && parameter.Tags.Layer is { } own && (own.L1 > 0 || own.L2 > 0));
        _idleLoss = net.Head.HasObjective || net.Head.Weight != 1 || net.OutputCount > 1 || isPenalized ? null
            : Targets is { } targets ? Math.Max(targets.Magnitude * targets.Magnitude, 1)
            : Math.Log(net.Classes);
    }

    /// <summary>Gets the scale of the samples; null if the network scales them.</summary>
    public Scale? Samples { get; }

    /// <summary>Gets the scale of the target values; null for classes.</summary>
    public Scale? Targets { get; }

    /// <summary>Warns of problems with the samples, before the first epoch.</summary>
    /// <param name="sampleWeights">Their weights, as given by the user.</param>
    public void Start(Tensor? sampleWeights)
    {
        if (Samples is { IsOffForSamples: true })
        {
            _net.Warn(TrainingWarningKind.UnscaledSamples, null,
                $"The samples go from {Samples.Range}, and layers are made for values around 0 ± 1: "
                + (_net.Network.Input.DType.IsFloat()
                    ? "scale them, as Augmentation = [Normalize.Of(x)] in both batch iterators does."
                    : "give float32 samples that are scaled, or begin with a layer that scales them, "
                        + "such as BatchNorm."));
        }

        if (Targets is { IsOffForTargets: true })
        {
            _net.Warn(TrainingWarningKind.UnscaledTargets, null,
                $"The values to learn go from {Targets.Range}, and layers are made for values around 0 ± 1: "
                + "learn (y - mean) / deviation, and scale what is predicted back.");
        }

        if (Targets is { } targets && Range is var (min, max) && targets.Exceeds(min, max))
        {
            string range = double.IsPositiveInfinity(max)
                ? FormattableString.Invariant($"from {min} on")
                : FormattableString.Invariant($"from {min} to {max}");
            _net.Warn(TrainingWarningKind.UnreachableTargets, null,
                $"The values to learn go from {targets.Range}, but the last layer, '{_net.Head.Name}', "
                + $"gives only values {range}: "
                + "nothing else is ever predicted. End with a layer of any values, as Dense(1, Linear), "
                + "or scale the values to learn.");
        }

        int[] absent = Classes(label => _trainCounts[label] == 0 && _validCounts[label] == 0);
        if (_areAll && absent.Length > 0)
        {
            _net.Warn(TrainingWarningKind.AbsentClass, null,
                $"{Listed(absent)} no sample, but the network tells {_net.Classes} classes apart, "
                + $"0 to {_net.Classes - 1}: end "
                + "with one output for each class there is, and count the classes from 0.");
        }

        int[] untrained = Classes(label => _validCounts[label] > 0 && _trainCounts[label] == 0);
        if (untrained.Length > 0)
        {
            _net.Warn(TrainingWarningKind.UntrainedClass, null,
                $"{Listed(untrained)} no sample to train on, only samples that validate: "
                + "a TrainSplit with Stratify gives every class to both.");
        }

        if (Vanishing(sampleWeights) is > 0 and int vanishing)
        {
            _net.Warn(TrainingWarningKind.VanishingWeight, null,
                $"Of {vanishing} of the {_train.Length} samples to train on the weight is 0 in {_net.FloatX.Name()}, "
                + "beside the largest weight: nothing is learned of them. Give weights that differ less.");
        }
    }

    /// <summary>Warns of problems that an epoch's figures show.</summary>
    public void Epoch(EpochRecord record)
    {
        double? idle = _idleLoss ?? (_net.TrainHistory.Count > 1 ? _net.TrainHistory[0].TrainLoss : null);
        if (idle > 0 && record.TrainLoss > Growth * idle)
        {
            _net.Warn(TrainingWarningKind.GrowingLoss, record.Epoch, string.Create(
                CultureInfo.InvariantCulture,
                $"The loss is {record.TrainLoss / idle:G2} times that of a network that has learned nothing: "
                + $"the training diverges. Try {Advice(_net.LearningRate)}."));
        }

        WarnIfNothingIsLearned(record.Epoch);
        int? label = PredictedAlike(record);
        _epochsOfOneClass = label is null ? 0 : _epochsOfOneClass + 1;
        if (_epochsOfOneClass >= (_epochsOfOneClass * _batches >= FewestBatches ? FewestEpochs : MaxEpochs))
        {
            string scaled = Samples is { IsOffForSamples: true } ? ", scaled samples" : "";
            _net.Warn(TrainingWarningKind.OneClass, record.Epoch, string.Create(
                CultureInfo.InvariantCulture,
                $"For {_epochsOfOneClass} epochs all validation samples have been taken for class {label}, of which "
                + $"{100.0 * _validCounts[label!.Value] / _validate.Length:F0} % are: "
                + $"the network predicts one class only. "
                + $"Try another learning rate than {_net.LearningRate:G4}{scaled}, other layers, or, "
                + $"where one class has most samples, ClassWeights.Balanced."));
        }
    }

    /// <summary>Returns advice against a growing loss.</summary>
    /// <param name="learningRate">The learning rate.</param>
    /// <param name="isTrained">
    /// Whether a batch has changed the network; before that, the learning rate has no effect.
    /// </param>
    public string Advice(double learningRate, bool isTrained = true)
    {
        List<string> advice = isTrained
            ?
            [
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"a smaller learning rate than {learningRate:G4}, such as {learningRate / 10:G2}"),
            ]
            : [];
        if (Samples is { IsOffForSamples: true })
        {
            advice.Add($"scaled samples (they go from {Samples.Range})");
        }

        if (Targets is { IsOffForTargets: true })
        {
            advice.Add($"scaled values to learn (they go from {Targets.Range})");
        }

        if (!isTrained && !_net.Head.IsRegression && !_net.Head.HasObjective)
        {
            advice.Add(
                "a last layer whose probabilities are never 0, as those of Softmax and Sigmoid are, "
                + "with nothing behind it");
        }
        else if (!isTrained && advice.Count == 0)
        {
            advice.Add("other layers or first values of their parameters: no update came before it");
        }

        if (isTrained && _net.Update.Clip is null)
        {
            advice.Add("clipped gradients (Clip = GradientClip.TotalNorm(5) in the update rule)");
        }

        return advice.Count == 1 ? advice[0] : $"{string.Join(", ", advice[..^1])} or {advice[^1]}";
    }

    private void WarnIfNothingIsLearned(int epoch)
    {
        if (!_net.Network.Parameters.Any(parameter => !parameter.IsFrozen && parameter.RateFactor != 0))
        {
            _net.Warn(TrainingWarningKind.NothingLearned, epoch,
                "Nothing is learned: no layer has parameters that are not frozen, with a RateFactor that is not 0. "
                + "net.Network.Unfreeze(\"*\") before Fit makes all trainable again.");
        }

        // A schedule may rise from 0 in its first epoch or fall to 0 in its last.
        bool isScheduled = _net.Callbacks.OfType<AdjustVariable>()
            .Any(_net.AdjustsRate);
        _epochsAtRest = _net.RateOf(epoch, 0, _batches) == 0 && _net.RateOf(epoch, _batches - 1, _batches) == 0
            ? _epochsAtRest + 1
            : 0;
        if (_epochsAtRest > (isScheduled ? 1 : 0))
        {
            _net.Warn(TrainingWarningKind.NothingLearned, epoch,
                "Nothing is learned: the learning rate is 0. Give the update rule another, such as 0.01, "
                + "or set net.LearningRate.");
        }
    }

    /// <summary>
    /// Gets the smallest and the largest value that the last layer gives; null if it may give any, or if the loss is
    /// the user's own.
    /// </summary>
    private (double Min, double Max)? Range =>
        _net.Head.HasObjective ? null : (_net.Head.Output as Graph.Result)?.Owner.Op switch
        {
            Unary<Rectify> or Unary<Softplus> => (0, double.PositiveInfinity),
            Unary<Sigmoid> or Softmax => (0, 1),
            Unary<Tanh> => (-1, 1),
            _ => null,
        };

    /// <summary>Returns the class that is predicted for all validation samples, or null.</summary>
    private int? PredictedAlike(EpochRecord record)
    {
        // If only one class is predicted, the correct samples are all samples of that class. Otherwise nothing must be
        // computed.
        int correct = double.IsNaN(record.ValidAccuracy)
            ? -1
            : (int)Math.Round(record.ValidAccuracy * _validate.Length);
        if (_validate.Length < FewestSamples || _validCounts.Count(count => count > 0) < 2
            || !_validCounts.Contains(correct))
        {
            return null;
        }

        int? only = null;
        foreach (int[] rows in _validate.Chunk(Math.Max(_net.BatchIteratorTest.BatchSize, FewestSamples)))
        {
            foreach (int label in _net.Predict(_data.NamedRows(rows, _net.Network)).AsSpan<int>())
            {
                if ((only ??= label) != label)
                {
                    return null;
                }
            }
        }

        return only;
    }

    /// <summary>Counts the samples whose weight was rounded to 0.</summary>
    private int Vanishing(Tensor? sampleWeights)
    {
        if (_data.Weights is null)
        {
            return 0;
        }

        double[]? given = sampleWeights?.Cast(DType.Float64).AsSpan<double>().ToArray();
        double[] kept = _data.Weights.Cast(DType.Float64).AsSpan<double>().ToArray();
        int[] labels = _net.Head.IsRegression ? [] : _data.Y.AsSpan<int>().ToArray();
        return _train.Count(row =>
            kept[row] == 0 && given?[row] is not 0
                && (_net.ClassWeights is not { } classes || classes[labels[row]] != 0));
    }

    private int[] Counts(int[] rows)
    {
        var counts = new int[_net.Classes];
        ReadOnlySpan<int> labels = _data.Y.AsSpan<int>();
        foreach (int row in rows)
        {
            counts[labels[row]]++;
        }

        return counts;
    }

    private int[] Classes(Func<int, bool> isWanted) => [.. Enumerable.Range(0, _validCounts.Length).Where(isWanted)];

    private static string Listed(int[] classes) => classes.Length == 1
        ? $"Class {classes[0]} has"
        : $"Classes {string.Join(", ", classes.Take(5))}{(classes.Length > 5 ? " …" : "")} have";
}
