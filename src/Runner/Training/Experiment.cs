using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;
using Engine.Configuration;
using Engine.Data;
using Engine.Devices;
using Engine.Distributed;
using Engine.IO;
using Engine.Runner.Description;
using Engine.Server;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Trains a network on any data, tests it, and writes its history and its parameters to files.</summary>
internal static class Experiment
{
    /// <summary>The defaults of <c>mlp</c>: the source's settings.</summary>
    public static TrainingOptions MlpDefaults => new() { Network = Networks.Mlp };

    /// <summary>The defaults of <c>cnn</c>: the source's settings.</summary>
    public static TrainingOptions CnnDefaults => new() { Network = Networks.Cnn };

    /// <summary>Creates the command <c>mlp</c>.</summary>
    public static Command Mlp() => TrainingCommand.Create(
        "mlp", "Train the multi-layer perceptron on CIFAR-10.", () => Networks.Mlp, Run);

    /// <summary>Creates the command <c>cnn</c>.</summary>
    public static Command Cnn() => TrainingCommand.Create(
        "cnn", "Train the convolutional network on CIFAR-10.", () => Networks.Cnn, Run, ["--hidden"]);

    /// <summary>Creates the command <c>resnet</c>.</summary>
    public static Command ResNet() => TrainingCommand.Create(
        "resnet", "Train a residual network of 20 layers on CIFAR-10 in color.", () => Networks.ResNet, Run,
        ["--hidden"]);

    /// <summary>Creates the command <c>train</c>.</summary>
    public static Command Train()
    {
        Command command = TrainingCommand.Create(
            "train", "Train on your own data: a folder of pictures or a table; or a network that a file describes, "
            + "on CIFAR-10.",
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

    /// <summary>Returns the network that the options describe, not yet trained.</summary>
    public static NeuralNet Net(
        TrainingOptions options, Device device, DType floatX, bool isSynthetic, bool isRegression = false,
        DataParallel? parallel = null)
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
            Precision = options.Precision.ForNet(),
            Device = device,
            Callbacks = options.Quiet
                ? [.. network.MakeCallbacks()]
                : [.. network.MakeCallbacks(), new TrainingBar(Terminal.OfErrors())],
            Verbose = options.Quiet ? 0 : 1,
            RowNote = isSynthetic ? "drawn images" : null,
            Parallel = parallel,
        };
    }

    private static async Task<int> Run(TrainingOptions options, CancellationToken cancellation)
    {
        if (RankLaunch.Find() is not { } launch)
        {
            return options.Gpus is { } gpus
                ? await OwnRanks.Run(gpus, options)
                : await Run(options.WithResume(), null, cancellation);
        }

        using Ranks ranks = Ranks.Open(launch, options);
        try
        {
            return await Run(ranks.Own(options.WithResume()), ranks, cancellation);
        }
        catch (OperationCanceledException) when (!ranks.IsFirst)
        {
            return CommandLine.Stopped;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            throw ranks.End(error);
        }
    }

    private static async Task<int> Run(TrainingOptions options, Ranks? ranks, CancellationToken cancellation)
    {
        OwnTraining? own = options.Own is null ? null : OwnTraining.Load(ref options);
        options.CheckFiles();
        if (own is null)
        {
            CifarTraining.Check(options.Described());
        }

        EngineOptions configuration = CommonOptions.Configure(
            options.Device, options.Threads ?? ranks?.Threads, notes: options.Quiet ? null : Console.Error)
                .With(options.Precision);
        TextWriter notes = options.Quiet && configuration.Device.Family == DeviceFamily.Auto
            ? TextWriter.Null
            : Console.Error;
        using Device device = DeviceSelection.Open(
            options.Device, configuration, notes, options.Profile == ProfileKind.Nsight);
        bool isTimed = options.Profile == ProfileKind.Table || options.Trace is not null;
        Compile.Profile? profile = isTimed ? Profiling.Start() : null;
        SafetensorsFile? parameters = options.Load is null ? null : ModelFile.Read(options.Load, options.Ignore);
        TrainingData data = own is not null ? own
            : ranks is null ? await CifarTraining.Load(options, cancellation)
            : await ranks.OneFirst(() => CifarTraining.Load(options, cancellation));
        // The stack frame that loaded the images in color would keep them alive, so the rest runs outside of it. The
        // collection is aggressive because the copy on the device can use the memory only after it returns to the
        // system.
        await Task.Yield();
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using NeuralNet net = Net(
            options, device, configuration.FloatX, data.IsSynthetic, data.IsRegression, ranks?.Parallel);
        if (options.Resume is not null)
        {
            Resumption.Begin(net, options);
        }

        using var history = options.History is null ? null : new HistoryFile(options.History, data.IsSynthetic);
        if (history is not null)
        {
            history.Name(options.Precision);
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

        bool isStarted = false;
        net.Callbacks.Add(new LambdaCallback { EpochStarted = (_, _) => isStarted = true });
        if (options.Checkpoint is not null)
        {
            // After all other callbacks, so that the state contains their state of the epoch.
            net.Callbacks.Add(
                new ModelCheckpoint(options.Checkpoint) { WholeState = true, Metadata = data.Metadata(net, options) });
        }

        await using TrainingWatch? watch = options.Watch is { } port
            ? await WatchedTraining.Start(net, port, cancellation)
            : null;
        data.Fit(net, options, cancellation);
        bool isStopped = cancellation.IsCancellationRequested;
        if (isStopped && !isStarted)
        {
            // A network that has learned nothing must not overwrite one that has.
            cancellation.ThrowIfCancellationRequested();
        }

        if (ranks is { IsFirst: false })
        {
            return isStopped ? CommandLine.Stopped : CommandLine.Done;
        }

        if (watch?.IsStopped == true)
        {
            Console.WriteLine("Stopped on the page; the network is tested and saved as it is.");
        }

        Resumption.SayHowItEnded(net, options, isStopped);
        if (data.End(net, options, device) is { } test)
        {
            history?.End(test.Value, device, test.Name);
        }

        if (profile is not null)
        {
            Profiling.End(profile, options.Trace, Console.Out);
        }

        return isStopped ? CommandLine.Stopped : CommandLine.Done;
    }

    /// <summary>Puts a file's parameters into a network.</summary>
    /// <exception cref="EngineException">They belong to another network; the message names the file and the
    /// difference.</exception>
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
}
