using Engine.Layers;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>Parameters in the order of Lasagne's get_all_param_values, with the numbers of numpy.savez.</summary>
public class NumberedParametersTests
{
    private static NeuralNet Net(ulong seed) => new(
        new Input(1, 8, 8), new Conv2D(2, 3), new BatchNorm(), new MaxPool2D(2), new Dense(3))
    { Seed = seed };

    [Test]
    public void They_are_taken_in_the_order_of_the_layers_whatever_the_order_of_the_file()
    {
        using NeuralNet saved = Net(1), loaded = Net(2);
        KeyValuePair<string, Tensor>[] numbered = [.. saved.GetParameters()
            .Select((pair, i) => KeyValuePair.Create($"arr_{i}", pair.Value)).Reverse()];

        loaded.SetParameters(numbered);

        foreach (((string name, Tensor expected), (_, Tensor actual)) in
            saved.GetParameters().Zip(loaded.GetParameters()))
        {
            Assert.That(actual.Bytes.SequenceEqual(expected.Bytes), name);
        }
    }

    [Test]
    public void The_order_is_Lasagnes()
    {
        using NeuralNet net = Net(1);

        Assert.That(net.GetParameters().Select(pair => pair.Key.Split('.')[1]), Is.EqualTo(
            new[] { "W", "b", "beta", "gamma", "mean", "inv_std", "W", "b" }));
    }

    [Test]
    public void Too_few_or_misshapen_ones_are_refused()
    {
        using NeuralNet net = Net(1);
        KeyValuePair<string, Tensor>[] numbered =
            [.. net.GetParameters().Select((pair, i) => KeyValuePair.Create($"arr_{i}", pair.Value))];

        Assert.That(() => net.SetParameters(numbered[..^1]), Throws.TypeOf<EngineException>()
            .With.Message.StartsWith("The parameters are of another network: they are 7, and this one has 8: "));
        numbered[0] = new("arr_0", Tensor.Scalar(1f));
        Assert.That(() => net.SetParameters(numbered), Throws.TypeOf<EngineException>()
            .With.Message.Contains("conv2d1.W is float32 () and not float32 (2, 1, 3, 3)"));
    }
}
