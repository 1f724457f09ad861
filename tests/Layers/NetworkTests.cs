using Engine.Graph;
using Engine.Layers;
using Input = Engine.Layers.Input;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Layers;

public class NetworkTests
{
    [Test]
    public void Shapes_through_the_convolutional_network_are_those_of_the_specification()
    {
        Network network = Make(
            new Input(1, 32, 32),
            new Conv2D(16, 3), new MaxPool2D(2), new Conv2D(32, 2), new MaxPool2D(2), new Conv2D(64, 2),
            new MaxPool2D(2), new Dense(200), new Dense(10, Symbolic.Softmax));

        Assert.That(network.Layers.Select(layer => layer.Output.Shape.ToString()), Is.EqualTo(new[]
        {
            "(?, 1, 32, 32)", "(?, 16, 30, 30)", "(?, 16, 15, 15)", "(?, 32, 14, 14)", "(?, 32, 7, 7)",
            "(?, 64, 6, 6)", "(?, 64, 3, 3)", "(?, 200)", "(?, 10)",
        }));
        Assert.That(network.LearnableCount, Is.EqualTo(127906));
    }

    [TestCase(1, 103510)]
    [TestCase(2, 113610)]
    public void The_perceptrons_have_as_many_parameters_as_the_specification_says(int hidden, int parameters)
    {
        Network network = Make([
            new Input(1024),
            .. Enumerable.Range(0, hidden).Select(_ => new Dense(100)),
            new Dense(10, Symbolic.Softmax)]);

        Assert.That(network.LearnableCount, Is.EqualTo(parameters));
    }

    [Test]
    public void Nameless_layers_are_called_by_type_and_index()
    {
        Network network = Make(
            new Input(1, 8, 8), new Conv2D(2, 3), new MaxPool2D(2), new Dense(4) { Name = "own" }, new Dense(2));

        Assert.That(network.Layers.Select(layer => layer.Name),
            Is.EqualTo(new[] { "input0", "conv2d1", "maxpool2d2", "own", "dense4" }));
        Assert.That(network.Parameters.Select(parameter => parameter.Variable.Name),
            Is.EqualTo(new[] { "conv2d1.W", "conv2d1.b", "own.W", "own.b", "dense4.W", "dense4.b" }));
    }

    [Test]
    public void One_layer_may_be_part_of_two_networks()
    {
        var input = new Input(3);
        var dense = new Dense(2);
        Network a = Make(input, dense), b = new([(null, input), (null, dense)], DType.Float32, 2);

        Assert.That(a.Parameters[0].Variable, Is.Not.SameAs(b.Parameters[0].Variable));
        Assert.That(Values(a), Is.Not.EqualTo(Values(b)));

        static float[] Values(Network network) => network.Parameters[0].Variable.GetValue().AsSpan<float>().ToArray();
    }

    [Test]
    public void Training_and_use_share_their_parameters()
    {
        Network network = Make(new Input(3), new Dense(4), new BatchNorm(), new Dropout(), new Dense(2));
        int before = network.Parameters.Count;

        IReadOnlyList<Update> updates = network.GetOutputs(network.Inputs, isTraining: true).Updates;

        Assert.That(network.Parameters, Has.Count.EqualTo(before));
        Assert.That(
            updates.Select(update => update.Target.Name),
            Is.EqualTo(new[] { "batchnorm2.mean", "batchnorm2.inv_std" }));
        Assert.That(network.Trainable.Select(variable => variable.Name), Is.EqualTo(new[]
        {
            "dense1.W", "dense1.b", "batchnorm2.beta", "batchnorm2.gamma", "dense4.W", "dense4.b",
        }));
    }

    [TestCase("same", "(?, 2, 8, 9)")]
    [TestCase("valid", "(?, 2, 6, 7)")]
    [TestCase("full", "(?, 2, 10, 11)")]
    public void Padding_goes_by_name(string pad, string shape) =>
        Assert.That(Output(new Input(1, 8, 9), new Conv2D(2, 3) { Pad = pad }), Is.EqualTo(shape));

