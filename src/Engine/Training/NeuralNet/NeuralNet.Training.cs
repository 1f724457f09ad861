using System.Diagnostics;
using System.Runtime.CompilerServices;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    private Device? _device;

    /// <summary>Gets the number of the last epoch of this call of Fit.</summary>
    internal int LastEpoch { get; private set; }

    /// <summary>
    /// Gets whether no call of Fit has reached its first epoch. The history may come from another network.
    /// </summary>
    internal bool IsFirstFit => _training is null;

    /// <summary>Gets the schedules with a value for each batch.</summary>
    internal IEnumerable<AdjustVariable> PerBatch =>
        Callbacks.OfType<AdjustVariable>().Where(adjust => adjust.Schedule.EveryBatch);

    private NeuralNet Train(
        Tensors x,
        Tensors y,
        Tensor? sampleWeights,
        int epochs,
        CancellationToken cancellationToken,
        [CallerMemberName] string caller = "")
    {
        Initialize();
        using ChangeTurns.Scope change = Changing(caller, isTraining: true);
        TrainerGraph graph = Renewed();
        RequireSameNormalization();
        SampleSet data = Checked(x, y, sampleWeights);
        (int[] train, int[] validate) = TrainSplit.Split(
            data.Count, graph.Head.IsRegression ? null : data.Y.AsSpan<int>().ToArray());
        Samples.RequireWeight(data.Weights, train);
        RequireProbabilities(data.Xs);
        RequireAgreement(data, epochs, [Tensor.From(validate)]);

        return Train(
            () => new FitCheck(this, data, train, validate), sampleWeights, epochs,
            () =>
            {
                _training = Pass.For(_training, this, graph, data, train, isTraining: true, _device!);
                _validation = Pass.For(
                    _validation, this, graph, data with { Weights = null }, validate, isTraining: false, _device!);
            },
            cancellationToken);
    }

    /// <summary>Trains for a number of epochs on the samples of the passes.</summary>
    /// <param name="watch">Creates the checks for failing trainings.</param>
    /// <param name="sampleWeights">The samples' weights, as given by the user.</param>
    /// <param name="epochs">The number of epochs.</param>
    /// <param name="pass">Creates the passes over the training samples and the validation samples.</param>
    /// <param name="cancellationToken">Ends the training.</param>
    private NeuralNet Train(
        Func<FitCheck> watch, Tensor? sampleWeights, int epochs, Action pass, CancellationToken cancellationToken)
    {
        Callback[] callbacks = Verbose > 0 ? [new PrintedTables(Output, HasColors), .. Callbacks] : [.. Callbacks];
        callbacks = [.. callbacks.Where(IsToldHere)];
        _isStopping = false;
        LastEpoch = (int)Math.Min((long)_history.Count + epochs, int.MaxValue);
        int started = 0;
        try
        {
            for (; started < callbacks.Length; started++)
            {
                callbacks[started].OnTrainingStarted(this);
            }

            _told = callbacks;
            FitCheck check = watch();
            check.Start(sampleWeights);
            pass();
            _safePoint ??= new SafePoint(
                StateVariables().Select(pair => pair.Value).Where(variable => !variable.IsElsewhere), _device!);
            for (int i = 0; i < epochs && !AnyRank(IsEnding || cancellationToken.IsCancellationRequested); i++)
            {
                if (!Epoch(_training!, _validation!, callbacks, check, cancellationToken))
                {
                    break;
                }
            }
        }
        finally
        {
            _told = [];
            _training?.Feeder.Stop();
            _validation?.Feeder.Stop();
            Array.ForEach(callbacks[..started], callback => callback.OnTrainingFinished(this));
        }

        return this;
    }

    /// <summary>Trains and validates for one epoch, unless canceled or stopped within it.</summary>
    /// <exception cref="DivergenceException">A loss is nan or infinite.</exception>
    private bool Epoch(
        Pass training, Pass validation, Callback[] callbacks, FitCheck check, CancellationToken cancellationToken)
    {
        int epoch = _history.Count + 1;
        using IDisposable? range = _device!.Range($"epoch {epoch}");
        Array.ForEach(callbacks, callback => callback.OnEpochStarted(this, epoch));
        _safePoint!.Keep();
        long start = Stopwatch.GetTimestamp();
        TimeSpan waited = training.Feeder.Waited;
        (double trainLoss, bool isWhole) = TrainBatches(training, epoch, callbacks, cancellationToken);
        if (IsBad(trainLoss, Initialized.TrainLossSum) && (!IsEnding || Parallel is not null))
        {
            throw Diverged(training, null, epoch, trainLoss, check, cancellationToken);
        }

        if (!isWhole)
        {
            return false;
        }

        double trainSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        if (Validate(validation, epoch, cancellationToken) is not { } valid)
        {
            return false;
        }

        // Without validation samples, no loss shows the effect of the last update before the next epoch.
        if (validation.Feeder.Batches > 0 ? IsBad(valid.Loss, Initialized.ValidLossSum) : BadParameter() is not null)
        {
            throw Diverged(training, validation, epoch, valid.Loss, check, cancellationToken);
        }

        var record = new EpochRecord
        {
            Epoch = epoch,
            TrainLoss = trainLoss,
            TrainLossBest = _history.All(before => !(before.TrainLoss <= trainLoss)) && !double.IsNaN(trainLoss),
            ValidLoss = valid.Loss,
            ValidLossBest = _history.All(before => !(before.ValidLoss <= valid.Loss)) && !double.IsNaN(valid.Loss),
            ValidAccuracy = valid.Accuracy,
            TrainSeconds = trainSeconds,
            WaitSeconds = (training.Feeder.Waited - waited).TotalSeconds,
            Dur = Stopwatch.GetElapsedTime(start).TotalSeconds,
            Scores = valid.Scores,
        };
        _history = [.. _history, record];
        check.Epoch(record);
        GatherRuleState(callbacks, record);
        Array.ForEach(callbacks, callback => callback.OnEpochFinished(this, record));
        _wholeRuleState = null;
        return true;
    }

    /// <summary>Returns the mean loss of the epoch's batches, or of those that ran before it was stopped.</summary>
    private (double Loss, bool IsWhole) TrainBatches(
        Pass pass, int epoch, Callback[] callbacks, CancellationToken cancellationToken)
    {
        Callback[] listeners = [.. callbacks.Where(callback => callback.WantsBatches)];
        Callback[] watchers = [.. callbacks.Where(callback => callback.WantsProgress)];
        int batches = pass.Feeder.Batches, samples = 0;
        var chunks = new Chunks(
            batches, oneByOne: listeners.Length > 0 || pass.Feeder.IsFromHost
                || pass.Sharded is not null, _device!.IsGpu,
            watchers.Length > 0);
        Initialized.TrainLossSum.SetScalar(0.0);
        Initialized.TrainWeightSum.SetScalar(0.0);
        StartEpoch(pass, epoch);
        int done = 0;
        while (done < batches && !IsStopping())
        {
            int count = chunks.Next(done);
            int rows = pass.Run(count, IsEnding || cancellationToken.IsCancellationRequested);
            samples += rows;
            if (listeners.Length > 0)
            {
                var record = new BatchRecord(epoch, done, batches, rows, pass.ReadScalar(FloatX));
                Array.ForEach(listeners, callback => callback.OnBatchFinished(this, record));
                if (!double.IsFinite(record.Loss))
                {
                    return (record.Loss, false);
                }
            }

            done += count;
            if (watchers.Length > 0 && chunks.IsReportDue(done))
            {
                var progress = new TrainingProgress(
                    epoch, LastEpoch, done, batches, samples, pass.Key.Rows, chunks.Elapsed);
                Array.ForEach(watchers, callback => callback.OnProgress(this, progress));
            }
        }

        double weight = pass.Key.IsWeighted ? Initialized.TrainWeightSum.GetScalar<double>() : samples;
        double sum = Initialized.TrainLossSum.GetScalar<double>();
        bool isWhole = done == batches && !(pass.Sharded?.IsStopping ?? IsEnding);
        return (isWhole ? sum / weight : sum, isWhole);

        // Ranks stop together, after all know that one wants to stop.
        bool IsStopping() => pass.Sharded?.IsStopping ?? (IsEnding || cancellationToken.IsCancellationRequested);
    }

    /// <summary>Goes to the first batch of an epoch, with the settings for each of its batches.</summary>
    private void StartEpoch(Pass pass, int epoch)
    {
        Tensor[] values = [.. PerBatch.Select(adjust => adjust.Values(this, epoch, pass.Feeder.Batches))];
        RequireSameSettings(values);
        pass.Start(epoch, values);
    }

    private (double Loss, double Accuracy, IReadOnlyDictionary<string, double> Scores)? Validate(
        Pass pass, int epoch, CancellationToken cancellationToken)
    {
        if (Parallel is not null)
        {
            return ValidateTogether(pass, epoch);
        }

        TrainerGraph graph = Initialized;
        var targets = new List<Tensor>();
        var outputs = new List<Tensor>();
        int batches = pass.Feeder.Batches, samples = 0;
        var chunks = new Chunks(
            batches, oneByOne: CustomScores.Count > 0 || pass.Feeder.IsFromHost, _device!.IsGpu, isWatched: false);
        graph.ValidLossSum.SetScalar(0.0);
        graph.CorrectSum.SetScalar(0.0);
        pass.Feeder.Start(epoch, []);
        for (int done = 0, count; done < batches; done += count)
        {
            if (Turns.IsDisposed || cancellationToken.IsCancellationRequested)
            {
                return null;
            }

            count = chunks.Next(done);
            int rows = pass.Feeder.Run(pass.Function, count);
            samples += rows;
            if (CustomScores.Count > 0)
            {
                targets.Add(pass.Feeder.LastTargets);
                outputs.Add(pass.ReadRows(FloatX, graph.Head.Output.Shape.With(0, rows)));
            }
        }

        double accuracy = graph.Scored is null ? double.NaN : Mean(graph.CorrectSum.GetScalar<double>());
        IReadOnlyDictionary<string, double> scores = Scores(
            outputs.Count == 0 ? null : Tensor.Joined(targets), outputs.Count == 0 ? null : Tensor.Joined(outputs));
        return (Mean(graph.ValidLossSum.GetScalar<double>()), accuracy, scores);

        double Mean(double sum) => samples == 0 ? double.NaN : sum / samples;
    }

    /// <summary>Returns the custom scores of all validation samples; nan without samples.</summary>
    private OrderedDictionary<string, double> Scores(Tensor? targets, Tensor? output) =>
        new(CustomScores.Select(score =>
            KeyValuePair.Create(score.Name, output is null ? double.NaN : score.Score(targets!, output))));
}
