using Engine.Compile;
using Engine.Graph;
using Engine.Layers;
using static Engine.Ops.Operators;
using Input = Engine.Layers.Input;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Layers;

/// <summary>What layers compute, in numbers small enough to follow.</summary>
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
        Assert.That(dropped.Distinct().Select(value => Math.Round(value, 9)), Is.EquivalentTo(new[] { 0, 1.333333333 }));
        Assert.That(dropped.Count(value => value == 0), Is.InRange(200, 300));
    }

    [Test]
    public void Batch_normalisation_uses_the_batch_in_training_and_the_averages_in_use()
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
    public void Batch_normalisation_averages_images_over_all_but_their_channels()
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

    private static Network Make(params Layer[] layers) =>
        new([.. layers.Select(layer => ((string?)null, layer))], DType.Float64, 1);

    private static void Set(Network network, string name, params double[] values)
    {
        SharedVariable variable = network.Parameters.Single(parameter => parameter.Variable.Name == name).Variable;
        variable.SetValue(Tensor.From(values).Reshape(variable.Shape.Sides));
    }

    private static Tensor Batch(Network network, double[] values)
    {
        int row = network.Input.Shape.Product(1, network.Input.Rank);
        return Tensor.From(values).Reshape(network.Input.Shape.With(0, values.Length / row).Sides);
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
