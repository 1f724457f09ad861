using System.Globalization;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>What training the same network on the same images came to on a device.</summary>
/// <param name="Device">Its name.</param>
/// <param name="Model">What it is sold as; null if it does not say.</param>
/// <param name="FirstLosses">The losses of the first steps, each before its own update.</param>
/// <param name="EpochSeconds">How long each epoch's training batches took, validation left out.</param>
/// <param name="TestAccuracy">The part of the test images that the trained network takes for what they are.</param>
internal sealed record Trained(
    string Device,
    string? Model,
    IReadOnlyList<double> FirstLosses,
    IReadOnlyList<double> EpochSeconds,
    double TestAccuracy)
{
    /// <summary>How many first losses there are.</summary>
    private const int Steps = 10;

    /// <summary>The median, after the first epoch where there are more, since that one also prepares.</summary>
    public double SecondsAnEpoch
    {
        get
        {
            double[] sorted = [.. EpochSeconds.Skip(EpochSeconds.Count > 1 ? 1 : 0).Order()];
            int middle = sorted.Length / 2;
            return sorted.Length == 0 ? double.NaN
                : sorted.Length % 2 == 1 ? sorted[middle]
                : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    /// <summary>Trains a network for a few steps, then another, from the same first values, for all epochs.</summary>
    public static Trained On(
        Device device,
        DType floatX,
        TrainingOptions options,
        Cifar10Set data,
        HistoryFile? history,
        CancellationToken cancellation)
    {
        NetworkDescription network = options.Described();
        Tensor x = ImageInput.Prepare(network, data.Train.Images), y = data.Train.Labels;
        var losses = new List<double>();
        int few = Math.Min(Steps * network.Batch, data.Train.Count);
        TrainingOptions briefly = options with { Quiet = true, Epochs = 1 };
        using (NeuralNet first = Experiment.Net(briefly, device, floatX, data.IsSynthetic))
        {
            first.TrainSplit = new TrainSplit(EvalSize: 0);
            first.Callbacks.Add(new LambdaCallback { BatchFinished = (_, batch) => losses.Add(batch.Loss) });
            first.Fit(x.Rows(0, few), y.Rows(0, few), cancellation);
        }

        using NeuralNet net = Experiment.Net(options, device, floatX, data.IsSynthetic);
        if (history is not null)
        {
            history.Name(device);
            net.Callbacks.Add(history);
        }

        net.Fit(x, y, cancellation);
        cancellation.ThrowIfCancellationRequested();
        return new Trained(
            device.Name,
            (device as CudaDevice)?.Model,
            losses,
            [.. net.TrainHistory.Select(epoch => epoch.TrainSeconds)],
            net.Score(ImageInput.Prepare(network, data.Test.Images), data.Test.Labels));
    }
}

/// <summary>The same training on the CPU and on a GPU.</summary>
internal sealed record Comparison(Trained Cpu, Trained Gpu)
{
    /// <summary>How many times as fast the GPU trains.</summary>
    public double SpeedUp => Cpu.SecondsAnEpoch / Gpu.SecondsAnEpoch;

    /// <summary>
    /// The largest relative difference between losses of the same step, the CPU's being the measure; nan if one is, or
    /// is missing.
    /// </summary>
    public double LossDifference => Cpu.FirstLosses.Count != Gpu.FirstLosses.Count ? double.NaN : Cpu.FirstLosses
        .Zip(Gpu.FirstLosses, (cpu, gpu) => Math.Abs(gpu - cpu) / cpu)
        .Aggregate(0.0, Math.Max);

    /// <summary>The CPU's accuracies, where it trained with several seeds; the first is <see cref="Cpu"/>'s.</summary>
    public IReadOnlyList<double> CpuAccuracies { get; init; } = [Cpu.TestAccuracy];

    /// <summary>
    /// What an accuracy may lie outside of the CPU's: as much as these differ from one another, for rounding sends a
    /// training another way as another seed does; of one seed, and of less, a point.
    /// </summary>
    private double Margin => Math.Max(0.01, CpuAccuracies.Max() - CpuAccuracies.Min());

    /// <summary>
    /// Whether both devices learn the same: the first losses agree to 10⁻⁴, before rounding grows apart, and the
    /// accuracies in the end as far as seeds let them.
    /// </summary>
    public bool Agrees => LossDifference <= 1e-4
        && Gpu.TestAccuracy >= CpuAccuracies.Min() - Margin && Gpu.TestAccuracy <= CpuAccuracies.Max() + Margin;

    /// <summary>The table for the user.</summary>
    public override string ToString()
    {
        string gpu = Gpu.Model is null ? Gpu.Device : $"{Gpu.Device} ({Gpu.Model})";
        int width = Math.Max(gpu.Length, 12);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"""
                                 {Cpu.Device,12}  {gpu.PadLeft(width)}
              seconds an epoch   {Cpu.SecondsAnEpoch,12:F4}  {Text(Gpu.SecondsAnEpoch).PadLeft(width)}
              test accuracy      {Cpu.TestAccuracy,12:F4}  {Text(Gpu.TestAccuracy).PadLeft(width)}{OtherSeeds()}

              The GPU trains {SpeedUp:F1} times as fast.
              The losses of the first {Cpu.FirstLosses.Count} steps differ by {LossDifference:E1} at most.
              """);
    }

    private string OtherSeeds() => CpuAccuracies.Count == 1 ? "" : "\n  with other seeds    "
        + string.Join(", ", CpuAccuracies.Skip(1).Select(Text));

    private static string Text(double value) => value.ToString("F4", CultureInfo.InvariantCulture);
}
