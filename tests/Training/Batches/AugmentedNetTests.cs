using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Layers;
using Engine.Ops;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Onnx;
using Engine.Training;
using Conv2D = Engine.Layers.Conv2D;
using Input = Engine.Layers.Input;
using MaxPool2D = Engine.Layers.MaxPool2D;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Training;

/// <summary>Networks with augmented batches.</summary>
public class AugmentedNetTests
{
    private static readonly Augmentation[] s_random = [new RandomCrop(4), new HorizontalFlip(), new Cutout(8)];

    [Test]
    public void Same_seed_same_bits_whatever_the_number_of_threads()
    {
        using var one = new CpuDevice(1);
        using var three = new CpuDevice(3);

        float[] first = Trained(one, 1), second = Trained(three, 1), other = Trained(three, 2),
            plain = Trained(one, 1, []);

        Assert.That(second, Is.EqualTo(first));
        Assert.That(other, Is.Not.EqualTo(first));
        Assert.That(plain, Is.Not.EqualTo(first));
    }

    [Test]
    public void A_gpu_takes_the_steps_that_the_cpu_takes()
    {
        Device gpu = CudaTestDevice.Open();
        using var cpu = new CpuDevice(1);

        Assert.That(Trained(gpu), Is.EqualTo(Trained(cpu)).Within(1e-5));

        static float[] Trained(Device device)
        {
            (Tensor images, int[] labels) = Toy.Images(40);
            using var net = new NeuralNet(new Input(1, 32, 32), new Dense(10, Symbolic.Softmax))
            {
                Device = device,
                MaxEpochs = 1,
                BatchIteratorTrain = new BatchIterator(10) { Augmentation = s_random },
            };
            return Values(net.Fit(images, labels));
        }
    }

    [Test]
    public void Batches_that_a_transform_made_on_the_host_are_augmented_alike()
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        using NeuralNet device = Net(s_random), host = Net(s_random, batch => batch);

        device.Fit(images, labels);
        host.Fit(images, labels);

