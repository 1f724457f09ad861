using System.Globalization;
using Engine.Data;
using Engine.Devices;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>
/// CIFAR-10, or drawn images instead, for the networks that are described for it: mlp, cnn, and files.
/// </summary>
internal sealed class CifarTraining : TrainingData
{
    private const int TenClasses = 10;

    private readonly Tensor _train;
    private readonly Tensor _trainLabels;
    private readonly Tensor _test;
    private readonly Tensor _testLabels;

    private CifarTraining(NetworkDescription network, Cifar10Set data)
    {
        (_train, _trainLabels) = (ImageInput.Prepare(network, data.Train.Images), data.Train.Labels);
        (_test, _testLabels) = (ImageInput.Prepare(network, data.Test.Images), data.Test.Labels);
        (Classes, IsSynthetic) = (data.ClassNames, data.IsSynthetic);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Classes { get; }

    /// <inheritdoc/>
    public override bool IsSynthetic { get; }

    /// <summary>Returns the images as the network's input; afterwards nothing references the original images.</summary>
    public static async Task<CifarTraining> Load(TrainingOptions options, CancellationToken cancellation)
    {
        NetworkDescription network = options.Described();
        return new CifarTraining(
            network, await LoadSet(options.Data, network.Data.Images, options.Quiet, cancellation));
    }

    /// <summary>Loads the data, or only some images, and prints notes about it.</summary>
    public static async Task<Cifar10Set> LoadSet(
        string? path, int? images, bool isQuiet, CancellationToken cancellation)
    {
        if (path is not null && File.Exists(path))
        {
            FileKind.Require(
                path, "--data names the folder with CIFAR-10, or its archive cifar-10-python.tar.gz.", FileKind.Gzip);
        }

        using var bar = new DownloadBar(Terminal.OfErrors(), "Downloading CIFAR-10");
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
            Console.WriteLine(
                $"Data: {data.Source}, {data.Train.Count} images to train and {data.Test.Count} to test.");
        }

        return data;
    }

    /// <summary>
    /// Builds the network of a file before anything is loaded for it: errors name layers that do not fit each other,
    /// with their lines.
    /// </summary>
    public static void Check(NetworkDescription network)
    {
        if (network == Networks.Mlp || network == Networks.Cnn)
        {
            return;
        }

        ImageInput.RequireFit(network);
        using var net = new NeuralNet(network.MakeOutput());
        net.Initialize();
        Shape output = net.Layers[^1].OutputShape;
        if (output.Rank != 2 || output[1] != TenClasses)
        {
            throw new EngineException(
                $"{network.Path}, line {network.Layers[^1].Line}: "
                + $"the last layer gives {string.Join('x', output.Skip(1))} numbers an image, "
                + $"but there are {TenClasses} classes: end with dense, units {TenClasses}, nonlinearity softmax.");
        }
    }

    /// <summary>Returns the accuracy on the test images, and whether these are CIFAR-10's.</summary>
    public static void PrintAccuracy(float accuracy, bool isSynthetic, TextWriter output) => output.WriteLine(
        string.Create(CultureInfo.InvariantCulture,
        $"The accuracy of this network is: {accuracy:F2}{(isSynthetic ? " (on drawn images, not on CIFAR-10)" : "")}"));

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, string> Metadata(NeuralNet net, TrainingOptions options) =>
        ModelOf(options).Metadata;

    /// <inheritdoc/>
    public override void Fit(NeuralNet net, TrainingOptions options, CancellationToken cancellation)
    {
        net.ClassWeights = options.IsBalanced
            ? ClassWeights.Balanced(_trainLabels.AsSpan<int>(), net.Classes)
            : net.ClassWeights;
        net.Fit(_train, _trainLabels, cancellation);
    }

    /// <inheritdoc/>
    public override (string Name, double Value)? End(NeuralNet net, TrainingOptions options, Device device)
    {
        float accuracy = net.Score(_test, _testLabels);
        PrintAccuracy(accuracy, IsSynthetic, Console.Out);
        if (options.Save is not null)
        {
            ModelOf(options).Save(options.Save, net);
        }

        return ("test_accuracy", accuracy);
    }

    private ModelFile ModelOf(TrainingOptions options) => new(options.Described(), Classes, IsSynthetic);

    private sealed class Reporter(DownloadBar bar) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => bar.Report(value.Received, value.Total);
    }
}
