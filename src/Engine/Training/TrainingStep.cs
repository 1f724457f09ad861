using Engine.Compile;
using Engine.Devices;

namespace Engine.Training;

/// <summary>
/// Represents the training step of a full batch as it runs within Fit, to inspect with <see cref="Function.Print"/> or
/// to time.
/// </summary>
public sealed class TrainingStep : IDisposable
{
    private readonly NeuralNet _net;
    private readonly DeviceFeeder _feed;
    private readonly int _epoch;

    internal TrainingStep(NeuralNet net, TrainerGraph graph, SampleSet data, Device device)
    {
        _net = net;
        BatchIterator iterator = net.BatchIteratorTrain;
        int[] samples = [.. Enumerable.Range(0, data.Count)];
        _feed = new DeviceFeeder(
            graph, data, samples, iterator, iterator.Shuffle, net.Seed, new BatchSettings([], 0),
            inPlace: !device.IsGpu);
        _epoch = data.Count / Math.Min(iterator.BatchSize, data.Count);
        TrainingGraph training = graph.Training(data.Weights is not null);
        Function = _feed.Compile(training.Updates, [training.Loss], device);
        _feed.PrepareFull(Function);
    }

    /// <summary>Gets the function of a batch, prepared for full batches.</summary>
    public Function Function { get; }

    /// <summary>Trains on a number of full batches from the first on, and starts over if there are fewer.</summary>
    public void Run(int batches)
    {
        using ChangeTurns.Scope change = _net.Changing($"{nameof(TrainingStep)}.{nameof(Run)}", isTraining: true);
        for (int run; batches > 0; batches -= run)
        {
            run = Math.Min(batches, _epoch);
            _feed.Start(1, []);
            _feed.Run(Function, run);
        }
    }

    /// <summary>Frees the function and the samples, but not the network.</summary>
    public void Dispose()
    {
        Function.Dispose();
        _feed.Dispose();
    }
}
