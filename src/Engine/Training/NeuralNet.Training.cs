using System.Diagnostics;
using System.Runtime.CompilerServices;
using Engine.Compile;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    private Device? _device;

    /// <summary>The number of the last epoch that this call of Fit is to train.</summary>
    internal int LastEpoch { get; private set; }

    /// <summary>
    /// Whether no call of Fit has got as far as its first epoch; the history may be that of another network.
    /// </summary>
    internal bool IsFirstFit => _training is null;

    /// <summary>The schedules with a value for each batch.</summary>
    private IEnumerable<AdjustVariable> PerBatch =>
        Callbacks.OfType<AdjustVariable>().Where(adjust => adjust.Schedule.EveryBatch);

    private NeuralNet Train(
        Tensor x,
        Tensor y,
        Tensor? sampleWeights,
        int epochs,
        CancellationToken cancellationToken,
        [CallerMemberName] string caller = "")
    {
        Initialize();
        using ChangeScope change = Changing(caller, isTraining: true);
        Model model = Initialized;
        RequireSameNormalization();
        SampleSet data = Checked(x, y, sampleWeights);
        (int[] train, int[] validate) = TrainSplit.Split(
            data.Count, Regression ? null : data.Y.AsSpan<int>().ToArray());
        Samples.RequireWeight(data.Weights, train);
        RequireProbabilities(data.X);

        Callback[] callbacks = Verbose > 0 ? [new PrintedTables(Output, HasColours), .. Callbacks] : [.. Callbacks];
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
            var check = new FitCheck(this, data, train, validate);
            check.Start(sampleWeights);
            _training = Pass.For(_training, this, model, data, train, isTraining: true, _device!);
            _validation = Pass.For(
                _validation, this, model, data with { Weights = null }, validate, isTraining: false, _device!);
            _safePoint ??= new SafePoint(StateVariables().Select(pair => pair.Value), _device!);
            for (int i = 0; i < epochs && !IsEnding && !cancellationToken.IsCancellationRequested; i++)
            {
                if (!Epoch(_training, _validation, callbacks, check, cancellationToken))
                {
                    break;
                }
            }
        }
        finally
        {
            _told = [];
            Array.ForEach(callbacks[..started], callback => callback.OnTrainingFinished(this));
        }

        return this;
    }

    /// <summary>Trains and validates once, unless cancelled or stopped amid it.</summary>
    /// <exception cref="DivergenceException">A loss is nan or infinite.</exception>
    private bool Epoch(
        Pass training, Pass validation, Callback[] callbacks, FitCheck check, CancellationToken cancellationToken)
    {
        int epoch = _history.Count + 1;
        using IDisposable? range = _device!.Range($"epoch {epoch}");
        Array.ForEach(callbacks, callback => callback.OnEpochStarted(this, epoch));
        _safePoint!.Keep();
        long start = Stopwatch.GetTimestamp();
        (double trainLoss, bool isWhole) = TrainBatches(training, epoch, callbacks, cancellationToken);
        if (IsBad(trainLoss, Initialized.TrainLossSum) && !IsEnding)
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

        // Without validation samples no loss tells of the last update before the next epoch.
        if (validation.Feed.Batches > 0 ? IsBad(valid.Loss, Initialized.ValidLossSum) : BadParameter() is not null)
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
            Dur = Stopwatch.GetElapsedTime(start).TotalSeconds,
            Scores = valid.Scores,
        };
        _history = [.. _history, record];
        check.Epoch(record);
        Array.ForEach(callbacks, callback => callback.OnEpochFinished(this, record));
        return true;
    }

    /// <summary>The mean loss of the epoch's batches, or of those that ran if it was cut short.</summary>
    private (double Loss, bool IsWhole) TrainBatches(
        Pass pass, int epoch, Callback[] callbacks, CancellationToken cancellationToken)
    {
        Callback[] listeners = [.. callbacks.Where(callback => callback.WantsBatches)];
        Callback[] watchers = [.. callbacks.Where(callback => callback.WantsProgress)];
        int batches = pass.Feed.Batches, samples = 0;
        var chunks = new Chunks(
            batches, oneByOne: listeners.Length > 0 || pass.Feed is HostFeed, _device!.IsGpu, watchers.Length > 0);
        Initialized.TrainLossSum.SetScalar(0.0);
        Initialized.TrainWeightSum.SetScalar(0.0);
        StartEpoch(pass, epoch);
        int done = 0;
        while (done < batches && !IsEnding && !cancellationToken.IsCancellationRequested)
        {
            int count = chunks.Next(done);
            int rows = pass.Feed.Run(pass.Function, count);
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
        bool isWhole = done == batches && !IsEnding;
        return (isWhole ? sum / weight : sum, isWhole);
    }

    /// <summary>Goes to the first batch of an epoch, with the settings that each of its batches has.</summary>
    private void StartEpoch(Pass pass, int epoch) => pass.Feed.Start(
        epoch, [.. PerBatch.Select(adjust => adjust.Values(this, epoch, pass.Feed.Batches))]);

    private (double Loss, double Accuracy, IReadOnlyDictionary<string, double> Scores)? Validate(
        Pass pass, int epoch, CancellationToken cancellationToken)
    {
        Model model = Initialized;
        var scores = new OrderedDictionary<string, double>(
            CustomScores.Select(score => KeyValuePair.Create(score.Name, 0.0)));
        int batches = pass.Feed.Batches, samples = 0;
        var chunks = new Chunks(
            batches, oneByOne: CustomScores.Count > 0 || pass.Feed is HostFeed, _device!.IsGpu, isWatched: false);
        model.ValidLossSum.SetScalar(0.0);
        model.CorrectSum.SetScalar(0.0);
        pass.Feed.Start(epoch, []);
        for (int done = 0, count; done < batches; done += count)
        {
            if (_isDisposed || cancellationToken.IsCancellationRequested)
            {
                return null;
            }

            count = chunks.Next(done);
            int rows = pass.Feed.Run(pass.Function, count);
            samples += rows;
            if (CustomScores.Count > 0)
            {
                Tensor output = pass.ReadRows(FloatX, model.Network.Output.Shape.With(0, rows));
                foreach (CustomScore score in CustomScores)
                {
                    scores[score.Name] += score.Score(pass.Feed.LastTargets, output) * rows;
                }
            }
        }

        foreach (string name in scores.Keys.ToArray())
        {
            scores[name] = Mean(scores[name]);
        }

        double accuracy = Regression ? double.NaN : Mean(model.CorrectSum.GetScalar<double>());
        return (Mean(model.ValidLossSum.GetScalar<double>()), accuracy, scores);

        double Mean(double sum) => samples == 0 ? double.NaN : sum / samples;
    }

    /// <summary>A function with the samples it is run over.</summary>
    private sealed record Pass(Feed Feed, Function Function, PassKey Key) : IDisposable
    {
        /// <summary>A pass over other samples, which keeps the compiled function where it can.</summary>
        public static Pass For(
            Pass? former, NeuralNet net, Model model, SampleSet data, int[] rows, bool isTraining, Device device)
        {
            BatchIterator iterator = isTraining ? net.BatchIteratorTrain : net.BatchIteratorTest;
            bool shuffle = isTraining && iterator.Shuffle;
            AdjustVariable[] adjusted = isTraining ? [.. net.PerBatch] : [];
            bool isWeighted = data.Weights is not null;
            var key = new PassKey(
                rows.Length, iterator.BatchSize, shuffle, iterator.Transform is null, isWeighted, iterator.Augmentation,
                string.Join(' ', adjusted.Select(adjust => adjust.Setting)));
            if (former?.Key == key && former.Feed is DeviceFeed kept && kept.TryReplace(data, rows))
            {
                return former;
            }

            // One data set is read where it lies; from a second one on they are copied to where the compiled function
            // expects them, so that a function is not compiled for each.
            bool inPlace = !device.IsGpu && (former is null || (former.Feed is DeviceFeed last && last.Borrows(data)));
            var settings = new BatchSettings(
                [.. adjusted.Select(adjust => model.Rule.Settings[adjust.Setting])], iterator.Count(rows.Length));
            Feed feed = key.IsOnDevice
                ? new DeviceFeed(model, data, rows, iterator, shuffle, net.Seed, settings, inPlace)
                : new HostFeed(model, data.Rows(rows), iterator, shuffle, net.Seed, settings);
            if (former?.Key == key && !key.IsOnDevice)
            {
                return former with { Feed = feed };
            }

            former?.Dispose();
            (Variable output, IReadOnlyList<Update> updates) = isTraining
                ? model.Training(isWeighted)
                : new TrainingGraph(model.Network.Output, model.ValidUpdates);
            var function = feed.Compile(updates, [output], device);
            var pass = new Pass(feed, function, key);
            if (rows.Length > 0)
            {
                feed.Prepare(function);
            }

            return pass;
        }

        public double ReadScalar(DType dtype)
        {
            Tensor value = ReadRows(dtype, Shape.Scalar);
            return value.Cast(DType.Float64).AsSpan<double>()[0];
        }

        public Tensor ReadRows(DType dtype, Shape shape) => Read(Function, 0, dtype, shape);

        public static Tensor Read(Function function, int output, DType dtype, Shape shape)
        {
            var value = new Tensor(dtype, shape);
            if (dtype == DType.Float32)
            {
                function.ReadOutput(output, value.AsSpan<float>());
            }
            else
            {
                function.ReadOutput(output, value.AsSpan<double>());
            }

            return value;
        }

        public void Dispose()
        {
            Function.Dispose();
            Feed.Dispose();
        }
    }

    /// <summary>What decides whether a compiled function can be kept for other samples.</summary>
    private sealed record PassKey(
        int Rows,
        int BatchSize,
        bool Shuffle,
        bool IsOnDevice,
        bool IsWeighted,
        IReadOnlyList<Augmentation> Augmentation,
        string Adjusted);
}
