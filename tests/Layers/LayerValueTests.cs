using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using static Engine.Ops.Operators;
using Input = Engine.Layers.Input;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Layers;

/// <summary>The results of layers for a few numbers that can be followed by hand.</summary>
public class LayerValueTests
{
    [Test]
    public void Dense_flattens_in_C_order_and_applies_its_nonlinearity()
    {
        Network network = Make(new Input(2, 2), new Dense(2));
        Set(network, "dense1.W", 1, 0, 10, 0, 100, 0, 1000, -1);
        Set(network, "dense1.b", 0.5, 2);

        Assert.That(Use(network, [1, 2, 3, 4]), Is.EqualTo(new[] { 4321.5, 0 }));
    }

    [Test]
    public void A_convolution_flips_its_filters_unless_told_not_to()
    {
        Network flipped = Make(new Input(1, 2, 2), new Conv2D(1, 2, Symbolic.Linear));
        Network plain = Make(
            new Input(1, 2, 2), new Conv2D(1, 2, Symbolic.Linear) { FlipFilters = false, B = null });
        Set(flipped, "conv2d1.W", 1, 10, 100, 1000);
        Set(flipped, "conv2d1.b", 0.5);
        Set(plain, "conv2d1.W", 1, 10, 100, 1000);

        Assert.That(Use(flipped, [1, 2, 3, 4]), Is.EqualTo(new[] { 1234.5 }));
        Assert.That(Use(plain, [1, 2, 3, 4]), Is.EqualTo(new[] { 4321.0 }));
    }

    [Test]
    public void Pooling_leaves_out_windows_over_the_edge()
    {
        double[] image = [1, 2, 9, 3, 4, 9, 9, 9, 9];

        Assert.That(Use(Make(new Input(1, 3, 3), new MaxPool2D(2)), image), Is.EqualTo(new[] { 4.0 }));
        Assert.That(Use(Make(new Input(1, 3, 3), new AveragePool2D(2)), image), Is.EqualTo(new[] { 2.5 }));
    }

    [Test]
    public void Dropout_drops_in_training_only()
    {
        Network network = Make(new Input(1000), new Dropout(0.25));
        double[] ones = [.. Enumerable.Repeat(1.0, 1000)];

        double[] dropped = Train(network, ones).Output;

        Assert.That(Use(network, ones), Is.EqualTo(ones));
        Assert.That(
            dropped.Distinct().Select(value => Math.Round(value, 9)), Is.EquivalentTo(new[] { 0, 1.333333333 }));
        Assert.That(dropped.Count(value => value == 0), Is.InRange(200, 300));
    }

    [Test]
    public void Batch_normalization_uses_the_batch_in_training_and_the_averages_in_use()
    {
        Network network = Make(new Input(2), new BatchNorm());
        Set(network, "batchnorm1.beta", 10, 0);
        Set(network, "batchnorm1.gamma", 2, 1);

        // Channel 0: 1, 3 (mean 2, variance 1); channel 1: 5, 5 (mean 5, variance 0).
        (double[] output, Dictionary<string, double[]> updated) = Train(network, [1, 5, 3, 5]);

        double invStd = 1 / Math.Sqrt(1 + 1e-4);
        Assert.That(output, Is.EqualTo(new[] { 10 - (2 * invStd), 0, 10 + (2 * invStd), 0 }).Within(1e-12));
        Assert.That(updated["batchnorm1.mean"], Is.EqualTo(new[] { 0.2, 0.5 }).Within(1e-12));
        Assert.That(
            updated["batchnorm1.inv_std"], Is.EqualTo(new[] { 0.9 + (0.1 * invStd), 0.9 + (0.1 * 100) }).Within(1e-12));

        double use = (7 - 0.2) * 2 * (0.9 + (0.1 * invStd));
        Assert.That(Use(network, [7, 0.5]), Is.EqualTo(new[] { use + 10, 0 }).Within(1e-12));
    }

    [Test]
    public void Batch_normalization_averages_images_over_all_but_their_channels()
    {
        Network network = Make(new Input(2, 1, 2), new BatchNorm { Beta = null, Gamma = null });

        // Channel 0 has 0, 2, 4, 6: mean 3, variance 5; channel 1 has 1 throughout.
        (double[] output, _) = Train(network, [0, 2, 1, 1, 4, 6, 1, 1]);

        double invStd = 1 / Math.Sqrt(5 + 1e-4);
        Assert.That(output, Is.EqualTo(
            new[] { -3 * invStd, -invStd, 0, 0, invStd, 3 * invStd, 0, 0 }).Within(1e-12));
    }

