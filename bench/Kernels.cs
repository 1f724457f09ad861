using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Bench;

/// <summary>The kernels to time.</summary>
internal static class Kernels
{
    private const int ExpNumbers = 230_400, ExpTimes = 1000;

    /// <summary>The largest square matrix that a CPU multiplies in an acceptable time.</summary>
    private const int LargestOnCpu = 2048;

    /// <summary>Squares, then the products of the two networks at batch 128, as m×k×n.</summary>
    private static readonly (int M, int K, int N)[] s_products =
    [
        (512, 512, 512), (1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 4096), (8192, 8192, 8192),
        (128, 1024, 100), (1024, 128, 100), (128, 100, 10), (128, 576, 200), (576, 128, 200), (128, 200, 576),
        (128, 200, 10), (115200, 9, 16), (25088, 64, 32), (4608, 128, 64),
    ];

    private static readonly (int Channels, int Dimension, int Filters, int Size)[] s_convolutions =
        [(1, 32, 16, 3), (16, 15, 32, 2), (32, 7, 64, 2)];

    public static IEnumerable<(int M, int K, int N)> Products(Device device) =>
        s_products.Where(product => device.IsGpu || product.M != product.N || product.M <= LargestOnCpu);

    /// <summary>Returns exp of 230,400 numbers, 1,000 times.</summary>
    public static Kernel Exp(Device device)
    {
        SharedVariable x = Symbolic.Shared(Random(ExpNumbers));
        var function = Function.Compile([], [Symbolic.Exp(x)], device: device);
        return new Kernel("exp", "230400, 1000 times", function, [x]) { Times = ExpTimes };
    }

    /// <summary>Returns a product of matrices m×k and k×n in float32.</summary>
    public static Kernel Product(Device device, Tensor left, Tensor right)
    {
        (int m, int k, int n) = (left.Shape[0], left.Shape[1], right.Shape[1]);
        SharedVariable a = Symbolic.Shared(left), b = Symbolic.Shared(right);
        var function = Function.Compile([], [Symbolic.Dot(a, b)], device: device);
        return new Kernel("gemm", $"{m}x{k}x{n}", function, [a, b]) { Flops = 2.0 * m * k * n };
    }

    /// <summary>
    /// Returns the CNN's three layers at batch 128 (convolution, rectifier and pooling), and the same with the
    /// gradients that a training step needs.
    /// </summary>
    public static IEnumerable<Kernel> Convolutions(Device device)
    {
        foreach ((int channels, int dimension, int filters, int size) in s_convolutions)
        {
            yield return Convolution(withGradients: false);
            yield return Convolution(withGradients: true);

            Kernel Convolution(bool withGradients)
            {
                SharedVariable x = Symbolic.Shared(Random(128, channels, dimension, dimension));
                SharedVariable w = Symbolic.Shared(Random(filters, channels, size, size));
                SharedVariable b = Symbolic.Shared(Random(filters));
                Variable y = Symbolic.MaxPool2D(Symbolic.Rectify(Symbolic.Conv2D(x, w, bias: b)), (2, 2));
                Variable[] wanted = channels > 1 ? [w, b, x] : [w, b];
                Variable[] outputs = withGradients ? [y, .. Symbolic.Grad(Symbolic.Sum(y), wanted)] : [y];
                string item = $"128x{channels}x{dimension}x{dimension}, {filters} of {size}x{size}";
                return new Kernel(
                    "conv",
                    item + (withGradients ? ", with gradients" : ""),
                    Function.Compile([], outputs, device: device),
                    [x, w, b]);
            }
        }
    }

    /// <summary>Returns numbers from -0.5 to 0.5, always the same ones.</summary>
    public static Tensor Random(params ReadOnlySpan<int> shape)
    {
        var random = new Random(1);
        int count = 1;
        foreach (int dimension in shape)
        {
            count *= dimension;
        }

        var numbers = new float[count];
        foreach (ref float number in numbers.AsSpan())
        {
            number = random.NextSingle() - 0.5f;
        }

        return Tensor.From(numbers, shape);
    }
}
