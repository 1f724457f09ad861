using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Engine.Compile;
using Engine.Devices;
using Engine.Ops;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Training;

namespace Engine.Bench.Counting;

/// <summary>
/// Counts the work of kernels, exactly and without a GPU: the double of CUDA executes the PTX that NVRTC makes.
/// </summary>
internal static class CountCommand
{
    /// <summary>The first word of the benchmarks' command line for this command.</summary>
    public const string Name = "count";

    /// <summary>The number of training images; a step takes its batch from them.</summary>
    private const int Images = 1024;

    private static readonly string[] s_known = ["mlp", "cnn", "gemm"];
    private static readonly string[] s_transposes = ["nn", "nt", "tn", "tt"];

    public static Task<int> Run(string[] args)
    {
        var what = new Argument<string>("what") { Description = "mlp or cnn: a training step; gemm: a product." };
        what.AcceptOnlyFromAmong(s_known);
        var dimensions = new Argument<int[]>("dimensions")
        {
            HelpName = "M,N,K",
            Description = "Of a product (M, K)·(K, N).",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = ParseDimensions,
        };
        var arch = new Option<int?>("--arch")
        {
            HelpName = "sm_90",
            Description = "The GPU that kernels are planned and compiled for. [default: sm_90]",
            CustomParser = ExplainCommand.ParseArchitecture,
        };
        var transpose = new Option<string>("--transpose")
        {
            Description = "Which dimension of a product is read transposed: t for yes.",
            DefaultValueFactory = _ => "nn",
        };
        transpose.AcceptOnlyFromAmong(s_transposes);
        Option<int?> batch = CommonOptions.Whole("--batch", 1, null, "Images a step.");
        Option<TrainingPrecision?> precision = CommonOptions.Precision();
        var json = new Option<bool>("--json") { Description = "Print the same as JSON." };
        var folder = new Option<string>("--double")
        {
            HelpName = "DIR",
            Description = "Where the double of CUDA lies, artifacts/simt.",
            Required = true,
        };
        var root = new RootCommand("Count the instructions, sectors and bank conflicts of each kernel.")
        {
            what, dimensions, arch, transpose, batch, precision, json, folder,
        };
        root.SetAction((parsed, _) =>
        {
            string name = parsed.GetRequiredValue(what);
            int[] given = parsed.GetValue(dimensions) ?? [];
            if (name == "gemm" != (given.Length > 0))
            {
                throw new EngineException(
                    "gemm takes its dimensions, M,N,K, and nothing else does: count gemm 128,100,1024.");
            }

            int architecture = parsed.GetValue(arch) ?? 90;
            using var cuda = CudaDouble.Open(
                parsed.GetRequiredValue(folder), architecture, parsed.GetValue(precision) == TrainingPrecision.tf32);
            Precision exactly = parsed.GetValue(precision).ForNet();
            (string text, LaunchCount[] launches) = name == "gemm"
                ? Product(cuda, given, parsed.GetRequiredValue(transpose), exactly)
                : Step(cuda, name, parsed.GetValue(batch), exactly);
            var table = new CountTable(text, architecture, launches);
            Console.Out.Write(parsed.GetValue(json) ? table.ToJson() + "\n" : table.Print());
            return Task.FromResult(CommandLine.Done);
        });
        return CommandLine.Run(root, args, Console.Out, Console.Error, CancellationToken.None);
    }

    /// <summary>Returns the title and the counts of a training step of one of the two networks.</summary>
    public static (string, LaunchCount[]) Step(CudaDouble cuda, string name, int? batch, Precision precision)
    {
        NetworkDescription described = Networks.Find(name);
        NetworkDescription network = described with { Batch = batch ?? described.Batch };
        using var net = new NeuralNet(network.MakeLayers())
        {
            Update = network.MakeUpdate(),
            L1 = network.L1,
            L2 = network.L2,
            BatchIteratorTrain = network.MakeBatches(),
            Precision = precision,
            Device = cuda.Device,
        };
        var random = new Random(1);
        var labels = new int[Images];
        foreach (ref int label in labels.AsSpan())
        {
            label = random.Next(10);
        }

        using TrainingStep step = net.CompileStep(
            Kernels.Random([Images, .. network.InputDimensions]), Tensor.From(labels));
        return ($"{name} at batch {network.Batch}", Named(step.Function, cuda.Count(() => step.Run(1))));
    }

    private static (string, LaunchCount[]) Product(
        CudaDouble cuda, int[] dimensions, string transpose, Precision precision)
    {
        (int m, int n, int k) = (dimensions[0], dimensions[1], dimensions[2]);
        DType stored = precision.Stored() ?? DType.Float32;
        var a = Symbolic.Shared((transpose[0] == 'n' ? Kernels.Random(m, k) : Kernels.Random(k, m)).Cast(stored));
        var b = Symbolic.Shared((transpose[1] == 'n' ? Kernels.Random(k, n) : Kernels.Random(n, k)).Cast(stored));
        using var function = Function.Compile(
            [],
            [
                Symbolic.Dot(
                    transpose[0] == 'n' ? a : Symbolic.Transpose(a), transpose[1] == 'n' ? b : Symbolic.Transpose(b)),
            ],
            device: cuda.Device);
        function.Prepare();
        return ($"gemm {m}x{n}x{k} {transpose}", Named(function, cuda.Count(() => function.Call())));
    }

    /// <summary>Assigns each launch to its ops. A function's own launches are the last ones.</summary>
    private static LaunchCount[] Named(Function function, LaunchCount[] counts)
    {
        IReadOnlyList<Launch> launches = function.Launches;
        int next = counts.Length - launches.Count(launch => launch.Grid.Length > 0);
        return [.. launches.Select(launch => CountOf(launch) with
        {
            Ops = TextTable.Counted(launch.Kernels.Select(kernel => kernel.Name), ", "),
        })];

        LaunchCount CountOf(Launch launch) =>
            launch.Grid.Length > 0 ? counts[next++] : new LaunchCount { Kernel = launch.Name };
    }

    private static int[] ParseDimensions(ArgumentResult result)
    {
        string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        string[] parts = text.Split(',');
        int[] dimensions =
        [
            .. parts.Select(part =>
                int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int dimension) ? dimension : 0),
        ];
        if (dimensions.Length == 3 && dimensions.All(dimension => dimension > 0))
        {
            return dimensions;
        }

        result.AddError($"'{text}' is not three dimensions of a product as 128,100,1024.");
        return [];
    }
}
