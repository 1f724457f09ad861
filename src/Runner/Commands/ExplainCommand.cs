using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Compile;
using Engine.Configuration;
using Engine.Devices;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Layers;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Runner;

/// <summary>Shows the compiled training step of a network, for a GPU even if the machine has none.</summary>
internal static class ExplainCommand
{
    /// <summary>
    /// The number of images that the commands train on: four fifths of CIFAR-10's training images.
    /// </summary>
    private const int Images = 40_000;

    public static Command Create()
    {
        Argument<string> network =
            new("network") { Description = "mlp, cnn, a file that describes a network, or an ONNX file." };
        network.CompletionSources.Add([.. Networks.Names]);
        Option<Stage?> stage = new("--stage")
        {
            HelpName = "graph|rewritten|schedule|memory|kernels",
            Description = "What to show. [default: kernels]",
            CustomParser = ParseStage,
        };
        Option<DeviceChoice?> device = CommonOptions.Device();
        Option<int?> arch = new("--arch")
        {
            HelpName = "sm_90",
            Description =
                "With --device cuda: plan, and where there is NVRTC compile, for such a GPU, which need not be there.",
            CustomParser = ParseArchitecture,
        };
        Option<string?> optimizer = new("--optimizer")
        {
            HelpName = "none|fast_compile|fast_run",
            Description = "How much is done to the graph. [default: as configured, else fast_run]",
        };
        Option<int?> batch = CommonOptions.Whole("--batch", 1, null, "Images a step.");
        Option<int[]> hidden = TrainingCommand.Hidden();
        hidden.Description += " With mlp.";
        Option<int?> threads = CommonOptions.Threads();
        Option<TrainingPrecision?> precision = CommonOptions.Precision();
        Option<string?> trace = CommonOptions.Trace(
            "Run --steps steps on made-up images, print the time of each kernel and write when each ran to this file, "
            + "for Perfetto (ui.perfetto.dev) or chrome://tracing.");
        Option<int> steps = CommonOptions.Whole("--steps", 1, 50, "How many steps --trace runs.");
        Option<int?> ranks = CommonOptions.Whole(
            "--ranks", 1, null, "Show what one of so many ranks does, that train together; the first.");
        var command = new Command("explain", "Show what a training step was compiled to.")
        {
            network, stage, device, arch, optimizer, batch, hidden, threads, precision, trace, steps, ranks,
        };
        command.SetAction((parsed, _) =>
        {
            DeviceChoice? asked = parsed.GetValue(device);
            EngineOptions options = CommonOptions.Configure(
                asked, parsed.GetValue(threads), parsed.GetValue(optimizer), parsed.InvocationConfiguration.Error)
                    .With(parsed.GetValue(precision));
            TextWriter output = parsed.InvocationConfiguration.Output;
            using Device opened = Open(asked, parsed.GetValue(arch), options, parsed.InvocationConfiguration.Error);
            string named = parsed.GetRequiredValue(network);
            NetworkDescription described = OnnxOptions.IsOnnx(named)
                ? new NetworkDescription { Path = named, Layers = [] }
                : Networks.Find(named);
            if (described == Networks.Mlp)
            {
                described = described.WithHidden(parsed.GetValue(hidden)!);
            }

            (Node made, bool isRegression) =
                OnnxOptions.IsOnnx(named) ? OnnxOptions.Network(named) : (described.MakeOutput(), false);
            using var net = new NeuralNet(made)
            {
                Regression = isRegression,
                Update = described.MakeUpdate(),
                L1 = described.L1,
                L2 = described.L2,
                BatchIteratorTrain =
                        (described with { Batch = parsed.GetValue(batch) ?? described.Batch }).MakeBatches(),
                FloatX = options.FloatX,
                Precision = parsed.GetValue(precision).ForNet(),
                Device = opened,
                Parallel = parsed.GetValue(ranks) is { } count
                        ? new DataParallel(ThreadCommunicator.Create(count)[0])
                        : null,
            };
            if (net.Parallel is not null)
            {
                int samples = 2 * net.BatchIteratorTrain.BatchSize;
                RankExplanation.Print(
                    net, MadeUp(net, samples, isNoise: false), Labels(samples, isRegression),
                    parsed.GetValue(stage) ?? Stage.Kernels, output);
                return Task.FromResult(CommandLine.Done);
            }

            // The pictures of other data sets may be large.
            int images = OnnxOptions.IsOnnx(named) ? 2 * net.BatchIteratorTrain.BatchSize : Images;
            string? file = parsed.GetValue(trace);
            Profile? profile = file is null ? null : Profiling.Start();
            using TrainingStep step = net.CompileStep(
                MadeUp(net, images, isNoise: file is not null), Labels(images, isRegression));
            if (opened is AbsentCudaDevice && AbsentCudaDevice.WhyNotCompiled is { } why)
            {
                output.WriteLine($"Kernels are planned, not compiled: their registers and memory stay empty. {why}");
                output.WriteLine();
            }

            output.Write(step.Function.Print(parsed.GetValue(stage) ?? Stage.Kernels));
            output.WriteLine($"kernels per training step: {step.Function.Launches.Count}");
            if (profile is not null)
            {
                step.Run(parsed.GetValue(steps));
                output.WriteLine();
                Profiling.End(profile, file, output);
            }

            return Task.FromResult(CommandLine.Done);
        });
        return command;
    }