    [Test]
    public void Strides_and_paddings_are_taken_into_account()
    {
        Assert.That(Output(new Input(1, 8, 9), new Conv2D(2, (3, 2)) { Stride = (2, 3), Pad = (1, 0) }),
            Is.EqualTo("(?, 2, 4, 3)"));
        Assert.That(Output(new Input(1, 8, 9), new MaxPool2D(3) { Stride = 2 }), Is.EqualTo("(?, 1, 3, 4)"));
        Assert.That(Output(new Input(1, 8, 9), new AveragePool2D((2, 4))), Is.EqualTo("(?, 1, 4, 2)"));
    }

    [Test]
    public void Reshape_fills_an_open_dimension_and_flatten_joins_all()
    {
        Assert.That(Output(new Input(12), new Reshape(3, -1)), Is.EqualTo("(?, 3, 4)"));
        Assert.That(Output(new Input(12), new Reshape(3, 4), new Flatten()), Is.EqualTo("(?, 12)"));
    }

    [Test]
    public void A_layer_that_does_not_fit_is_named_with_its_line()
    {
        string here = @"NetworkTests\.cs:\d+\.$";

        Refused(
            @"^Conv2D takes images, \(batch, channels, height, width\), not \(\?, 9\): .* Layer 'c'\. Built at .*"
                + here,
            new Input(9), new Conv2D(1, 3) { Name = "c" });
        Refused(
            @"The 9 values of a sample of \(\?, 9\) cannot take the dimensions \(2, \?\)\. Layer 'reshape1'\. Built.*"
                + here,
            new Input(9), new Reshape(2, -1));
        Refused(
            @"The padding 'same' needs a filter of odd dimensions, not 2x2: .* Layer 'conv2d1'\. Built at .*" + here,
            new Input(1, 9, 9), new Conv2D(1, 2) { Pad = "same" });
        Refused(@"Layer 'pool'\. Built at .*" + here,
            new Input(1, 2, 2), new MaxPool2D(3) { Name = "pool" });
        Refused(@"Layer 'big'\. Built at .*" + here,
            new Input(1, 2, 2), new Conv2D(1, 3) { Name = "big" });
    }

    [Test]
    public void A_list_that_is_no_network_is_refused()
    {
        Refused(@"^A network begins with an Input layer, .* but it has no layers\.$");
        Refused(@"^A network begins with an Input layer, .* but its first layer is Dense\..*Built at", new Dense(3));
        Refused(@"^Two layers are named 'a': give one another name\.",
            new Input(1), new Dense(3) { Name = "a" }, new Dense(3) { Name = "a" });
        Refused(@"^A network has one Input layer, its first; layer 1 is another\.",
            new Input(1), new Input(1));
    }

    [Test]
    public void Sizes_that_no_layer_can_have_are_refused_where_the_layer_is_made()
    {
        Assert.That(() => new Input(-1, 32), Refuses("Input needs the dimensions of a sample"));
        Assert.That(() => new Input(), Refuses("Input needs the dimensions of a sample"));
        Assert.That(() => new Dense(0), Refuses("Dense needs at least 1 unit, not 0."));
        Assert.That(() => new Conv2D(0, 3), Refuses("Conv2D needs at least 1 filter, not 0."));
        Assert.That(() => new Conv2D(1, (3, 0)), Refuses("Conv2D needs filters of at least 1x1, not 3x0."));
        Assert.That(() => new MaxPool2D(0), Refuses("MaxPool2D needs windows of at least 1x1, not 0x0."));
        Assert.That(() => new Dropout(1), Refuses("Dropout needs a probability of at least 0 and less than 1, not 1."));
        Assert.That(() => new Reshape(-1, -1), Refuses("Reshape needs the dimensions of a sample"));
        Assert.That(() => new Conv2D(1, 3) { Pad = "half" }, Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("There is no padding 'half': it is 'valid', 'same', 'full' or a number of pixels."));

        static NUnit.Framework.Constraints.IResolveConstraint Refuses(string message) =>
            Throws.TypeOf<EngineException>()
                .With.Message.StartsWith(message).And.Message.Contains("NetworkTests.cs:");
    }

    private static Network Make(params Layer[] layers) =>
        new([.. layers.Select(layer => ((string?)null, layer))], DType.Float32, 1);

    private static string Output(params Layer[] layers) => Make(layers).Output.Shape.ToString();

    private static void Refused(string pattern, params Layer[] layers) =>
        Assert.That(() => Make(layers).Layers, Throws.InstanceOf<EngineException>().With.Message.Matches(pattern));
}
