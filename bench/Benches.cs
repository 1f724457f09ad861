using Engine.Compile;
using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;
using Engine.Ops;
using Engine.Runner;

namespace Engine.Bench;

/// <summary>What is timed, each on one device.</summary>
internal static class Benches
{
    private const int ExpNumbers = 230_400, ExpTimes = 1000;

    /// <summary>Squares, then the products of the two networks at batch 128, as m×k×n.</summary>
    private static readonly (int M, int K, int N)[] s_products =
    [
        (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (8192, 8192, 8192),
        (128, 1024, 100), (1024, 128, 100), (128, 100, 10), (128, 576, 200), (576, 128, 200), (128, 200, 576),
        (128, 200, 10), (115200, 9, 16), (25088, 64, 32), (4608, 128, 64),
    ];

    private static readonly (int Channels, int Side, int Filters, int Size)[] s_convolutions =
        [(1, 32, 16, 3), (16, 15, 32, 2), (32, 7, 64, 2)];

    private static string Version { get; } = typeof(Tensor).Assembly.GetName().Version!.ToString(3);

    /// <summary>exp of 230,400 numbers, 1,000 times over.</summary>
    public static IEnumerable<Measurement> Exp(Device device)
    {
        using SharedVariable x = Symbolic.Shared(Random(ExpNumbers));
        using var function = Function.Compile([], [Symbolic.Exp(x)], device: device);
        Spread seconds = Clock.Measure(times => function.RunMany(times), ExpTimes);
        yield return Engine("exp", "230400, 1000 times", device, seconds with
        {
            Min = seconds.Min * ExpTimes,
            Median = seconds.Median * ExpTimes,
            Max = seconds.Max * ExpTimes,
        });
    }

    /// <summary>Matrix products of random numbers in float32; on a GPU, beside cuBLAS's where there is one.</summary>
    public static IEnumerable<Measurement> Gemm(Device device)
    {
        using CuBlasProducts? peer = device is CudaDevice cuda ? CuBlasProducts.Open(cuda, Console.Error) : null;
        foreach ((int m, int k, int n) in s_products)
        {
            Tensor left = Random(m, k), right = Random(k, n);
            using SharedVariable a = Symbolic.Shared(left), b = Symbolic.Shared(right);
            using var function = Function.Compile([], [Symbolic.Dot(a, b)], device: device);
            Spread seconds = Clock.Measure(times => function.RunMany(times));
            Measurement ours = Engine("gemm", $"{m}x{k}x{n}", device, seconds) with { Gflops = Rate(seconds) };
            if (peer is null)
            {
                yield return ours;
                continue;
            }

            var product = new float[m * n];
            function.ReadOutput(0, product);
            yield return ours with { Error = Distance(product, peer.Multiply(left, right)) };
            Spread theirs = peer.Measure(left, right);
            yield return ours with
            {
                Who = "cublas",
                Version = peer.Version,
                Seconds = theirs,
                Gflops = Rate(theirs),
                Ratio = theirs.Median / seconds.Median,
            };

            double Rate(Spread spread) => 2.0 * m * k * n / spread.Median / 1e9;
        }
    }

    /// <summary>
    /// The CNN's three layers at batch 128, convolution, rectifier and pooling; then the same with the gradients that a
    /// training step needs.
    /// </summary>
    public static IEnumerable<Measurement> Conv(Device device)
    {
        foreach ((int channels, int side, int filters, int size) in s_convolutions)
        {
            using SharedVariable x = Symbolic.Shared(Random(128, channels, side, side));
            using SharedVariable w = Symbolic.Shared(Random(filters, channels, size, size));
            using SharedVariable b = Symbolic.Shared(Random(filters));
            Variable y = Symbolic.MaxPool2D(Symbolic.Rectify(Symbolic.Conv2D(x, w, bias: b)), (2, 2));
            Variable[] wanted = channels > 1 ? [w, b, x] : [w, b];
            string item = $"128x{channels}x{side}x{side}, {filters} of {size}x{size}";
            using var forward = Function.Compile([], [y], device: device);
            yield return Engine("conv", item, device, Clock.Measure(times => forward.RunMany(times)));
            using var all = Function.Compile([], [y, .. Symbolic.Grad(Symbolic.Sum(y), wanted)], device: device);
            yield return Engine("conv", $"{item}, with gradients", device, Clock.Measure(times => all.RunMany(times)));
        }
    }

    /// <summary>The training batches of an epoch of one of the networks, and what the network has learnt at the end.</summary>
    public static Measurement Epoch(
        string network, Device device, int epochs, Cifar10Set data, CancellationToken cancellation)
    {
        TrainingOptions options = (network == "mlp" ? Experiment.MlpDefaults : Experiment.CnnDefaults)
            with
        { Epochs = epochs, Quiet = true };
        var trained = Trained.On(device, DType.Float32, options, data, history: null, cancellation);
        var seconds = Spread.Of(trained.EpochSeconds.Skip(epochs > 1 ? 1 : 0));
        return Engine(network, "training epoch", device, seconds) with { TestAccuracy = trained.TestAccuracy };
    }

    /// <summary>‖a − b‖ / ‖b‖.</summary>
    private static double Distance(float[] a, float[] b)
    {
        double difference = 0, length = 0;
        for (int i = 0; i < a.Length; i++)
        {
            difference += Math.Pow((double)a[i] - b[i], 2);
            length += Math.Pow(b[i], 2);
        }

        return Math.Sqrt(difference / length);
    }

    private static Measurement Engine(string bench, string item, Device device, Spread seconds) =>
        new(bench, item, "engine", Version, Name(device), seconds);

    private static string Name(Device device) => device switch
    {
        CpuDevice cpu => $"cpu, {cpu.Threads} threads",
        CudaDevice cuda => $"{cuda.Name} {cuda.Model}",
        _ => device.Name,
    };

    /// <summary>Numbers from -0.5 to 0.5, always the same ones.</summary>
    private static Tensor Random(params ReadOnlySpan<int> shape)
    {
        var random = new Random(1);
        int count = 1;
        foreach (int side in shape)
        {
            count *= side;
        }

        var numbers = new float[count];
        foreach (ref float number in numbers.AsSpan())
        {
            number = random.NextSingle() - 0.5f;
        }

        return Tensor.From(numbers, shape);
    }
}
