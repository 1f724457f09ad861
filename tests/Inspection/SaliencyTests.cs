using Engine.Devices.Cpu;
using Engine.Inspection;
using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Inspection;

public class SaliencyTests
{
    private static readonly CpuDevice s_cpu = new(1);

    [Test]
    public void It_is_the_gradient_of_what_the_softmax_is_taken_of()
    {
        using NeuralNet net = Net(Symbolic.Softmax), scores = Net(Symbolic.Linear);
        scores.SetParameters(net.GetParameters());
        Tensor x = Noise([3, 2, 6, 5]);
        int[] classes = [2, 0, 1];

        Tensor gradients = Saliency.Of(net, x, classes);

        Assert.That(gradients.Shape, Is.EqualTo(x.Shape));
        const double Step = 1e-6;
        int image = 2 * 6 * 5;
        for (int i = 0; i < x.Shape.Count; i += 7)
        {
            double slope = (Score(i, Step) - Score(i, -Step)) / (2 * Step);
            Assert.That(gradients.AsSpan<double>()[i], Is.EqualTo(slope).Within(1e-6), $"element {i}");
        }

        Assert.That(gradients.AsSpan<double>().ToArray().Count(g => Math.Abs(g) > 1e-3), Is.GreaterThan(30));

        double Score(int element, double by)
        {
            Tensor moved = x.Rows(0, 3);
            moved.AsSpan<double>()[element] += by;
            return NdArray.From(scores.PredictProba(moved))[element / image, classes[element / image]];
        }
    }

    [Test]
    public void Pixels_of_another_type_have_the_gradient_of_the_numbers_they_stand_for()
    {
        using var net = new NeuralNet(new Input(1, 2, 2) { DType = DType.UInt8 }, new Dense(2, Symbolic.Softmax))
        {
            Device = s_cpu,
        };
        net.Initialize();
        NdArray w = NdArray.From(net.GetParameters()[0].Value);

        Tensor gradients = Saliency.Of(net, Tensor.From(new byte[] { 1, 2, 3, 4 }, 1, 1, 2, 2), 1);

        Assert.That(gradients.AsSpan<float>().ToArray(), Is.EqualTo(
            Enumerable.Range(0, 4).Select(i => (float)w[i, 1])).Within(1e-6f));
    }

    [Test]
    public void A_map_has_the_largest_slope_of_each_pixels_channels()
    {
        Tensor maps = Saliency.Maps(Tensor.From(new float[] { 1, -4, 0, 2, -3, 1, 0, -5 }, 2, 2, 1, 2));

        Assert.That(maps.Shape, Is.EqualTo(Shape.Create(2, 1, 2)));
        Assert.That(maps.AsSpan<float>().ToArray(), Is.EqualTo(new float[] { 1, 4, 3, 5 }));
        Assert.That(() => Saliency.Maps(Tensor.From(new float[4], 2, 2)), Throws.InstanceOf<EngineException>()
            .With.Message.StartsWith("Gradients of images are (images, channels, height, width), not "));
    }

    [Test]
    public void Classes_that_are_none_are_said()
    {
        using NeuralNet net = Net(Symbolic.Softmax);
        Tensor x = Noise([2, 2, 6, 5]);

        Assert.That(() => Saliency.Of(net, x, 1), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("There are 2 samples but 1 classes."));
        Assert.That(() => Saliency.Of(net, x, 1, 3), Throws.InstanceOf<EngineException>()
            .With.Message.EqualTo("The class of sample 1 is 3, but the network has 3 outputs, from 0 to 2."));
    }

    private static NeuralNet Net(Func<Engine.Graph.Variable, Engine.Graph.Variable> nonlinearity) => new(
        ("input", new Input(2, 6, 5)), ("conv", new Conv2D(3, 2, Symbolic.Tanh)), ("pool", new AveragePool2D(2)),
        ("drop", new Dropout(0.5)), ("output", new Dense(3, nonlinearity)))
    {
        FloatX = DType.Float64,
        Device = s_cpu,
        BatchIteratorTest = new BatchIterator(2),
    };

    private static Tensor Noise(Shape shape)
    {
        var random = new Random(5);
        var tensor = new Tensor(DType.Float64, shape);
        foreach (ref double value in tensor.AsSpan<double>())
        {
            value = random.NextDouble() - 0.5;
        }

        return tensor;
    }
}