    /// <summary>Returns samples for each input: empty ones, or noise if they are used in computations.</summary>
    private static Tensors MadeUp(NeuralNet net, int count, bool isNoise)
    {
        net.Initialize();
        IReadOnlyList<Graph.Input> inputs = net.Network.Inputs;
        if (inputs.Count == 1)
        {
            return MadeUp(inputs[0], count, isNoise);
        }

        var samples = new Tensors();
        foreach (Graph.Input input in inputs)
        {
            samples[input.Name!] = MadeUp(input, count, isNoise);
        }

        return samples;
    }

    // Inputs of integers get zeros, which are valid as indices.
    private static Tensor MadeUp(Graph.Input input, int count, bool isNoise)
    {
        var samples = new Tensor(
            input.DType.IsFloat() ? DType.Float32 : input.DType, [count, .. input.Shape.Skip(1)]);
        if (isNoise && input.DType.IsFloat())
        {
            var random = new Random(1);
            foreach (ref float number in samples.AsSpan<float>())
            {
                number = random.NextSingle();
            }
        }

        return samples;
    }

    private static Tensor Labels(int count, bool isRegression) =>
        isRegression ? new Tensor(DType.Float32, [count, 1]) : Tensor.From(new int[count]);

    private static Device Open(DeviceChoice? asked, int? architecture, EngineOptions options, TextWriter notes)
    {
        if (architecture is not { } number)
        {
            return DeviceSelection.Open(asked, options, notes);
        }

        return options.Device.Family == DeviceFamily.Cuda
            ? new AbsentCudaDevice(
                number, new CudaOptions { FastMath = options.FastMath, TensorFloat32 = options.TensorFloat32 })
            : throw new EngineException($"--arch sm_{number} is a GPU's: give --device cuda with it.");
    }

    private static Stage? ParseStage(ArgumentResult result) =>
        Enum.TryParse(CommonOptions.Text(result), ignoreCase: true, out Stage stage) && Enum.IsDefined(stage)
            ? stage
            : CommonOptions.Refuse<Stage?>(result, "graph, rewritten, schedule, memory or kernels");

    /// <summary>Returns a compute capability as <c>sm_90</c>.</summary>
    public static int? ParseArchitecture(ArgumentResult result)
    {
        string text = CommonOptions.Text(result);
        return text.StartsWith("sm_", StringComparison.Ordinal)
            && int.TryParse(text.AsSpan(3), NumberStyles.None, CultureInfo.InvariantCulture, out int architecture)
                ? architecture
                : CommonOptions.Refuse<int?>(result, "a compute capability as sm_90");
    }
}
