using Engine.Data;
using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Runner;

namespace Engine.Bench;

/// <summary>The benchmarks, each on one device.</summary>
/// <param name="device">The device.</param>
/// <param name="timer">The timer of its kernels.</param>
internal sealed class Benches(Device device, KernelTimer timer)
{
    private const int FirstWithTensorFloat32 = 80;

    private static string Version { get; } = typeof(Tensor).Assembly.GetName().Version!.ToString(3);

    /// <summary>Times exp of 230,400 numbers, 1,000 times.</summary>
    public IEnumerable<Measurement> Exp()
    {
        using Kernel exp = Kernels.Exp(device);
        yield return Time(exp);
    }

    /// <summary>
    /// Times matrix products of random numbers in float32; on a GPU also cuBLAS's products, if it is installed.
    /// </summary>
    public IEnumerable<Measurement> Gemm()
    {
        using CuBlasProducts? peer = device is CudaDevice cuda ? CuBlasProducts.Open(cuda, Console.Error) : null;
        foreach ((int m, int k, int n) in Kernels.Products(device))
        {
            Tensor left = Kernels.Random(m, k), right = Kernels.Random(k, n);
            using Kernel kernel = Kernels.Product(device, left, right);
            Measurement ours = Time(kernel);
            if (peer is null)
            {
                yield return ours;
                continue;
            }

            var product = new float[m * n];
            kernel.Function.ReadOutput(0, product);
            yield return ours with { Error = Distance(product, peer.Multiply(left, right)) };
            yield return Beside(CuBlasMath.Default, "fp32");
            if (device is CudaDevice { Architecture: >= FirstWithTensorFloat32 })
            {
                yield return Beside(CuBlasMath.TensorFloat32, "tf32");
            }

            Measurement Beside(CuBlasMath math, string arithmetic)
            {
                Spread theirs = peer.Measure(left, right, math);
                return ours with
                {
                    Who = "cublas",
                    Version = peer.Version,
                    Arithmetic = arithmetic,
                    Seconds = theirs,
                    Gflops = kernel.Flops / theirs.Median / 1e9,
                    Ratio = theirs.Median / ours.Seconds.Median,
                };
            }
        }
    }

    /// <summary>Times the CNN's three layers, forward and with their gradients.</summary>
    public IEnumerable<Measurement> Conv()
    {
        foreach (Kernel convolution in Kernels.Convolutions(device))
        {
            using (convolution)
            {
                yield return Time(convolution);
            }
        }
    }

    /// <summary>Times ops other than products of two matrices and whole networks.</summary>
    public IEnumerable<Measurement> Ops()
    {
        foreach (Kernel op in OpKernels.All(device))
        {
            using (op)
            {
                yield return Time(op);
            }
        }
    }

    /// <summary>
    /// Times the training batches of an epoch of one of the networks, and tests the network at the end.
    /// </summary>
    public Measurement Epoch(string network, int epochs, Cifar10Set data, CancellationToken cancellation)
    {
        TrainingOptions options = (network == "mlp" ? Experiment.MlpDefaults : Experiment.CnnDefaults)
            with
        { Epochs = epochs, Quiet = true };
        var trained = Trained.On(device, DType.Float32, options, data, history: null, cancellation);
        var seconds = Spread.Of(trained.EpochSeconds.Skip(epochs > 1 ? 1 : 0));
        return Engine(network, "training epoch", seconds) with { TestAccuracy = trained.TestAccuracy };
    }

    private Measurement Time(Kernel kernel)
    {
        Spread once = timer(kernel);
        return Engine(kernel.Bench, kernel.Item, once.Times(kernel.Times)) with
        {
            Gflops = kernel.Flops == 0 ? null : kernel.Flops / once.Median / 1e9,
            // Measured right after it, because the clock of a processor varies.
            PartOfPeak = kernel.Flops > 0 && device is CpuDevice cpu
                ? kernel.Flops / once.Median / cpu.SustainedFlopsPerSecond()
                : null,
        };
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

    private Measurement Engine(string bench, string item, Spread seconds) =>
        new(bench, item, Measurement.Ours, Version, Name(device), seconds);

    private static string Name(Device device) => device switch
    {
        CpuDevice cpu => $"cpu, {cpu.Threads} threads",
        CudaDevice cuda => $"{cuda.Name} {cuda.Model}",
        _ => device.Name,
    };
}
