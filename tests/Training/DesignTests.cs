using Engine.Compile;
using Engine.Layers;
using Engine.Training;
using static Engine.Layers.Initial;
using static Engine.Ops.Operators;
using static Engine.Ops.Symbolic;
using static Engine.Training.Updates;

namespace Engine.Tests.Training;

/// <summary>Properties of the API levels that a user sees. tests/Docs checks that the README's own lines run.</summary>
public class DesignTests
{
    [Test]
    public void A_network_is_one_expression()
    {
        (Tensor images, int[] labels) = Toy.Images(100);
        (Tensor testImages, int[] testLabels) = (images, labels);

        var net = new NeuralNet(
            new Input(1, 32, 32),
            new Conv2D(16, 3), new MaxPool2D(2), new Conv2D(32, 2), new MaxPool2D(2), new Conv2D(64, 2),
            new MaxPool2D(2),
            new Dense(200), new Dense(10, Softmax))
        { Update = new NesterovMomentum(learningRate: 0.015f, momentum: 0.9f), MaxEpochs = 5, Verbose = 0 };
        net.Fit(images, labels);
        float accuracy = net.Score(testImages, testLabels);

        Assert.That(accuracy, Is.InRange(0, 1));
        Assert.That(net.LearnableParameters, Is.EqualTo(127906));
        Assert.That(net.TrainHistory, Has.Count.EqualTo(5));
    }

    [Test]
    public void A_graph_its_gradient_and_a_compiled_function()
    {
        var x = Matrix("x"); var y = IntVector("y");
        var w = Shared(GlorotUniform(1024, 10), "w"); var b = Shared(Zeros(10), "b");
        var loss = Mean(CategoricalCrossEntropy(Softmax(Dot(x, w) + b), y));
        using var train = Function.Compile([x, y], [loss], updates: NesterovMomentum(loss, [w, b], 0.01f, 0.9f));

        (Tensor images, int[] labels) = Toy.Images(100);
        Tensor[] arguments = [images.Reshape(100, 1024), Tensor.From(labels)];
        float first = train.Call(arguments)[0].AsSpan<float>()[0];
        train.RunMany(20, arguments);
        float last = train.Call(arguments)[0].AsSpan<float>()[0];

        Assert.That(last, Is.LessThan(first));
    }
}
