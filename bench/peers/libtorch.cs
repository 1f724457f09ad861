#:package TorchSharp-cpu@0.107.0
#:property PublishAot=false

// Times the ops of bench/OpKernels.cs in libtorch on the CPU: a yardstick of `./build.sh bench ops` with the same
// arguments and the same JSON as pytorch.py. Copy this file to an empty folder and run it: dotnet run libtorch.cs ops.
// OMP_NUM_THREADS sets the number of threads. Results of more than 32 MB cost page faults at every call unless the
// allocator keeps its memory: run with MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000
// MALLOC_TOP_PAD_=268435456.
using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

const int Warming = 3, Runs = 15;
const double Group = 0.1;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (!args.Contains("ops"))
{
    return;
}

int threads = int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), out int asked)
    ? asked
    : Environment.ProcessorCount;
torch.set_num_threads(threads);
torch.random.manual_seed(1);

Tensor Numbers(params long[] shape) => torch.rand(shape) - 0.5;
Tensor Indices(long dimension, params long[] shape) => torch.randint(dimension, shape, dtype: ScalarType.Int64);
Tensor Heads() => Numbers(1, 8, 512, 64);

Op("batched dot, 64 of 128x128x128", [Numbers(64, 128, 128), Numbers(64, 128, 128)], x => x[0].bmm(x[1]));
Op("depthwise 3x3, 16x64x56x56", [Numbers(16, 64, 56, 56), Numbers(64, 1, 3, 3)],
    x => functional.conv2d(x[0], x[1], padding: [1, 1], groups: 64));
Op("depthwise 3x3 of stride 2, 16x64x56x56", [Numbers(16, 64, 56, 56), Numbers(64, 1, 3, 3)],
    x => functional.conv2d(x[0], x[1], padding: [1, 1], strides: [2, 2], groups: 64));
Op("depthwise 3x3, 16x512x14x14", [Numbers(16, 512, 14, 14), Numbers(512, 1, 3, 3)],
    x => functional.conv2d(x[0], x[1], padding: [1, 1], groups: 512));
Gradients("depthwise 3x3, 16x64x56x56, gradients", [Numbers(16, 64, 56, 56), Numbers(64, 1, 3, 3)],
    Numbers(16, 64, 56, 56), again: false,
    x => functional.conv2d(x[0], x[1], padding: [1, 1], groups: 64));
Op("transposed convolution 4x4 of stride 2, 16x64x28x28 to 32", [Numbers(16, 64, 28, 28), Numbers(64, 32, 4, 4)],
    x => functional.conv_transpose2d(x[0], x[1], padding: [1, 1], strides: [2, 2]));
Op("transposed convolution 3x3, 16x64x28x28 to 32", [Numbers(16, 64, 28, 28), Numbers(64, 32, 3, 3)],
    x => functional.conv_transpose2d(x[0], x[1], padding: [1, 1]));
Op("attention, 8 heads, 512x64", [Heads(), Heads(), Heads()],
    x => functional.scaled_dot_product_attention(x[0], x[1], x[2]));
Op("causal attention, 8 heads, 512x64", [Heads(), Heads(), Heads()],
    x => functional.scaled_dot_product_attention(x[0], x[1], x[2], is_casual: true));
Gradients("attention, 8 heads, 512x64, with gradients", [Heads(), Heads(), Heads()], Heads(), again: true,
    x => functional.scaled_dot_product_attention(x[0], x[1], x[2]));
Op("cumulative sum along rows, 4096x1024", [Numbers(4096, 1024)], x => x[0].cumsum(1));
Op("cumulative sum across rows, 4096x1024", [Numbers(4096, 1024)], x => x[0].cumsum(0));
Op("sort of rows, 4096x1000", [Numbers(4096, 1000)], x => x[0].sort(1).Values);
Op("sort of columns, 1000x4096", [Numbers(1000, 4096)], x => x[0].sort(0).Values);
Op("sort of 1000000", [Numbers(1_000_000)], x => x[0].sort(0).Values);
Op("argsort of rows, 4096x1000", [Numbers(4096, 1000)], x => x[0].argsort(1));
Op("largest 10 of rows, 4096x1000", [Numbers(4096, 1000)], x => x[0].topk(10, 1).values);
Op("largest 100 of rows, 16x100000", [Numbers(16, 100_000)], x => x[0].topk(100, 1).values);
Op("gather of 8192 rows, 50000x128", [Numbers(50_000, 128), Indices(50_000, 8192)], x => x[0].index_select(0, x[1]));
Op("gather of 512 columns, 4096x1024", [Numbers(4096, 1024), Indices(1024, 512)], x => x[0].index_select(1, x[1]));
Op("gather along rows, 4096x512 of 4096x1024", [Numbers(4096, 1024), Indices(1024, 4096, 512)],
    x => x[0].gather(1, x[1]));
Op("gather of 1000000 elements, 4096x1024", [Numbers(4096, 1024), Indices(4096, 1_000_000), Indices(1024, 1_000_000)],
    x => x[0].index(x[1], x[2]));
Op("rows set, 8192 of 50000x128", [Numbers(50_000, 128), Indices(50_000, 8192), Numbers(8192, 128)],
    x => x[0].index_copy(0, x[1], x[2]));
Op("rows added, 8192 to 50000x128", [Numbers(50_000, 128), Indices(50_000, 8192), Numbers(8192, 128)],
    x => x[0].index_add(0, x[1], x[2], 1));
Op("scatter along rows, 4096x512 to 4096x1024", [Numbers(4096, 1024), Indices(1024, 4096, 512), Numbers(4096, 512)],
    x => x[0].scatter(1, x[1], x[2]));
Op("scatter along rows, added, 4096x512 to 4096x1024",
    [Numbers(4096, 1024), Indices(1024, 4096, 512), Numbers(4096, 512)],
    x => x[0].scatter_add(1, x[1], x[2]));

void Op(string item, Tensor[] inputs, Func<Tensor[], Tensor> of)
{
    using var _ = torch.no_grad();
    Report(item, times =>
    {
        for (int i = 0; i < times; i++)
        {
            using var scope = torch.NewDisposeScope();
            of(inputs);
        }
    });
}

// With the forward pass each time, or only the backward pass, for which the forward pass keeps its values.
void Gradients(string item, Tensor[] inputs, Tensor gradient, bool again, Func<Tensor[], Tensor> of)
{
    foreach (Tensor input in inputs)
    {
        input.requires_grad = true;
    }

    Tensor kept = of(inputs);
    Report(item, times =>
    {
        for (int i = 0; i < times; i++)
        {
            using var scope = torch.NewDisposeScope();
            torch.autograd.grad([again ? of(inputs) : kept], inputs, [gradient], retain_graph: !again);
        }
    });
}

void Report(string item, Action<int> run)
{
    run(1);
    double once = Time(run, 1);
    int times = (int)Math.Max(1, Group / once);
    for (int i = 0; i < Warming; i++)
    {
        run(times);
    }

    double[] seconds = [.. Enumerable.Range(0, Runs).Select(_ => Time(run, times) / times).Order()];
    Console.WriteLine(FormattableString.Invariant(
        $$"""{"bench":"ops","item":"{{item}}","who":"libtorch","version":"{{torch.__version__}}","device":"cpu, {{threads}} threads","math":"fp32","seconds":{"min":{{seconds[0]}},"median":{{seconds[Runs / 2]}},"max":{{seconds[^1]}},"runs":{{Runs}} } }"""));
}

static double Time(Action<int> run, int times)
{
    long start = Stopwatch.GetTimestamp();
    run(times);
    return Stopwatch.GetElapsedTime(start).TotalSeconds;
}
