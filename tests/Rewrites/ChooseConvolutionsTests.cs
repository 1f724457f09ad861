using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Rewrites;

public class ChooseConvolutionsTests
{
    [TestCase("", "", "winograd2")]
    [TestCase("winograd2", "", "columns")]
    [TestCase("", "winograd4", "winograd4")]
    [TestCase("winograd2", "winograd4", "winograd4")]
    [TestCase("winograd4", "winograd4", "winograd2")]
    public void A_convolution_and_its_gradients_take_the_path_that_pays_and_is_allowed(
        string excluding, string including, string path)
    {
        Input images = Tensor4("x");
        SharedVariable w = Shared(Drawn([16, 16, 3, 3], 1)), v = Shared(Drawn([16, 16, 3, 3], 2));
        Variable y = MaxPool2D(Conv2D(Tanh(Conv2D(images, w, padding: (1, 1))), v), (2, 2)), loss = Sum(y * y);
        Variable[] outputs = [y, .. Grad(loss, [w, v, images])];
        Tensor argument = Drawn([3, 16, 13, 12], 3);
        using var device = new CpuDevice(2);
        using Function plain = Compile(new CompileOptions { Excluding = ["winograd2"] });

        using Function function = Compile(
            new CompileOptions { Excluding = Names(excluding), Including = Names(including) });

        foreach ((Tensor expected, Tensor actual) in plain.Call(argument).Zip(function.Call(argument)))
        {
            Assert.That(actual.AsSpan<float>().ToArray(), Is.EqualTo(expected.AsSpan<float>().ToArray()).Within(1e-3));
        }

        string[] paths = [.. function.Nodes.Select(node => PathOf(node.Op)).OfType<ConvolutionPath>()
            .Select(chosen => chosen.Name()).Distinct()];
        Assert.That(paths, Is.EqualTo(new[] { path }));

        Function Compile(CompileOptions options) =>
            Function.Compile([images], outputs, device: device, options: options);
    }

    [Test]
    public void Only_what_costs_digits_can_be_taken_in() => Assert.That(
        () => new CompileOptions { Including = ["fuse"] },
        Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "There is no rewrite 'fuse' to take in: there are winograd4."));

    private static ConvolutionPath? PathOf(Op op) => op switch
    {
        Conv2D convolution => convolution.Path,
        Conv2DInputGradient gradient => gradient.Of.Path,
        Conv2DWeightsGradient gradient => gradient.Of.Path,
        Conv2DMaxPool pooled => pooled.Convolution.Path,
        Conv2DMaxPoolGradients gradients => gradients.Of.Path,
        _ => null,
    };

    private static string[] Names(string names) => names.Split(':', StringSplitOptions.RemoveEmptyEntries);

    private static Tensor Drawn(int[] dimensions, int seed)
    {
        var random = new Random(seed);
        int count = dimensions.Aggregate((product, dimension) => product * dimension);
        return Tensor.From([.. Enumerable.Range(0, count).Select(_ => random.NextSingle() - 0.5f)], dimensions);
    }
}
