using System.CommandLine;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.IO;
using Engine.Layers;
using Engine.Training;
using Spectre.Console;

namespace Engine.Runner;

/// <summary>Trains a network on CIFAR-10, evaluates it, and leaves its history and its parameters in files.</summary>
internal static class Experiment
{
    /// <summary>The command <c>mlp</c>.</summary>
    public static Command Mlp() => TrainingCommand.Create(
        "mlp",
        "Train the multi-layer perceptron on CIFAR-10.",
        new TrainingOptions { Epochs = 50, LearningRate = 0.01f, Hidden = [100] },
        (options, cancellation) => Run(options, Networks.Mlp(options.Hidden), isFlat: true, cancellation));

    /// <summary>The command <c>cnn</c>.</summary>
    public static Command Cnn() => TrainingCommand.Create(
        "cnn",
        "Train the convolutional network on CIFAR-10.",
        new TrainingOptions { Epochs = 5, LearningRate = 0.015f },
        (options, cancellation) => Run(options, Networks.Cnn(), isFlat: false, cancellation));

    /// <summary>Gets the data, and says what must be known of them.</summary>
    public static async Task<Cifar10Set> LoadData(string? path, bool isQuiet, CancellationToken cancellation)
    {
        using var bar = new DownloadBar(AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(Console.Error),
        }), "Downloading CIFAR-10");
        Cifar10Set data = await Cifar10.LoadAsync(
            new Cifar10Options { Path = path, Progress = new Reporter(bar) }, cancellation);
        if (data.Notice is not null)
        {
            await Console.Error.WriteLineAsync($"NOTE: {data.Notice}");
        }

        if (!isQuiet)
        {
            Console.WriteLine($"Data: {data.Source}, {data.Train.Count} images to train and {data.Test.Count} to test.");
        }

        return data;
    }

    /// <summary>The accuracy on the test images, beside it whether these are CIFAR-10's.</summary>
    public static void PrintAccuracy(float accuracy, Cifar10Set data) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"The accuracy of this network is: {accuracy:F2}{(data.IsSynthetic ? " (on drawn images, not on CIFAR-10)" : "")}"));

    private static async Task<int> Run(
        TrainingOptions options, (string Name, Layer Layer)[] layers, bool isFlat, CancellationToken cancellation)
    {
        options.CheckFiles();
        EngineOptions configuration = CommonOptions.Configure(options.Device, options.Threads);
        using Device device = DeviceSelection.Open(options.Device, configuration, Console.Error);
        SafetensorsFile? parameters = options.Load is null ? null : Safetensors.Load(options.Load);
        Cifar10Set data = await LoadData(options.Data, options.Quiet, cancellation);
        using var history = options.History is null ? null : new HistoryFile(options.History, data.IsSynthetic);
        using var net = new NeuralNet(layers)
        {
            Update = new NesterovMomentum(options.LearningRate, options.Momentum),
            MaxEpochs = options.Epochs,
            BatchIteratorTrain = new BatchIterator(options.Batch),
            BatchIteratorTest = new BatchIterator(options.Batch),
            Seed = (ulong)options.Seed,
            FloatX = configuration.FloatX,
            Device = device,
            Verbose = options.Quiet ? 0 : 1,
            RowNote = data.IsSynthetic ? "drawn images" : null,
        };
        if (history is not null)
        {
            net.Callbacks.Add(history);
        }

        if (parameters is not null)
        {
            SetParameters(net, parameters, options.Load!);
        }

        net.Fit(data.Train.Greyscale(isFlat), data.Train.Labels, cancellation);
        if (cancellation.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped; the network is kept as it is.");
        }

        float accuracy = net.Score(data.Test.Greyscale(isFlat), data.Test.Labels);
        PrintAccuracy(accuracy, data);
        history?.End(accuracy, device);
        if (options.Save is not null)
        {
            Safetensors.Save(options.Save, net.GetParameters());
        }

        return CommandLine.Done;
    }

    /// <summary>Puts a file's parameters into a network.</summary>
    /// <exception cref="EngineException">They are of another network; the message names the file and what differs.</exception>
    public static void SetParameters(NeuralNet net, SafetensorsFile parameters, string path)
    {
        try
        {
            net.SetParameters(parameters.Tensors);
        }
        catch (EngineException error)
        {
            throw new EngineException($"--load: {path}: {error.Message}", error);
        }
    }

    private sealed class Reporter(DownloadBar bar) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => bar.Report(value.Received, value.Total);
    }
}
