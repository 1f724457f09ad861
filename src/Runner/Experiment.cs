using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.IO;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Trains a network on CIFAR-10, evaluates it, and leaves its history and its parameters in files.</summary>
internal static class Experiment
{
    private const int Classes = 10, ManySamples = 20_000;

    /// <summary>What <c>mlp</c> does unless told otherwise: the source's settings.</summary>
    public static TrainingOptions MlpDefaults => new() { Network = Networks.Mlp };

    /// <summary>What <c>cnn</c> does unless told otherwise: the source's settings.</summary>
    public static TrainingOptions CnnDefaults => new() { Network = Networks.Cnn };

    /// <summary>The command <c>mlp</c>.</summary>
    public static Command Mlp() => TrainingCommand.Create(
        "mlp", "Train the multi-layer perceptron on CIFAR-10.", () => Networks.Mlp, Run);

    /// <summary>The command <c>cnn</c>.</summary>
    public static Command Cnn() => TrainingCommand.Create(
        "cnn", "Train the convolutional network on CIFAR-10.", () => Networks.Cnn, Run, ["--hidden"]);

    /// <summary>The command <c>train</c>.</summary>
    public static Command Train()
    {
        Command command = TrainingCommand.Create(
            "train", "Train on your own data: a folder of pictures or a table; or a network that a file describes, on CIFAR-10.",
            network: null, Run);
        Option<bool> print = new("--print")
        {
            Description = "Print the description, to begin one's own with: runner train cnn --print > mine.json.",
        };
        AsynchronousCommandLineAction train = (AsynchronousCommandLineAction)command.Action!;
        command.Add(print);
        command.SetAction(async (parsed, cancellation) =>
        {
            if (!parsed.GetValue(print))
            {
                return await train.InvokeAsync(parsed, cancellation);
            }

            string network = parsed.GetRequiredValue<string>("data");
            await parsed.InvocationConfiguration.Output.WriteAsync(Networks.Names.Contains(network)
                ? Networks.Text(network)
                : ReadableFile.ReadAllText(Networks.Find(network).Path));
            return CommandLine.Done;
        });
        return command;
    }

    /// <summary>Gets the data, or so many images of them, and says what must be known of them.</summary>
    public static async Task<Cifar10Set> LoadData(
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
            Console.WriteLine($"Data: {data.Source}, {data.Train.Count} images to train and {data.Test.Count} to test.");
        }

