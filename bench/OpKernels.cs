using Engine.Compile;
using Engine.Devices;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Bench;

/// <summary>
/// Single ops, which bench/peers/libtorch.cs also times, under the same names; and loops, whose steps must cost almost
/// nothing.
/// </summary>
internal static class OpKernels
{
    private const int Rows = 50_000, Taken = 8192, Pairs = 1_000_000;

    private static readonly ConvOptions s_channelwise = new() { Padding = [1, 1], FlipFilters = false };

    private static readonly ConvOptions s_transposed = new() { Padding = [1, 1], Stride = [2, 2], FlipFilters = false };

    /// <summary>The name of each op, and its expression of the variables that it requests.</summary>
    private static readonly (string Item, Func<Drawn, Variable[]> Of)[] s_all =
    [
        ("batched dot, 64 of 128x128x128", d => [BatchedDot(d.Numbers(64, 128, 128), d.Numbers(64, 128, 128))]),
        ("depthwise 3x3, 16x64x56x56", d => [Depthwise(d, 16, 64, 56, 1)]),
        ("depthwise 3x3 of stride 2, 16x64x56x56", d => [Depthwise(d, 16, 64, 56, 2)]),
        ("depthwise 3x3, 16x512x14x14", d => [Depthwise(d, 16, 512, 14, 1)]),
        ("depthwise 3x3, 16x64x56x56, gradients", d =>
        {
            SharedVariable x = d.Numbers(16, 64, 56, 56), w = d.Numbers(64, 1, 3, 3);
            Variable y = Convolve(x, w, s_channelwise with { Groups = 64 });
            return [.. Grad(Sum(y * d.Numbers(16, 64, 56, 56)), [x, w])];
        }),
        ("transposed convolution 4x4 of stride 2, 16x64x28x28 to 32",
            d => [ConvTranspose(d.Numbers(16, 64, 28, 28), d.Numbers(64, 32, 4, 4), s_transposed)]),
        ("transposed convolution 3x3, 16x64x28x28 to 32",
            d => [ConvTranspose(
                d.Numbers(16, 64, 28, 28), d.Numbers(64, 32, 3, 3), s_transposed with { Stride = [1, 1] })]),
        ("attention, 8 heads, 512x64", d => [Attention(d.Heads(), d.Heads(), d.Heads())]),
        ("causal attention, 8 heads, 512x64", d => [Attention(d.Heads(), d.Heads(), d.Heads(), isCausal: true)]),
        ("attention, 8 heads, 512x64, with gradients", d =>
        {
            SharedVariable q = d.Heads(), k = d.Heads(), v = d.Heads();
            return [.. Grad(Sum(Attention(q, k, v) * d.Heads()), [q, k, v])];
        }),
        ("cumulative sum along rows, 4096x1024", d => [CumSum(d.Numbers(4096, 1024), 1)]),
        ("cumulative sum across rows, 4096x1024", d => [CumSum(d.Numbers(4096, 1024), 0)]),
        ("sort of rows, 4096x1000", d => [Sort(d.Numbers(4096, 1000))]),
        ("sort of columns, 1000x4096", d => [Sort(d.Numbers(1000, 4096), 0)]),
        ("sort of 1000000", d => [Sort(d.Numbers(1_000_000))]),
        ("argsort of rows, 4096x1000", d => [ArgSort(d.Numbers(4096, 1000))]),
        ("largest 10 of rows, 4096x1000", d => Both(TopK(d.Numbers(4096, 1000), 10))),
        ("largest 100 of rows, 16x100000", d => Both(TopK(d.Numbers(16, 100_000), 100))),
        ("gather of 8192 rows, 50000x128", d => [Gather(d.Numbers(Rows, 128), d.Indices(Rows, Taken))]),
        ("gather of 512 columns, 4096x1024", d => [Gather(d.Numbers(4096, 1024), d.Indices(1024, 512), 1)]),
        ("gather along rows, 4096x512 of 4096x1024",
            d => [TakeAlongAxis(d.Numbers(4096, 1024), d.Indices(1024, 4096, 512), 1)]),
        ("gather of 1000000 elements, 4096x1024", d =>
            [d.Numbers(4096, 1024)[(Variable)d.Indices(4096, Pairs), (Variable)d.Indices(1024, Pairs)]]),
        ("rows set, 8192 of 50000x128",
            d => [SetSubtensor(d.Numbers(Rows, 128)[(Variable)d.Indices(Rows, Taken)], d.Numbers(Taken, 128))]),
        ("rows added, 8192 to 50000x128",
            d => [IncSubtensor(d.Numbers(Rows, 128)[(Variable)d.Indices(Rows, Taken)], d.Numbers(Taken, 128))]),
        ("scatter along rows, 4096x512 to 4096x1024",
            d => [Scatter(d.Numbers(4096, 1024), d.Indices(1024, 4096, 512), d.Numbers(4096, 512), 1)]),
        ("scatter along rows, added, 4096x512 to 4096x1024",
            d => [Scatter(d.Numbers(4096, 1024), d.Indices(1024, 4096, 512), d.Numbers(4096, 512), 1, adds: true)]),
        ("loop of 1 step, an addition of 16", d => [Sums(d, 1)]),
        ("loop of 1000 steps, an addition of 16 each", d => [Sums(d, 1000)]),
    ];

    public static IEnumerable<Kernel> All(Device device)
    {
        foreach ((string item, Func<Drawn, Variable[]> of) in s_all)
        {
            var drawn = new Drawn();
            var function = Function.Compile([], of(drawn), device: device);
            yield return new Kernel("ops", item, function, drawn.Variables);
        }
    }

    private static Variable Depthwise(Drawn d, int images, int channels, int dimension, int stride) => Convolve(
        d.Numbers(images, channels, dimension, dimension), d.Numbers(channels, 1, 3, 3),
        s_channelwise with { Groups = channels, Stride = [stride, stride] });

    /// <summary>The difference from a loop of a single step is a thousand times the cost of a step.</summary>
    private static Variable Sums(Drawn d, int steps) =>
        Scan(step => step[0] + step[1], [d.Numbers(steps, 16)], [d.Numbers(16)])[0][^1];

    private static Variable[] Both((Variable Values, Variable Indices) top) => [top.Values, top.Indices];

    /// <summary>Creates variables with random values, always the same.</summary>
    private sealed class Drawn
    {
        private readonly Random _random = new(3);

        public List<SharedVariable> Variables { get; } = [];

        public SharedVariable Numbers(params ReadOnlySpan<int> shape) => Add(Kernels.Random(shape));

        public SharedVariable Heads() => Numbers(1, 8, 512, 64);

        /// <summary>Creates random indices below a dimension.</summary>
        public SharedVariable Indices(int dimension, params ReadOnlySpan<int> shape)
        {
            int count = 1;
            foreach (int each in shape)
            {
                count *= each;
            }

            return Add(Tensor.From([.. Enumerable.Range(0, count).Select(_ => _random.Next(dimension))], shape));
        }

        private SharedVariable Add(Tensor value)
        {
            SharedVariable variable = Shared(value);
            Variables.Add(variable);
            return variable;
        }
    }
}