        Assert.That(Values(host), Is.EqualTo(Values(device)));
    }

    [Test]
    public void It_makes_no_difference_whether_batches_run_one_by_one()
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        using NeuralNet many = Net(s_random), single = Net(s_random);
        single.Callbacks.Add(new LambdaCallback { BatchFinished = (_, _) => { } });

        many.Fit(images, labels);
        single.Fit(images, labels);

        Assert.That(Values(single), Is.EqualTo(Values(many)));
    }

    [Test]
    public void Prediction_and_validation_see_the_samples_as_they_are()
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        using NeuralNet plain = Net([], rate: 0), augmented = Net(s_random, rate: 0);

        plain.Fit(images, labels);
        augmented.Fit(images, labels);

        Assert.That(augmented.TrainHistory[0].ValidLoss, Is.EqualTo(plain.TrainHistory[0].ValidLoss));
        Assert.That(augmented.TrainHistory[0].TrainLoss, Is.Not.EqualTo(plain.TrainHistory[0].TrainLoss));
        Assert.That(Probabilities(augmented, images), Is.EqualTo(Probabilities(plain, images)));
    }

    [Test]
    public void Normalization_is_as_if_the_samples_had_been_normalized_before([Values] bool onHost)
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        Tensor scaled = Tensor.From(
            [.. images.AsSpan<float>().ToArray().Select(pixel => (pixel - 0.25f) / 0.5f)], 80, 1, 32, 32);
        var normalize = new Normalize(0.25, 0.5);
        using NeuralNet before = Net([]), within = Net([normalize], onHost ? batch => batch : null);
        within.BatchIteratorTest = new BatchIterator(30) { Augmentation = [normalize] };

        before.Fit(scaled, labels);
        within.Fit(images, labels);

        Assert.That(Values(within), Is.EqualTo(Values(before)).Within(1e-5));
        Assert.That(within.TrainHistory[0].ValidLoss, Is.EqualTo(before.TrainHistory[0].ValidLoss).Within(1e-5));
        Assert.That(Probabilities(within, images), Is.EqualTo(Probabilities(before, scaled)).Within(1e-5));

        within.BatchIteratorTest = new BatchIterator(30);
        Assert.That(Probabilities(within, scaled), Is.EqualTo(Probabilities(before, scaled)).Within(1e-5));
    }

    [Test]
    public void An_exported_network_normalizes_too()
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        var normalize = new Normalize([0.25], [0.5]);
        using var folder = new TempFolder();
        using NeuralNet net = Net([normalize]);
        net.BatchIteratorTest = new BatchIterator(30) { Augmentation = [normalize] };
        net.Fit(images, labels);

        net.ExportOnnx(folder.File("net.onnx"));

        NdArray expected = NdArray.From(net.PredictProba(images));
        OnnxRun.AssertSame(expected, OnnxRun.Run(folder.File("net.onnx"), ("input0", images)));
    }

    [Test]
    public void What_is_random_is_refused_where_it_is_predicted()
    {
        using NeuralNet net = Net([]);

        Assert.That(
            () => net.BatchIteratorTest =
                new BatchIterator { Augmentation = [new Normalize(0, 1), new HorizontalFlip()] },
            Throws.TypeOf<EngineException>().With.Message.EqualTo(
                "HorizontalFlip is random, and BatchIteratorTest is for validation and prediction, "
                + "where the same samples give the same results: put it into BatchIteratorTrain alone."));
    }

    [Test]
    public void A_normalization_that_prediction_lacks_is_noticed()
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        using NeuralNet net = Net([new HorizontalFlip(), new Normalize(0, 2)]);

        Assert.That(() => net.Fit(images, labels), Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "BatchIteratorTrain has Normalize((0), (2)) and BatchIteratorTest nothing: "
            + "what is not random belongs to both"));
        net.BatchIteratorTest = new BatchIterator { Augmentation = [new Normalize(0, 2)] };
        Assert.That(() => net.Fit(images, labels), Throws.Nothing);
    }

    [Test]
    public void An_augmentation_of_ones_own_is_a_record_that_builds_ops()
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        using NeuralNet brighter = Net([new Brightness(0.5)], rate: 0), wrong = Net([new OneRow()]);

        brighter.Fit(images, labels);

        Assert.That(brighter.TrainHistory[0].TrainLoss, Is.Not.EqualTo(brighter.TrainHistory[1].TrainLoss));
        Assert.That(() => wrong.Fit(images, labels), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "OneRow makes float32 (?, 1, 1, 32) of float32 (?, 1, 32, 32): the network takes what it took before."));
    }

    [Test]
    public void A_list_of_pixels_is_no_image()
    {
        (Tensor images, int[] labels) = Toy.Images(20);
        using var net = new NeuralNet(new Input(1024), new Dense(10, Symbolic.Softmax))
        {
            BatchIteratorTrain = new BatchIterator { Augmentation = [new RandomCrop(4)] },
        };

        Assert.That(
            () => net.Fit(images.Reshape(20, 1024), labels), Throws.TypeOf<EngineException>().With.Message.EqualTo(
                "RandomCrop takes images in floating point, (n, channels, height, width), and the Input layer takes "
                + "float32 (?, 1024)."));
    }

    private static float[] Trained(Device device, ulong seed, Augmentation[]? augmentation = null)
    {
        (Tensor images, int[] labels) = Toy.Images(80);
        using NeuralNet net = Net(augmentation ?? s_random, seed: seed, device: device);
        return Values(net.Fit(images, labels));
    }

    private static NeuralNet Net(
        Augmentation[] augmentation,
        Func<Batch, Batch>? transform = null,
        float rate = 0.05f,
        ulong seed = 1,
        Device? device = null) =>
        new(new Input(1, 32, 32), new Conv2D(3, 3), new MaxPool2D(4), new Dense(10, Symbolic.Softmax))
        {
            Device = device,
            Seed = seed,
            MaxEpochs = 2,
            Update = new NesterovMomentum(rate),
            BatchIteratorTrain = new BatchIterator(18)
            {
                Shuffle = true,
                Augmentation = augmentation,
                Transform = transform,
            },
        };

    private static float[] Values(NeuralNet net) =>
        [.. net.GetParameters().SelectMany(pair => pair.Value.AsSpan<float>().ToArray())];

    private static float[] Probabilities(NeuralNet net, Tensor images) =>
        net.PredictProba(images).AsSpan<float>().ToArray();

    private sealed record Brightness(double Max) : Augmentation
    {
        public override bool IsRandom => true;

        public override Variable Build(Variable samples, RandomStream random) =>
            samples + (Symbolic.DimShuffle(Uniform(samples, random), 0, -1, -1, -1) * Max);
    }

    private sealed record OneRow : Augmentation
    {
        public override bool IsRandom => true;

        public override Variable Build(Variable samples, RandomStream random) =>
            Symbolic.Max(samples, [2], keepDims: true);
    }
}