    [Test]
    public void Pixels_are_converted_by_the_network()
    {
        Network network = Make(new Input(3) { DType = DType.UInt8 }, new Activation(x => x * 0.5));
        using var function = Function.Compile([network.Input], [network.Output]);

        double[] output = NdArray.From(function.Call(Tensor.From<byte>([0, 3, 255], 1, 3))[0]).Data;

        Assert.That(output, Is.EqualTo(new[] { 0, 1.5, 127.5 }));
    }

    [TestCaseSource(nameof(Known))]
    public void A_layer_gives_what_its_formula_says(Layer layer, int[] dimensions, double[] input, double[] expected) =>
        Assert.That(Use(Make(new Input(dimensions), layer), input), Is.EqualTo(expected).Within(1e-12));

    private static IEnumerable<TestCaseData> Known()
    {
        double deviation = Math.Sqrt(3.5 + 1e-5), square = Math.Sqrt(12.5 + 1e-5), half = Math.Sqrt(0.25 + 1e-5);
        yield return Case(new LayerNorm(), [4], [1, 2, 3, 6], [-2 / deviation, -1 / deviation, 0, 3 / deviation]);
        yield return Case(new LayerNorm(1), [2, 2], [1, 2, 3, 6], [-2 / deviation, -1 / deviation, 0, 3 / deviation]);
        yield return Case(new RmsNorm(), [4], [1, 2, 3, 6], [1 / square, 2 / square, 3 / square, 6 / square]);
        yield return Case(new GroupNorm(2), [4], [1, 2, 5, 4], [-0.5 / half, 0.5 / half, 0.5 / half, -0.5 / half]);
        yield return Case(
            new LocalResponseNorm { Channels = 3, Alpha = 0.5, K = 1, Beta = 1 }, [3, 1, 1], [1, 2, 3],
            [1 / 3.5, 2 / 8.0, 3 / 7.5]);
        yield return Case(
            new LocalResponseNorm(), [2, 1, 1], [3, 4], [3 / Math.Pow(2.0025, 0.75), 4 / Math.Pow(2.0025, 0.75)]);
        yield return Case(new Upscale(2, 1), [1, 1, 2], [1, 2], [1, 2, 1, 2]);
        yield return Case(new Upscale(2), [2, 2], [1, 2, 3, 4], [1, 1, 2, 2, 3, 3, 4, 4]);
        yield return Case(new Pad(1) { Value = 9 }, [1, 1, 2], [1, 2], [9, 9, 9, 9, 9, 1, 2, 9, 9, 9, 9, 9]);
        yield return Case(new Pad(0, 2), [1, 1, 1], [5], [0, 0, 5, 0, 0]);
        yield return Case(new Slice(-2, 1), [3], [1, 2, 3], [2]);
        yield return Case(new Slice(1, axis: 2), [2, 2], [1, 2, 3, 4], [2, 4]);
        yield return Case(new Permute(2, 1), [2, 2], [1, 2, 3, 4], [1, 3, 2, 4]);
        yield return Case(new FeaturePool(2), [4], [1, 5, 4, 3], [5, 4]);
        yield return Case(
            new FeaturePool(2) { Function = (x, axis) => Symbolic.Mean(x, [axis]) }, [4], [1, 5, 4, 3], [3, 3.5]);
        yield return Case(new GlobalPool(), [2, 1, 2], [1, 2, 3, 5], [1.5, 4]);
        yield return Case(
            new GlobalPool { Function = (x, axes) => Symbolic.Max(x, axes) }, [2, 2], [1, 2, 3, 5], [2, 5]);
        yield return Case(new PRelu { Alpha = new Full(0.5) }, [2], [-3, 4], [-1.5, 4]);
        yield return Case(new Scale { Scales = new Full(3) }, [2, 2], [1, 2, 3, 4], [3, 6, 9, 12]);
        yield return Case(new Bias { B = new Full(3) }, [2, 2], [1, 2, 3, 4], [4, 5, 6, 7]);
        yield return Case(new Expression(x => x * x), [2], [2, 3], [4, 9]);
        yield return Case(new Residual(new Scale { Scales = new Full(2) }), [2], [1, 2], [3, 6]);
        yield return Case(
            new Residual(new Slice(0, 1)) { Shortcut = new Slice(1, 1), Nonlinearity = x => -x }, [2], [1, 2], [-3]);
        yield return Case(new Sequence(new Slice(1), new Expression(x => x + 1)), [3], [1, 2, 3], [3, 4]);

        static TestCaseData Case(Layer layer, int[] dimensions, double[] input, double[] expected) =>
            new TestCaseData(layer, dimensions, input, expected)
                .SetArgDisplayNames($"{layer.Kind} of {string.Join('x', dimensions)}, {string.Join(' ', input)}");
    }

