using Engine.Compile;
using Engine.Data;
using Engine.Graph;
using Engine.Ops;
using Engine.Training;
using static Engine.Layers.Initial;
using static Engine.Ops.Symbolic;
using static Engine.Training.Updates;
using Conv2D = Engine.Layers.Conv2D;
using Dense = Engine.Layers.Dense;
using Input = Engine.Layers.Input;
using MaxPool2D = Engine.Layers.MaxPool2D;

namespace Engine.Tests.Docs;

/// <summary>The programs that docs/tutorial.md quotes, with a few drawn images instead of CIFAR-10.</summary>
public sealed class TutorialTests
{
    private static Cifar10Set Few => SyntheticImages.Draw(train: 600, test: 100);

    [Test]
    public void Exp_of_many_numbers_a_thousand_times()
    {
        var random = new Random(22);
        float[] numbers = [.. Enumerable.Range(0, 10 * 30 * 768).Select(_ => random.NextSingle())];

        using SharedVariable x = Shared(Tensor.From(numbers), "x");
        using Function f = Function.Compile([], [Exp(x)]);
        f.RunMany(1000);
        float[] result = f.Call()[0].AsSpan<float>().ToArray();
        Console.WriteLine(Printer.Toposort(f.Nodes));
        Console.WriteLine(f.Device.IsGpu ? "Used the gpu" : "Used the cpu");

        Assert.That(result[^1], Is.EqualTo(Math.Exp(numbers[^1])).Within(1e-5));
        Assert.That(Printer.Toposort(f.Nodes), Is.EqualTo("[exp(x)]"));
    }

    [Test]
    public void The_perceptron_in_one_expression()
    {
        Cifar10Set data = Few;
        using var net = new NeuralNet(
            ("input", new Input(1024)),
            ("hidden", new Dense(100)),
            ("output", new Dense(10, Softmax)))
        {
            Update = new NesterovMomentum(learningRate: 0.01f, momentum: 0.9f),
            MaxEpochs = 50,
            Seed = 42,
            Verbose = 1,
        };
        net.Output = TextWriter.Null;
        net.MaxEpochs = 3;

        net.Fit(data.Train.Grayscale(flat: true), data.Train.Labels);
        float accuracy = net.Score(data.Test.Grayscale(flat: true), data.Test.Labels);

        Assert.That(net.LearnableParameters, Is.EqualTo(103_510));
        Assert.That(net.TrainHistory.Select(epoch => epoch.TrainLoss), Is.Ordered.Descending);
        Assert.That(accuracy, Is.InRange(0, 1));
    }

    [Test]
    public void The_convolutional_network_in_one_expression()
    {
        using var net = new NeuralNet(
            new Input(1, 32, 32),
            new Conv2D(16, 3), new MaxPool2D(2),
            new Conv2D(32, 2), new MaxPool2D(2),
            new Conv2D(64, 2), new MaxPool2D(2),
            new Dense(200), new Dense(10, Softmax))
        {
            Update = new NesterovMomentum(learningRate: 0.015f, momentum: 0.9f),
            MaxEpochs = 5,
        };
        net.Initialize();

        Assert.That(net.LearnableParameters, Is.EqualTo(127_906));
    }

    [Test]
    public void The_perceptron_as_a_graph()
    {
        Cifar10Set data = Few;
        using SharedVariable images = Shared(data.Train.Grayscale(flat: true), "images");
        using SharedVariable labels = Shared(data.Train.Labels, "labels");

        var x = Matrix("x");
        var y = IntVector("y");
        var w1 = Shared(GlorotUniform(1024, 100), "w1", seed: 1);
        var b1 = Shared(Zeros(100), "b1");
        var w2 = Shared(GlorotUniform(100, 10), "w2", seed: 2);
        var b2 = Shared(Zeros(10), "b2");

        var hidden = Rectify(Dot(x, w1) + b1);
        var output = Softmax(Dot(hidden, w2) + b2);
        var loss = Mean(CategoricalCrossEntropy(output, y));

        var start = IntScalar("start");
        var rows = Constant(Tensor.Scalar(128));
        using var train = Function.Compile(
            [start],
            [loss],
            updates: NesterovMomentum(loss, [w1, b1, w2, b2], learningRate: 0.01f, momentum: 0.9f),
            givens: [new Given(x, TakeRows(images, start, rows)), new Given(y, TakeRows(labels, start, rows))]);
        using var classify = Function.Compile([x], [ArgMax(output, axis: 1)]);

        var losses = new List<double>();
        for (int epoch = 1; epoch <= 5; epoch++)
        {
            int batches = data.Train.Count / 128;
            double sum = 0;
            for (int batch = 0; batch < batches; batch++)
            {
                sum += train.Call(Tensor.Scalar(128 * batch))[0].AsSpan<float>()[0];
            }

            losses.Add(sum / batches);
        }

        int[] guesses = classify.Call(data.Test.Grayscale(flat: true))[0].AsSpan<int>().ToArray();
        int[] labeled = data.Test.Labels.AsSpan<int>().ToArray();
        double accuracy = guesses.Zip(labeled, (guess, label) => guess == label ? 1.0 : 0).Average();

        Assert.That(losses, Is.Ordered.Descending);
        Assert.That(guesses, Has.Length.EqualTo(100).And.All.InRange(0, 9));
        Assert.That(accuracy, Is.InRange(0, 1));
    }

    [Test]
    public void The_perceptron_with_a_kernel_of_ones_own_learns_the_same_bits()
    {
        Cifar10Set data = Few;
        var ramp = new CudaKernelOp(
            "ramp",
            """
            extern "C" __global__ void ramp(const float* x, float* y, int count)
            {
                int i = blockIdx.x * blockDim.x + threadIdx.x;
                if (i < count) {
                    y[i] = x[i] > 0 ? x[i] : 0;
                }
            }
            """,
            reference: (x, y) =>
            {
                for (int i = 0; i < y[0].Data.Length; i++)
                {
                    y[0].Data[i] = Math.Max(x[0].Data[i], 0);
                }
            })
        {
            Gradient = (x, y, g) => [g[0]! * Cast(Greater(x[0], 0), DType.Float32)],
        };

        using NeuralNet own = Net(x => ramp.Call(x)), built = Net(Rectify);
        own.Fit(data.Train.Grayscale(flat: true), data.Train.Labels);
        built.Fit(data.Train.Grayscale(flat: true), data.Train.Labels);

        Assert.That(own.TrainHistory[^1].TrainLoss, Is.EqualTo(built.TrainHistory[^1].TrainLoss));

        static NeuralNet Net(Func<Variable, Variable> nonlinearity) => new(
            ("input", new Input(1024)), ("hidden", new Dense(100, nonlinearity)), ("output", new Dense(10, Softmax)))
        { MaxEpochs = 2 };
    }
}
