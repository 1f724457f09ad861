using Engine.Compile;
using Engine.Devices;

namespace Engine.Training;

/// <summary>
/// A full batch of a network's training as it runs within Fit, on its own: to be looked at, with <see
/// cref="Function.Print"/>, and to be timed.
/// </summary>
public sealed class TrainingStep : IDisposable
{
    private readonly DeviceFeed _feed;
    private readonly int _epoch;

    internal TrainingStep(NeuralNet net, Model model, Tensor x, Tensor y, Device device)
    {
        BatchIterator iterator = net.BatchIteratorTrain;
        int[] samples = [.. Enumerable.Range(0, x.Shape[0])];
        _feed = new DeviceFeed(model, x, y, samples, iterator, iterator.Shuffle, net.Seed, inPlace: !device.IsGpu);
        _epoch = x.Shape[0] / Math.Min(iterator.BatchSize, x.Shape[0]);
        Function = _feed.Compile(model.TrainUpdates, model.TrainLoss, device);
        _feed.PrepareFull(Function);
    }

    /// <summary>What computes a batch, prepared for full ones.</summary>
    public Function Function { get; }

    /// <summary>Trains for so many full batches, from the first on, again and again if there are fewer.</summary>
    public void Run(int batches)
    {
        for (int run; batches > 0; batches -= run)
        {
            run = Math.Min(batches, _epoch);
            _feed.Start(1);
            _feed.Run(Function, run);
        }
    }

    /// <summary>Frees the function and the samples; the network stays.</summary>
    public void Dispose()
    {
        Function.Dispose();
        _feed.Dispose();
    }
}