    [Test]
    public void Layers_of_several_inputs_join_them()
    {
        Assert.That(Joined(new Add()), Is.EqualTo(new[] { 5.0, 1 }));
        Assert.That(Joined(new Add(1, 10)), Is.EqualTo(new[] { 41.0, -8 }));
        Assert.That(Joined(new Multiply()), Is.EqualTo(new[] { 4.0, -2 }));
        Assert.That(Joined(new Maximum()), Is.EqualTo(new[] { 4.0, 2 }));
        Assert.That(Joined(new Average()), Is.EqualTo(new[] { 2.5, 0.5 }));
        Assert.That(Joined(new Concat()), Is.EqualTo(new[] { 1.0, 2, 4, -1 }));
        Assert.That(Joined(new Merge((a, b) => a - b)), Is.EqualTo(new[] { -3.0, 3 }));
        Assert.That(Joined(new Merge(all => all[0] + (2 * all[1]))), Is.EqualTo(new[] { 9.0, 0 }));

        static double[] Joined(Layer layer)
        {
            Input a = new(2) { Name = "a" }, b = new(2) { Name = "b" };
            using var network = new Network(layer.On(a, new Expression(x => x).On(b))) { FloatX = DType.Float64 };
            using var f = Function.Compile([.. network.Inputs], [network.Output]);
            return f.Call(Tensor.From([1.0, 2], 1, 2), Tensor.From([4.0, -1], 1, 2))[0].AsSpan<double>().ToArray();
        }
    }

    [Test]
    public void Noise_comes_in_training_only_and_what_is_dropped_together_is_dropped_together()
    {
        double[] ones = [.. Enumerable.Repeat(1.0, 2000)];
        Network noise = Make(new Input(1000), new GaussianNoise(0.5));
        double[] noisy = Train(noise, ones).Output;
        Assert.That(Use(noise, ones), Is.EqualTo(ones));
        Assert.That(noisy.Average(), Is.EqualTo(1).Within(0.05));
        Assert.That(noisy.Average(y => (y - 1) * (y - 1)), Is.EqualTo(0.25).Within(0.02));

        // 2 samples of 100 channels of 10 pixels.
        Network spatial = Make(new Input(100, 10), new SpatialDropout(0.25));
        double[][] channels = [.. Train(spatial, ones).Output.Chunk(10)];
        Assert.That(Use(spatial, ones), Is.EqualTo(ones));
        Assert.That(channels.All(channel => channel.Distinct().Count() == 1));
        Assert.That(channels.Count(channel => channel[0] == 0), Is.InRange(30, 70));
        Assert.That(channels.Max(channel => channel[0]), Is.EqualTo(1 / 0.75).Within(1e-12));

        Network path = Make(new Input(10), new DropPath(0.25));
        double[][] samples = [.. Train(path, ones).Output.Chunk(10)];
        Assert.That(Use(path, ones), Is.EqualTo(ones));
        Assert.That(samples.All(sample => sample.Distinct().Count() == 1));
        Assert.That(samples.Count(sample => sample[0] == 0), Is.InRange(30, 70));
    }

    private static Network Make(params Layer[] layers) =>
        new([.. layers.Select(layer => ((string?)null, layer))], DType.Float64, 1);

    private static void Set(Network network, string name, params double[] values)
    {
        SharedVariable variable = network.Parameters.Single(parameter => parameter.Variable.Name == name).Variable;
        variable.SetValue(Tensor.From(values).Reshape(variable.Shape.Dimensions));
    }

    private static Tensor Batch(Network network, double[] values)
    {
        int row = network.Input.Shape.Product(1, network.Input.Rank);
        return Tensor.From(values).Reshape(network.Input.Shape.With(0, values.Length / row).Dimensions);
    }

    private static double[] Use(Network network, double[] values)
    {
        using var function = Function.Compile([network.Input], [network.Output]);
        return function.Call(Batch(network, values))[0].AsSpan<double>().ToArray();
    }

    private static (double[] Output, Dictionary<string, double[]> Updated) Train(Network network, double[] values)
    {
        NetworkOutputs trained = network.GetOutputs(network.Inputs, isTraining: true);
        using var function = Function.Compile([network.Input], [trained.Output], trained.Updates);
        double[] result = function.Call(Batch(network, values))[0].AsSpan<double>().ToArray();
        return (result, trained.Updates.ToDictionary(
            update => update.Target.Name!, update => update.Target.GetValue().AsSpan<double>().ToArray()));
    }
}
