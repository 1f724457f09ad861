using System.CommandLine;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.IO;
using Engine.Training;
using Spectre.Console;

namespace Engine.Runner;

/// <summary>Trains a network on CIFAR-10, evaluates it, and leaves its history and its parameters in files.</summary>
internal static class Experiment
{
    /// <summary>What <c>mlp</c> does unless told otherwise: the source's settings.</summary>
    public static TrainingOptions MlpDefaults => new() { Epochs = 50, LearningRate = 0.01f, Hidden = [100] };

    /// <summary>What <c>cnn</c> does unless told otherwise: the source's settings.</summary>
    public static TrainingOptions CnnDefaults => new() { Epochs = 5, LearningRate = 0.015f };

    /// <summary>The command <c>mlp</c>.</summary>
    public static Command Mlp() => TrainingCommand.Create(
        "mlp", "Train the multi-layer perceptron on CIFAR-10.", MlpDefaults, Run);

    /// <summary>The command <c>cnn</c>.</summary>
    public static Command Cnn() => TrainingCommand.Create(
        "cnn", "Train the convolutional network on CIFAR-10.", CnnDefaults, Run);

    /// <summary>Gets the data, or so many images of them, and says what must be known of them.</summary>
    public static async Task<Cifar10Set> LoadData(
        string? path, int? images, bool isQuiet, CancellationToken cancellation)
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

        if (images is { } count)
        {
            data = data with { Train = data.Train.First(count), Test = data.Test.First(count) };
        }

        if (!isQuiet)
        {
            Console.WriteLine($"Data: {data.Source}, {data.Train.Count} images to train and {data.Test.Count} to test.");
        }

        return data;
    }

    /// <summary>The accuracy on the test images, beside it whether these are CIFAR-10's.</summary>
    public static void PrintAccuracy(float accuracy, bool isSynthetic) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"The accuracy of this network is: {accuracy:F2}{(isSynthetic ? " (on drawn images, not on CIFAR-10)" : "")}"));

    /// <summary>The network that the options describe, not yet trained.</summary>
    public static NeuralNet Net(TrainingOptions options, Device device, DType floatX, bool isSynthetic) =>
        new(options.IsFlat ? Networks.Mlp(options.Hidden) : Networks.Cnn())
        {
            Update = new NesterovMomentum(options.LearningRate, options.Momentum),
            MaxEpochs = options.Epochs,
            BatchIteratorTrain = new BatchIterator(options.Batch),
            BatchIteratorTest = new BatchIterator(options.Batch),
            Seed = (ulong)options.Seed,
            FloatX = floatX,
            Device = device,
            Verbose = options.Quiet ? 0 : 1,
            RowNote = isSynthetic ? "drawn images" : null,
        };

    private static async Task<int> Run(TrainingOptions options, CancellationToken cancellation)
    {
        options.CheckFiles();
        EngineOptions configuration = CommonOptions.Configure(options.Device, options.Threads);
        TextWriter notes = options.Quiet && configuration.Device.Family == DeviceFamily.Auto ? TextWriter.Null : Console.Error;
        using Device device = DeviceSelection.Open(
            options.Device, configuration, notes, options.Profile == ProfileKind.Nsight);
        bool isTimed = options.Profile == ProfileKind.Table || options.Trace is not null;
        Compile.Profile? profile = isTimed ? Profiling.Start() : null;
        OrderedDictionary<string, Tensor>? parameters = options.Load is null ? null : Parameters.Load(options.Load);
        GreyImages data = await LoadGrey(options, cancellation);
        // What follows would run on the stack of what loaded them, where the images in colour are still alive; aggressively,
        // for the memory must go back to the system to be of use to the copy on the device.
        await Task.Yield();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var history = options.History is null ? null : new HistoryFile(options.History, data.IsSynthetic);
        using NeuralNet net = Net(options, device, configuration.FloatX, data.IsSynthetic);
        if (history is not null)
        {
            net.Callbacks.Add(history);
        }

        if (parameters is not null)
        {
            SetParameters(net, parameters, options.Load!);
        }

        net.Fit(data.Train, data.TrainLabels, cancellation);
        if (cancellation.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped; the network is kept as it is.");
        }

        float accuracy = net.Score(data.Test, data.TestLabels);
        PrintAccuracy(accuracy, data.IsSynthetic);
        history?.End(accuracy, device);
        if (profile is not null)
        {
            Profiling.End(profile, options.Trace, Console.Out);
        }

        if (options.Save is not null)
        {
            Parameters.Save(options.Save, net.GetParameters());
        }

        return CommandLine.Done;
    }

    /// <summary>The images in grey; when this returns nothing holds those in colour, nearly as many bytes, any more.</summary>
    private static async Task<GreyImages> LoadGrey(TrainingOptions options, CancellationToken cancellation)
    {
        Cifar10Set data = await LoadData(options.Data, options.Images, options.Quiet, cancellation);
        return new GreyImages(
            data.Train.Greyscale(options.IsFlat), data.Train.Labels,
            data.Test.Greyscale(options.IsFlat), data.Test.Labels, data.IsSynthetic);
    }

    /// <summary>Puts a file's parameters into a network.</summary>
    /// <exception cref="EngineException">They are of another network; the message names the file and what differs.</exception>
    public static void SetParameters(NeuralNet net, OrderedDictionary<string, Tensor> parameters, string path)
    {
        try
        {
            net.SetParameters(parameters);
        }
        catch (EngineException error)
        {
            throw new EngineException($"--load: {path}: {error.Message}", error);
        }
    }

    private sealed record GreyImages(
        Tensor Train, Tensor TrainLabels, Tensor Test, Tensor TestLabels, bool IsSynthetic);

    private sealed class Reporter(DownloadBar bar) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => bar.Report(value.Received, value.Total);
    }
}
