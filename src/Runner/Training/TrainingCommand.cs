using System.CommandLine;
using System.CommandLine.Parsing;
using Engine.Configuration;
using Engine.Models.Description;
using Engine.Runner.Description;

namespace Engine.Runner;

/// <summary>The common options of the commands that train a network.</summary>
internal static class TrainingCommand
{
    /// <summary>Creates a command that trains.</summary>
    /// <param name="name">The command's name.</param>
    /// <param name="description">Its description in <c>--help</c>.</param>
    /// <param name="network">The network and its defaults; null for one that the user names.</param>
    /// <param name="run">Runs the command, and returns the exit code.</param>
    /// <param name="without">The options that this command does not have.</param>
    /// <param name="hasSeeds">Whether it trains with several seeds.</param>
    public static Command Create(
        string name,
        string description,
        Func<NetworkDescription>? network,
        Func<TrainingOptions, CancellationToken, Task<int>> run,
        IReadOnlyCollection<string>? without = null,
        bool hasSeeds = false)
    {
        without ??= [];
        var named = new Argument<string>("data")
        {
            HelpName = "DATA",
            Description =
                "A folder of pictures, in it a folder for each class; a table (.csv, .tsv, .txt, .gz); "
                    + "MNIST's idx files or an .npz file. Or a network for CIFAR-10: "
                    + "a file in JSON or INI that describes it, mlp, cnn or resnet.",
        };
        OwnDataWords own = new();
        named.CompletionSources.Add([.. Networks.Names]);
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<string?> data = CommonOptions.Data();
        Option<int?> images = CommonOptions.Images();
        Option<int?> epochs = CommonOptions.Whole(
            "--epochs", 0, Default(of => of.Epochs), "How many times to go through the training images; "
            + "0 only evaluates.");
        Option<int?> batch =
            CommonOptions.Whole("--batch", 1, Default(of => of.Batch), "Images a step.", "--batch-size");
        Option<float?> learningRate = CommonOptions.Real(
            "--learning-rate", Default(of => (float)of.UpdateSettings.Real(UpdateKind.LearningRate)), "How far a step "
            + "goes.",
            rate => float.IsFinite(rate) && rate > 0, "a number greater than 0", "--lr");
        Option<float?> momentum = CommonOptions.Real(
            "--momentum", Default(of => (float)of.UpdateSettings.Real(UpdateKind.Momentum)),
            "How much of the former step a step keeps.", share => share is >= 0 and < 1, "a number from 0 up to, "
            + "not including, 1");
        Option<string?> schedule = new("--schedule")
        {
            HelpName = string.Join('|', ScheduleKind.All.Select(kind => kind.Name)),
            Description = "How the learning rate changes during the training, in place of the network's way.",
        };
        schedule.AcceptOnlyFromAmong([.. ScheduleKind.All.Select(kind => kind.Name)]);
        Option<int?> seed = CommonOptions.Whole(
            "--seed", 0, Default(of => of.Seed), "Of the random numbers: same seed, same results.");
        Option<int?> seeds = CommonOptions.Whole(
            "--seeds", 1, () => 1,
            "How many seeds the CPU trains with, from --seed on: where there are several, "
            + "the accuracies agree if the GPU's lies among theirs.");
        Option<int?> threads = CommonOptions.Threads();
        Option<TrainingPrecision?> precision = CommonOptions.Precision();
        Option<string?> history = new("--history")
        {
            HelpName = "FILE",
            Description = "Write the figures of each epoch to this file, one line of JSON an epoch.",
        };
        Option<string?> tensorBoard = new("--tensorboard")
        {
            HelpName = "DIR",
            Description = "Write the figures of each epoch for TensorBoard to a file in this folder.",
        };
        Option<string?> save = new("--save")
        {
            HelpName = "FILE",
            Description =
                "Write the trained network to this file: safetensors, .npz for NumPy, .onnx for ONNX Runtime.",
        };
        Option<string?> load = CommonOptions.Load();
        Option<string[]> ignore = CommonOptions.Ignore(), keep = CommonOptions.Keep();
        Option<string?> checkpoint = new("--checkpoint")
        {
            HelpName = "FILE",
            Description = "After each epoch, write the training's whole state to this file, for --resume.",
        };
        Option<string?> resume = new("--resume")
        {
            HelpName = "FILE",
            Description =
                "Go on with the training whose state is in this file, until it has had all of its epochs; auto: "
                    + "in that of --checkpoint, if there is one.",
        };
        Option<int?> gpus = CommonOptions.Whole(
            "--gpus", 1, null, "Train on the first N GPUs of this machine together, each with a process of its own. "
            + "[default: one process]");
        Option<int?> shards = CommonOptions.Whole(
            "--shards", 1, null, "With several processes: cut each batch into N parts, one a rank or more. [default: "
            + "8, or the ranks]");
        Option<bool> deterministic = new("--deterministic")
        {
            HelpName = "true|false",
            Description = "With several processes: sum in an order that the number of ranks has no part in.",
            DefaultValueFactory = _ => true,
        };
        Option<bool> syncBatchNorm = new("--sync-batch-norm")
        {
            Description = "With several processes: normalize by the whole batch, "
                + "not by the part of it that a process computes at once.",
        };
        Option<bool> shardOptimizer = new("--shard-optimizer")
        {
            Description =
                "With several processes: each keeps a part of what the update rule remembers, not all of it (ZeRO-1).",
        };
        Option<ProfileKind> profile = CommonOptions.Profile();
        Option<string?> trace = CommonOptions.Trace(
            "With the table of --profile, write when each kernel ran to this file, for Perfetto or chrome://tracing.");
        Option<int?> watch = new("--watch")
        {
            HelpName = "PORT",
            Description = "Show the training on a page of this machine while it runs, with a button that stops it. "
                + "Without a port, on any that is free.",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = result => result.Tokens.Count == 0 ? 0
                : CommonOptions.TryParse(result.Tokens[0].Value, min: 0, out int port) && port <= ushort.MaxValue
                ? port
                : CommonOptions.Refuse<int?>(result, "a port from 0 to 65535"),
        };
        Option<bool> quiet = CommonOptions.Quiet();
        Option<int[]> hidden = Hidden();
        const string HiddenName = "--hidden";
        bool hasHidden = !without.Contains(HiddenName);

        var command = new Command(name, description);
        if (network is null)
        {
            command.Add(named);
        }

        Option[] options =
        [
            device, data, images, epochs, batch, learningRate, momentum, schedule, seed, seeds, threads, precision,
            history, tensorBoard, save, load,
            ignore, keep, checkpoint, resume, gpus, shards, deterministic, shardOptimizer, syncBatchNorm, watch,
            profile, trace, quiet, hidden,
        ];
        if (network is null)
        {
            own.AddTo(command);
        }

        foreach (Option option in options.Where(
            option => option == hidden ? hasHidden : option == seeds ? hasSeeds : !without.Contains(option.Name)))
        {
            command.Add(option);
        }

        command.SetAction((parsed, cancellation) => run(
            new TrainingOptions
            {
                Network = network is not null ? network()
                    : OwnDataOptions.IsData(parsed.GetRequiredValue(named))
                    ? Networks.Mlp
                    : Networks.Find(parsed.GetRequiredValue(named)),
                Own = network is null ? own.Read(parsed, parsed.GetRequiredValue(named), images, data) : null,
                Validation = network is null ? parsed.GetValue(own.Validation) : null,
                IsBalanced = network is null && parsed.GetValue(own.ClassWeights) is not null,
                Report = network is null ? parsed.GetValue(own.Report) : null,
                Device = parsed.GetValue(device),
                Data = parsed.GetValue(data),
                Images = parsed.GetValue(images),
                Epochs = parsed.GetValue(epochs),
                Batch = parsed.GetValue(batch),
                LearningRate = parsed.GetValue(learningRate),
                Momentum = parsed.GetValue(momentum),
                Schedule = parsed.GetValue(schedule),
                Seed = parsed.GetValue(seed),
                Seeds = hasSeeds ? parsed.GetValue(seeds) ?? 1 : 1,
                Threads = parsed.GetValue(threads),
                Precision = parsed.GetValue(precision),
                History = parsed.GetValue(history),
                TensorBoard = parsed.GetValue(tensorBoard),
                Save = parsed.GetValue(save),
                Load = parsed.GetValue(load),
                Ignore = parsed.GetValue(ignore) is { Length: > 0 } ignored ? ignored : [],
                Keep = parsed.GetValue(keep) is { Length: > 0 } kept ? kept : [],
                Checkpoint = parsed.GetValue(checkpoint),
                Resume = parsed.GetValue(resume),
                Watch = parsed.GetResult(watch) is { Implicit: false } ? parsed.GetValue(watch) ?? 0 : null,
                Profile = parsed.GetValue(profile),
                Trace = parsed.GetValue(trace),
                Quiet = parsed.GetValue(quiet),
                Gpus = parsed.GetValue(gpus),
                Shards = parsed.GetValue(shards),
                IsDeterministic = parsed.GetValue(deterministic),
                IsBatchNormSynchronized = parsed.GetValue(syncBatchNorm),
                IsOptimizerSharded = parsed.GetValue(shardOptimizer),
                Hidden = hasHidden && (network is not null || parsed.GetResult(hidden) is { Implicit: false })
                    ? parsed.GetValue(hidden)!
                    : [],
            },
            cancellation));
        return command;

        Func<T>? Default<T>(Func<NetworkDescription, T> value) => network is null ? null : () => value(network());
    }

    /// <summary>The option of the perceptron's hidden layers.</summary>
    public static Option<int[]> Hidden() => new("--hidden")
    {
        HelpName = "N[,N…]",
        Description = "The sizes of the hidden layers: 100, or 100,100 for two.",
        DefaultValueFactory = _ =>
            [.. Networks.Mlp.Layers.Skip(1).SkipLast(1).Select(layer => layer.Settings.Whole("units"))],
        CustomParser = ParseHidden,
    };

    private static int[]? ParseHidden(ArgumentResult result)
    {
        string[] words = CommonOptions.Text(result).Split(',', StringSplitOptions.TrimEntries);
        int[] sizes = new int[words.Length];
        for (int i = 0; i < words.Length; i++)
        {
            if (!CommonOptions.TryParse(words[i], min: 1, out sizes[i]))
            {
                return CommonOptions.Refuse<int[]>(result, "sizes of at least 1 with commas between, as 100,100");
            }
        }

        return sizes;
    }
}