        return data;
    }

    /// <summary>The accuracy on the test images, beside it whether these are CIFAR-10's.</summary>
    public static void PrintAccuracy(float accuracy, bool isSynthetic, TextWriter output) => output.WriteLine(
        string.Create(CultureInfo.InvariantCulture,
        $"The accuracy of this network is: {accuracy:F2}{(isSynthetic ? " (on drawn images, not on CIFAR-10)" : "")}"));

    /// <summary>The network that the options describe, not yet trained.</summary>
    public static NeuralNet Net(TrainingOptions options, Device device, DType floatX, bool isSynthetic, bool isRegression = false)
    {
        NetworkDescription network = options.Described();
        return new NeuralNet(network.MakeOutput())
        {
            Regression = isRegression,
            Update = network.MakeUpdate(),
            MaxEpochs = network.Epochs,
            TrainSplit = new TrainSplit(network.Data.Validation),
            L1 = network.L1,
            L2 = network.L2,
            BatchIteratorTrain = network.MakeBatches(),
            BatchIteratorTest = new BatchIterator(network.Batch),
            Seed = (ulong)network.Seed,
            FloatX = floatX,
            Device = device,
            Callbacks = options.Quiet
                ? [.. network.MakeCallbacks()]
                : [.. network.MakeCallbacks(), new TrainingBar(Terminal.OfErrors())],
            Verbose = options.Quiet ? 0 : 1,
            RowNote = isSynthetic ? "drawn images" : null,
        };
    }

    private static async Task<int> Run(TrainingOptions options, CancellationToken cancellation)
    {
        OwnData? own = options.Own is null ? null : LoadOwn(ref options);
        options.CheckFiles();
        if (own is null)
        {
            Check(options);
        }

        EngineOptions configuration = CommonOptions.Configure(
            options.Device, options.Threads, notes: options.Quiet ? null : Console.Error);
        TextWriter notes = options.Quiet && configuration.Device.Family == DeviceFamily.Auto ? TextWriter.Null : Console.Error;
        using Device device = DeviceSelection.Open(
            options.Device, configuration, notes, options.Profile == ProfileKind.Nsight);
        bool isTimed = options.Profile == ProfileKind.Table || options.Trace is not null;
        Compile.Profile? profile = isTimed ? Profiling.Start() : null;
        SafetensorsFile? parameters = options.Load is null ? null : ModelFile.Read(options.Load, options.Ignore);
        PreparedSamples data = own is null ? await LoadPrepared(options, cancellation) : Prepared(own);
        // What follows would run on the stack of what loaded them, where the images in colour are still alive; aggressively,
        // for the memory must go back to the system to be of use to the copy on the device.
        await Task.Yield();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using NeuralNet net = Net(options, device, configuration.FloatX, data.IsSynthetic, own?.Target is ValueTarget);
        if (options.IsBalanced)
        {
            net.Initialize();
            net.ClassWeights = ClassWeights.Balanced(data.TrainLabels.AsSpan<int>(), net.Classes);
        }

        if (options.Resume is not null)
        {
            Resumption.Begin(net, options);
        }

        using var history = options.History is null ? null : new HistoryFile(options.History, data.IsSynthetic);
        if (history is not null)
        {
            net.Callbacks.Add(history);
        }

        using TensorBoardLog? events = options.TensorBoard is { } folder ? new TensorBoardLog(folder) : null;
        if (events is not null)
        {
            net.Callbacks.Add(events);
        }

        if (parameters is not null)
        {
            LoadReport report = SetParameters(net, parameters.Tensors, options.Load!, options.Keep);
            if (!options.Quiet && (options.Ignore.Count > 0 || options.Keep.Count > 0))
            {
                Console.WriteLine($"Loaded: {report with { Ignored = parameters.Ignored }}.");
            }
        }

        var model = new ModelFile(options.Described(), data.Classes, data.IsSynthetic);
        bool isStarted = false;
        net.Callbacks.Add(new LambdaCallback { EpochStarted = (_, _) => isStarted = true });
        if (options.Checkpoint is not null)
        {
            // Behind all others, so that what they remember of the epoch is in it.
            net.Callbacks.Add(new ModelCheckpoint(options.Checkpoint)
            {
                WholeState = true,
                Metadata = own is null ? model.Metadata
                    : OwnTraining.ModelOf(net, own, options.Described()).Metadata,
            });
        }

        net.Fit(data.Train, data.TrainLabels, cancellation);
        bool isStopped = cancellation.IsCancellationRequested;
        if (isStopped && !isStarted)
        {
            // A network that has learnt nothing shall not be written over one that has.
            cancellation.ThrowIfCancellationRequested();
        }

        Resumption.SayHowItEnded(net, options, isStopped);
        if (own is null)
        {
            float accuracy = net.Score(data.Test!, data.TestLabels!);
            PrintAccuracy(accuracy, data.IsSynthetic, Console.Out);
            history?.End(accuracy, device);
        }
        else if (OwnTraining.End(net, own, options, options.Described(), device) is { Value: not double.NaN } test)
        {
            history?.End(test.Value, device, test.Name);
        }

        if (profile is not null)
        {
            Profiling.End(profile, options.Trace, Console.Out);
        }

        if (options.Save is not null && own is null)
        {
            model.Save(options.Save, net);
        }

        return isStopped ? CommandLine.Stopped : CommandLine.Done;
    }

    /// <summary>
    /// Puts the network of a file together, before anything is loaded for it: layers that do not fit each other are named
    /// with their lines.
    /// </summary>
    private static void Check(TrainingOptions options)
    {
        NetworkDescription network = options.Described();
        if (options.Network == Networks.Mlp || options.Network == Networks.Cnn)
        {
            return;
        }

        ImageInput.RequireFit(network);
        using var net = new NeuralNet(network.MakeOutput());
        net.Initialize();
        Shape output = net.Layers[^1].OutputShape;
        if (output.Rank != 2 || output[1] != Classes)
        {
            throw new EngineException(
                $"{network.Path}, line {network.Layers[^1].Line}: the last layer gives {string.Join('x', output.Skip(1))} "
                + $"numbers an image, but there are {Classes} classes: end with dense, units {Classes}, nonlinearity softmax.");
        }
    }

    /// <summary>The images as the network takes them; when this returns nothing holds those it was made of any more.</summary>
    private static async Task<PreparedSamples> LoadPrepared(TrainingOptions options, CancellationToken cancellation)
    {
        NetworkDescription network = options.Described();
        Cifar10Set data = await LoadData(options.Data, network.Data.Images, options.Quiet, cancellation);
        return new PreparedSamples(
            ImageInput.Prepare(network, data.Train.Images), data.Train.Labels,
            ImageInput.Prepare(network, data.Test.Images), data.Test.Labels, data.ClassNames, data.IsSynthetic);
    }

    /// <summary>Puts a file's parameters into a network.</summary>
    /// <exception cref="EngineException">They are of another network; the message names the file and what differs.</exception>
    public static LoadReport SetParameters(
        NeuralNet net, OrderedDictionary<string, Tensor> parameters, string path, IReadOnlyList<string>? keep = null)
    {
        try
        {
            return net.SetParameters(parameters, new LoadOptions { Keep = keep ?? [] });
        }
        catch (EngineException error)
        {
            throw new EngineException($"--load: {path}: {error.Message}", error);
        }
    }

    /// <summary>
    /// Reads a user's own data, says what was found, and has the options be of the network that is filled in from them, and of
    /// files beside that are called as the data are.
    /// </summary>
    private static OwnData LoadOwn(ref TrainingOptions options)
    {
        OwnData own = OwnData.Load(options.Own!, options.Seed, options.Threads);
        options = options with { Network = own.Network, Save = options.Save ?? $"{own.Data.Name}.model" };
        options = options with { Report = options.Report ?? (options.Quiet ? null : Path.ChangeExtension(options.Save, ".html")) };
        if (options.IsBalanced && own.Target is ValueTarget)
        {
            throw new EngineException($"--class-weights is about classes, and '{own.Target.Column}' has values.");
        }

        if (options.LearningRate is null && options.Batch is null && own.Data.Train.Count > ManySamples)
        {
            // Small batches are for few samples: of many they cost time alone.
            options = options with { Batch = Math.Max(own.Network.Batch, 128) };
        }

        if (!options.Quiet)
        {
            own.Describe(Console.Out, Console.Error, options.Described().Data.Validation);
        }

        return own;
    }

    private static PreparedSamples Prepared(OwnData own) => new(
        own.Inputs.Apply(own.Data.Train), own.Target.Apply(own.Data.Train[own.Data.Target]), null, null,
        (own.Target as ClassTarget)?.Classes ?? [], IsSynthetic: false);

    /// <param name="Test">Null where they are prepared when it comes to the test.</param>
    private sealed record PreparedSamples(
        Tensor Train, Tensor TrainLabels, Tensor? Test, Tensor? TestLabels, IReadOnlyList<string> Classes, bool IsSynthetic);

    private sealed class Reporter(DownloadBar bar) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => bar.Report(value.Received, value.Total);
    }
}
