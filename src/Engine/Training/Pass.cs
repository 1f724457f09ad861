using Engine.Compile;
using Engine.Devices;
using Engine.Graph;

namespace Engine.Training;

/// <summary>Represents a function with the samples that it runs on.</summary>
internal sealed record Pass(Feeder Feeder, Function Function, PassKey Key) : IDisposable
{
    /// <summary>Gets or sets the step of several ranks; null for one process, and for validation.</summary>
    public ShardedStep? Sharded { get; init; }

    /// <summary>Returns a pass over other samples. It keeps the compiled function if possible.</summary>
    public static Pass For(
        Pass? former, NeuralNet net, TrainerGraph graph, SampleSet data, int[] rows, bool isTraining, Device device)
    {
        BatchIterator iterator = isTraining ? net.BatchIteratorTrain : net.BatchIteratorTest;
        bool shuffle = isTraining && iterator.Shuffle;
        AdjustVariable[] adjusted = isTraining ? [.. net.PerBatch] : [];
        bool isWeighted = data.Weights is not null;
        var key = new PassKey(
            graph, rows.Length, iterator.BatchSize, shuffle, iterator.Transform is null, isWeighted,
            iterator.Augmentation,
            string.Join(' ', adjusted.Select(adjust => adjust.Setting)), isTraining ? net.Parallel : null);
        if (former?.Key == key && former.Feeder is DeviceFeeder kept && kept.TryReplace(data, rows))
        {
            return former;
        }

        // The first data set is read in place. Later ones are copied to where the compiled function expects them, so
        // one function serves all.
        bool inPlace = !device.IsGpu && (former is null || (former.Feeder is DeviceFeeder last && last.Borrows(data)));
        var settings = new BatchSettings(
            [.. adjusted.Select(adjust => graph.Rule.Settings[adjust.Setting])], iterator.Count(rows.Length));
        ShardPlan? plan = key.Parallel?.Plan();
        Feeder feeder = key.IsOnDevice
            ? new DeviceFeeder(graph, data, rows, iterator, shuffle, net.Seed, settings, inPlace, plan is not null)
            : new HostFeeder(graph, data.Rows(rows), iterator, shuffle, net.Seed, settings);
        return With(former, feeder, key, device, isTraining, plan);
    }

    /// <summary>
    /// Returns a pass over samples that are read on demand. It keeps the compiled function if possible.
    /// </summary>
    public static Pass For(
        Pass? former, NeuralNet net, TrainerGraph graph, SourceReader reader, bool isTraining, Device device)
    {
        AdjustVariable[] adjusted = isTraining ? [.. net.PerBatch] : [];
        int count = reader.Source.Count;
        var key = new PassKey(
            graph, count, reader.Iterator.BatchSize, isTraining
                && reader.Iterator.Shuffle, IsOnDevice: false, reader.IsWeighted,
            reader.Iterator.Augmentation, string.Join(' ', adjusted.Select(adjust => adjust.Setting)),
            isTraining ? net.Parallel : null);
        var settings = new BatchSettings(
            [.. adjusted.Select(adjust => graph.Rule.Settings[adjust.Setting])], reader.Iterator.Count(count));
        ShardPlan? plan = key.Parallel?.Plan();
        var feeder = new StreamFeeder(graph, reader, settings, plan, isTraining ? null : net.Parallel?.Communicator);
        return With(former, feeder, key, device, isTraining, plan);
    }

    private static Pass With(Pass? former, Feeder feeder, PassKey key, Device device, bool isTraining, ShardPlan? plan)
    {
        if (former?.Key == key && !key.IsOnDevice && plan is null)
        {
            return former with { Feeder = feeder };
        }

        former?.Dispose();
        if (plan is not null)
        {
            var step = new ShardedStep(key.Graph.Sharded(key.IsWeighted, plan), feeder, plan, device);
            return new Pass(feeder, step.LastShard, key) { Sharded = step };
        }

        (Variable output, IReadOnlyList<Update> updates) = isTraining
            ? key.Graph.Training(key.IsWeighted)
            : new TrainingGraph(key.Graph.Head.Output, key.Graph.ValidUpdates);
        var function = feeder.Compile(updates, [output], device);
        var pass = new Pass(feeder, function, key);
        if (key.Rows > 0)
        {
            feeder.Prepare(function);
        }

        return pass;
    }

    /// <summary>Goes back to the first batch and begins the epoch of this number.</summary>
    public void Start(int epoch, IReadOnlyList<Tensor> settings)
    {
        Feeder.Start(epoch, settings);
        Sharded?.Start(epoch);
    }

    /// <summary>Runs a number of batches and returns the number of their samples.</summary>
    /// <param name="count">The number of batches.</param>
    /// <param name="wantsStop">Whether this rank asks the others to stop.</param>
    public int Run(int count, bool wantsStop = false)
    {
        if (Sharded is null)
        {
            return Feeder.Run(Function, count);
        }

        int rows = 0;
        for (int i = 0; i < count; i++)
        {
            rows += Sharded.Run(wantsStop);
        }

        return rows;
    }

    public double ReadScalar(DType dtype)
    {
        if (Sharded is not null)
        {
            return Sharded.Loss;
        }

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
        Sharded?.Dispose();
        Function.Dispose();
        Feeder.Dispose();
    }
}

/// <summary>Represents everything that must be equal if a compiled function is kept for other samples.</summary>
internal sealed record PassKey(
    TrainerGraph Graph,
    int Rows,
    int BatchSize,
    bool Shuffle,
    bool IsOnDevice,
    bool IsWeighted,
    IReadOnlyList<Augmentation> Augmentation,
    string Adjusted,
    DataParallel? Parallel);
