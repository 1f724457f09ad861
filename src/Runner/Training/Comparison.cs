using System.Globalization;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>The result of training the same network on the same images on one device.</summary>
/// <param name="Device">Its name.</param>
/// <param name="Model">Its product name; null if unknown.</param>
/// <param name="FirstLosses">The losses of the first steps, each before its own update.</param>
/// <param name="EpochSeconds">The seconds of each epoch's training batches, without validation.</param>
/// <param name="TestAccuracy">The share of the test images that the trained network classifies correctly.</param>
internal sealed record Trained(
    string Device,
    string? Model,
    IReadOnlyList<double> FirstLosses,
    IReadOnlyList<double> EpochSeconds,
    double TestAccuracy)
{
    /// <summary>The number of first losses.</summary>
    private const int Steps = 10;

    /// <summary>The median; without the first epoch if there are more, because that one includes preparation.</summary>
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

    /// <summary>Trains a network for a few steps, then another, from the same initial values, for all epochs.</summary>
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
    /// <summary>The speed-up of the GPU.</summary>
    public double SpeedUp => Cpu.SecondsAnEpoch / Gpu.SecondsAnEpoch;

    /// <summary>
    /// The largest difference between losses of the same step, relative to the CPU's; NaN if a loss is NaN or missing.
    /// </summary>
    public double LossDifference => Cpu.FirstLosses.Count != Gpu.FirstLosses.Count ? double.NaN : Cpu.FirstLosses
        .Zip(Gpu.FirstLosses, (cpu, gpu) => Math.Abs(gpu - cpu) / cpu)
        .Aggregate(0.0, Math.Max);

    /// <summary>The CPU's accuracies, if it trained with several seeds; the first is <see cref="Cpu"/>'s.</summary>
    public IReadOnlyList<double> CpuAccuracies { get; init; } = [Cpu.TestAccuracy];

    /// <summary>
    /// How far an accuracy may be outside the CPU's accuracies: as far as these differ from one another, because
    /// rounding changes a training as another seed does. It is at least one percentage point, and so it is with one
    /// seed.
    /// </summary>
    private double Margin => Math.Max(0.01, CpuAccuracies.Max() - CpuAccuracies.Min());

    /// <summary>
    /// Whether both devices learn the same: the first losses agree to 10⁻⁴, before rounding errors grow, and the final
    /// accuracies agree within the spread of the seeds.
    /// </summary>
    public bool Agrees => LossDifference <= 1e-4
        && Gpu.TestAccuracy >= CpuAccuracies.Min() - Margin && Gpu.TestAccuracy <= CpuAccuracies.Max() + Margin;

    /// <summary>Returns the table for the user.</summary>
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
