using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Operators;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Wrong arguments of users are refused with a helpful message.</summary>
public class BadInputTests
{
    [TestCase(float.NaN, "NaN")]
    [TestCase(float.PositiveInfinity, "Infinity")]
    [TestCase(float.NegativeInfinity, "-Infinity")]
    public void A_value_that_is_no_number_is_found_with_its_sample(float value, string shown)
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        points.AsSpan<float>()[35] = value;

        Refused(net => net.Fit(points, labels),
            $"x has a value that is no finite number, {shown}, in sample 17 (element 1 of it)");
        Refused(net =>
        {
            net.Initialize();
            net.Predict(points);
        }, "in sample 17");
    }

    [Test]
    public void Samples_of_another_shape_are_refused()
    {
        int[] labels = new int[10];

        Refused(net => net.Fit(new Tensor(DType.Float32, [10, 3]), labels),
            "The samples are float32 (10, 3) and the Input layer 'input0' takes (?, 2)");
        Refused(net => net.Fit(new Tensor(DType.Float32, [10]), labels),
            "The samples are float32 (10) and the Input layer 'input0' takes (?, 2), with 2 dimensions, not 1");
        Refused(net => net.Fit(new Tensor(DType.Float32, [0, 2]), []), "There are no samples: x is float32 (0, 2).");
    }

    [Test]
    public void Samples_of_another_dtype_are_refused_but_doubles_are_converted()
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);

        Refused(net => net.Fit(new Tensor(DType.UInt8, [10, 2]), new int[10]),
            "The samples are uint8 and the Input layer 'input0' takes float32: scale and cast them, or");
        using NeuralNet narrow = NeuralNetTests.Small(1), wide = NeuralNetTests.Small(1);
        narrow.Fit(points, labels);
        wide.Fit(points.Cast(DType.Float64), labels);
        Assert.That(wide.TrainHistory[0].TrainLoss, Is.EqualTo(narrow.TrainHistory[0].TrainLoss));
    }

    [Test]
    public void An_input_layer_may_ask_for_pixels_which_the_device_converts()
    {
        (Tensor points, int[] labels) = Toy.Clouds(90);
        byte[] bytes = [.. points.AsSpan<float>().ToArray().Select(value => (byte)((value * 20) + 60))];
        Tensor pixels = Tensor.From(bytes, 90, 2);
        using NeuralNet onDevice = Net(DType.UInt8), onHost = Net(DType.Float32);

        onDevice.Fit(pixels, labels);
        onHost.Fit(pixels.Cast(DType.Float32), labels);

        Assert.That(onDevice.TrainHistory[^1].TrainLoss, Is.EqualTo(onHost.TrainHistory[^1].TrainLoss).And.LessThan(2));

        static NeuralNet Net(DType dtype) => new(
            new Input(2) { DType = dtype }, new Activation(x => x / 255), new Dense(3, Symbolic.Softmax))
        { MaxEpochs = 3 };
    }

    [Test]
    public void Labels_that_are_no_outputs_are_refused()
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        labels[12] = 3;
        Refused(net => net.Fit(points, labels),
            "The label of sample 12 is 3, but the network has 3 outputs: labels go from 0 to 2.");
        labels[12] = -1;
        Refused(net => net.Fit(points, labels), "The label of sample 12 is -1");
        Refused(net =>
        {
            net.Initialize();
            net.Score(points, labels);
        }, "The label of sample 12 is -1");
        Refused(net => net.Fit(points, new Tensor(DType.Float32, [30])), "The labels are float32 (30)");
        Refused(net => net.Fit(points, new Tensor(DType.Int32, [30, 1])), "The labels are int32 (30, 1)");
    }

    [Test]
    public void As_many_labels_as_samples_are_needed()
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);

        Refused(net => net.Fit(points, labels[1..]), "There are 30 samples in x but 29 in y.");
        Refused(net => net.Fit(points, Tensor.Scalar(1)), "There are 30 samples in x but 0 in y.");
    }

    [Test]
    public void Values_of_another_shape_are_refused()
    {
        using var net = new NeuralNet(new Input(2), new Dense(3, Symbolic.Linear)) { Regression = true };

        Assert.That(() => net.Fit(new Tensor(DType.Float32, [10, 2]), new Tensor(DType.Float32, [10, 2])),
            Throws.TypeOf<EngineException>().With.Message.EqualTo(
                "The values are float32 (10, 2) and the network gives (?, 3), ? being the number of samples."));
    }

    [Test]
    public void A_batch_of_nothing_is_refused() =>
        Assert.That(() => new BatchIterator(0), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("A batch has at least 1 sample, not 0."));

    [Test]
    public void Prediction_needs_parameters()
    {
        (Tensor points, int[] labels) = Toy.Clouds(3);
        const string Message = "The network has no parameters yet: call Fit, Initialize or SetParameters first.";

        Refused(net => net.Predict(points), Message);
        Refused(net => net.PredictProba(points), Message);
        Refused(net => net.Score(points, labels), Message);
    }

    [Test]
    public void A_network_without_an_input_is_refused()
    {
        using var net = new NeuralNet(new Dense(3));

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "A network begins with an Input layer, which says how large a sample is, but its first layer is Dense."));
    }

    [Test]
    public void A_classifier_that_ends_with_images_is_refused()
    {
        using var net = new NeuralNet(new Input(1, 4, 4), new Conv2D(2, 3) { Name = "last" });

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>().With.Message.Matches(
            @"The last layer, 'last', gives \(\?, 2, 2, 2\): a classifier .* Layer 'last'\. Built at .*BadInputTests\.cs:\d+"));
    }

    [Test]
    public void Parameters_of_another_network_are_listed_and_nothing_is_set()
    {
        using NeuralNet net = NeuralNetTests.Small(1);
        KeyValuePair<string, Tensor>[] own = [.. net.GetParameters()];
        KeyValuePair<string, Tensor>[] others =
        [
            KeyValuePair.Create("dense1.W", new Tensor(DType.Float32, [2, 100])),
            KeyValuePair.Create("dense1.b", new Tensor(DType.Float32, [16])),
            KeyValuePair.Create("dense2.W", new Tensor(DType.Int32, [16, 3])),
            KeyValuePair.Create("hidden.W", new Tensor(DType.Float32, [1])),
        ];

        Assert.That(() => net.SetParameters(others), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The parameters are of another network: dense1.W is float32 (2, 100) and not float32 (2, 16); "
            + "dense2.W is int32 (16, 3) and not float32 (16, 3); dense2.b (3) is missing; "
            + "hidden.W (1) is not one of this network."));
        Assert.That(net.GetParameters()[0].Value.AsSpan<float>().ToArray(),
            Is.EqualTo(own[0].Value.AsSpan<float>().ToArray()));
    }

    private static void Refused(Action<NeuralNet> use, string message)
    {
        using NeuralNet net = NeuralNetTests.Small(1);
        Assert.That(() => use(net), Throws.TypeOf<EngineException>().With.Message.Contains(message));
    }

    [Test]
    public void A_layer_that_is_too_large_to_be_is_named()
    {
        using var net = new NeuralNet(("input", new Input(1024)), ("vast", new Dense(2_000_000_000)));

        Assert.That(net.Initialize, Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "The parameter 'vast.W' (1024, 2000000000) would take 7629.4 GiB: one takes 2 GiB at most. Layer 'vast'."));
    }
}
