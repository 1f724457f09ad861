using Engine.Devices;
using Engine.Devices.Cpu;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Samples with different weights.</summary>
public class WeightTests
{
    private static readonly int[] s_copies = [1, 2, 0, 3, 1, 1, 0, 2, 5];

    [Test]
    public void A_weight_of_2_is_a_sample_that_is_there_twice([Values] bool onHost, [Values] bool regression)
    {
        (Tensor points, Tensor targets) = Data(regression);
        int[] copied = [.. Enumerable.Range(0, 9).SelectMany(i => Enumerable.Repeat(i, s_copies[i]))];
        using NeuralNet weighted = Net(regression, onHost: onHost), duplicated = Net(regression);

        weighted.Fit(points, targets, Tensor.From(s_copies));
        duplicated.Fit(points.Rows(copied), targets.Rows(copied));

        Assert.That(Values(weighted), Is.EqualTo(Values(duplicated)).Within(1e-12));
        Assert.That(Losses(weighted), Is.EqualTo(Losses(duplicated)).Within(1e-12));
    }

    [Test]
    public void All_weights_times_a_number_are_the_same_weights()
    {
        (Tensor points, Tensor targets) = Data();
        using NeuralNet small = Net(), large = Net();

        small.Fit(points, targets, Tensor.From([.. s_copies.Select(copies => copies * 0.125)]));
        large.Fit(points, targets, Tensor.From([.. s_copies.Select(copies => copies * 512.0)]));

        Assert.That(Values(large), Is.EqualTo(Values(small)).Within(1e-12));
    }

    [Test]
    public void A_class_weight_is_the_weight_of_each_sample_of_the_class_times_its_own()
    {
        (Tensor points, Tensor labels) = Data();
        double[] classes = [0.5, 2, 3];
        double[] own = [.. s_copies.Select(copies => copies + 0.25)];
        using NeuralNet byClass = Net(), both = Net(), bySample = Net(), product = Net();
        byClass.ClassWeights = both.ClassWeights = classes;

        byClass.Fit(points, labels);
        both.Fit(points, labels, Tensor.From(own));
        bySample.Fit(points, labels, Tensor.From([.. labels.AsSpan<int>().ToArray().Select(label => classes[label])]));
        product.Fit(points, labels, Tensor.From(
            [.. labels.AsSpan<int>().ToArray().Select((label, i) => classes[label] * own[i])]));

        Assert.That(Values(byClass), Is.EqualTo(Values(bySample)));
        Assert.That(Values(both), Is.EqualTo(Values(product)));
        Assert.That(Values(both), Is.Not.EqualTo(Values(byClass)));
    }

    [Test]
    public void The_epochs_loss_is_the_weighted_mean_over_all_its_batches([Values] bool onHost)
    {
        (Tensor points, Tensor labels) = Data();
        using NeuralNet net = Net(batch: 4, onHost: onHost, rate: 0);
        double[] weights = [.. s_copies.Select(copies => copies * 0.5)];

        net.Fit(points, labels, Tensor.From(weights));

        double[] output = net.PredictProba(points).AsSpan<double>().ToArray();
        double sum = Enumerable.Range(0, 9).Sum(i => -weights[i] * Math.Log(output[(3 * i) + labels.AsSpan<int>()[i]]));
        Assert.That(net.TrainHistory[0].TrainLoss, Is.EqualTo(sum / weights.Sum()).Within(1e-12));
    }

    [Test]
    public void A_step_goes_down_the_slope_of_the_weighted_loss()
    {
        (Tensor points, Tensor labels) = Data();
        Tensor weights = Tensor.From([.. s_copies.Select(copies => copies * 0.3)]);
        using NeuralNet net = Net(epochs: 1, rate: 1, momentum: 0);
        double[] before = Values(net);

        net.Fit(points, labels, weights);

        double[] after = Values(net);
        for (int i = 0; i < before.Length; i++)
        {
            const double Step = 1e-5;
            double slope = (Loss(i, Step) - Loss(i, -Step)) / (2 * Step);
            Assert.That(before[i] - after[i], Is.EqualTo(slope).Within(1e-8));
        }

        double Loss(int element, double step)
        {
            using NeuralNet still = Net(epochs: 1, rate: 0);
            KeyValuePair<string, Tensor>[] parameters = [.. still.GetParameters()];
            int tensor = 0;
            for (; element >= parameters[tensor].Value.Shape.Count; tensor++)
            {
                element -= (int)parameters[tensor].Value.Shape.Count;
            }

            parameters[tensor].Value.AsSpan<double>()[element] += step;
            still.SetParameters(parameters);
            still.Fit(points, labels, weights);
            return still.TrainHistory[0].TrainLoss;
        }
    }

    [Test]
    public void Fitting_with_weights_goes_on_with_the_velocities_of_fitting_without()
    {
        (Tensor points, Tensor labels) = Data();
        Tensor ones = Tensor.From([.. Enumerable.Repeat(1f, 9)]);
        using NeuralNet plain = Net(epochs: 3), byTurns = Net(epochs: 1);

        plain.Fit(points, labels);
        byTurns.Fit(points, labels).Fit(points, labels, ones).PartialFit(points, labels);

        Assert.That(Values(byTurns), Is.EqualTo(Values(plain)).Within(1e-13));
    }

    [Test]
    public void Fitting_again_takes_the_new_weights([Values] bool otherSamples)
    {
        (Tensor points, Tensor labels) = Data();
        Tensor first = Tensor.From(s_copies), second = Tensor.From([.. s_copies.Reverse()]);
        using NeuralNet device = Net(), host = Net(onHost: true);
        device.TrainSplit = host.TrainSplit = new TrainSplit();
        Tensor again = otherSamples ? points.Rows([.. Enumerable.Range(0, 9)]) : points;

        device.Fit(points, labels, first).Fit(again, labels, second).Fit(again, labels, first);
        host.Fit(points, labels, first).Fit(again, labels, second).Fit(again, labels, first);

        Assert.That(Values(device), Is.EqualTo(Values(host)).Within(1e-13));
    }

    [Test]
    public void A_batch_of_weight_0_changes_nothing()
    {
        (Tensor points, Tensor labels) = Data();
        Tensor onlyTheFirst = Tensor.From([1f, 1, 1, 0, 0, 0, 0, 0, 0]);
        using NeuralNet all = Net(batch: 3, momentum: 0), first = Net(batch: 3, momentum: 0);

        all.Fit(points, labels, onlyTheFirst);
        first.Fit(points.Rows(0, 3), labels.Rows(0, 3));

        Assert.That(Values(all), Is.EqualTo(Values(first)).Within(1e-13));
        Assert.That(Losses(all), Is.EqualTo(Losses(first)).Within(1e-13));
    }

    [Test]
    public void Weights_follow_their_samples_when_these_are_shuffled([Values] bool onHost)
    {
        (Tensor points, Tensor labels) = Data();
        using NeuralNet net = Net(batch: 4, onHost: onHost, rate: 0, shuffle: true);

        net.Fit(points, labels, Tensor.From(s_copies));

        double[] output = net.PredictProba(points).AsSpan<double>().ToArray();
        double sum = Enumerable.Range(0, 9)
            .Sum(i => -s_copies[i] * Math.Log(output[(3 * i) + labels.AsSpan<int>()[i]]));
        Assert.That(Losses(net), Is.All.EqualTo(sum / s_copies.Sum()).Within(1e-12));
    }

    [Test]
    public void Validation_takes_no_notice_of_weights()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet plain = Net(rate: 0), weighted = Net(rate: 0);
        plain.TrainSplit = weighted.TrainSplit = new TrainSplit();

        plain.Fit(points, labels);
        weighted.Fit(points, labels, [.. labels.Select(label => label + 1f)]);

        Assert.That(weighted.TrainHistory[0].ValidLoss, Is.EqualTo(plain.TrainHistory[0].ValidLoss));
        Assert.That(weighted.TrainHistory[0].TrainLoss, Is.Not.EqualTo(plain.TrainHistory[0].TrainLoss));
    }

    [Test]
    public void A_gpu_takes_the_weighted_penalized_and_clipped_steps_that_the_cpu_takes()
    {
        Device gpu = CudaTestDevice.Open();
        using var cpu = new CpuDevice(2);

        Assert.That(Trained(gpu), Is.EqualTo(Trained(cpu)).Within(1e-5));

        static float[] Trained(Device device)
        {
            (Tensor points, int[] labels) = Toy.Clouds(30);
            using var net = new NeuralNet(new Input(2), new Dense(5), new Dense(3, Symbolic.Softmax))
            {
                Device = device,
                MaxEpochs = 2,
                L1 = 0.01,
                L2 = 0.02,
                ClassWeights = [1, 2, 3],
                Update = new NesterovMomentum(0.1f) { Clip = GradientClip.TotalNorm(0.5) },
                BatchIteratorTrain = new BatchIterator(10) { Shuffle = true },
            };
            net.Fit(points, labels, [.. labels.Select((_, i) => i % 4 * 0.5f)]);
            return [.. net.GetParameters().SelectMany(pair => pair.Value.AsSpan<float>().ToArray())];
        }
    }

    [Test]
    public void A_transform_takes_rows_of_the_weights_as_of_the_samples()
    {
        (Tensor points, Tensor labels) = Data();
        Tensor weights = Tensor.From([.. s_copies.Select(copies => copies + 1f)]);
        using NeuralNet half = Net(), transformed = Net();
        half.Fit(points.Rows(0, 5), labels.Rows(0, 5), weights.Rows(0, 5));

        transformed.BatchIteratorTrain = new BatchIterator(9)
        {
            Transform = batch => batch with
            {
                X = batch.X.Rows(0, 5),
                Y = batch.Y!.Rows(0, 5),
                Weights = batch.Weights!.Rows(0, 5),
            },
        };
        transformed.Fit(points, labels, weights);
        Assert.That(Values(transformed), Is.EqualTo(Values(half)).Within(1e-13));

        transformed.BatchIteratorTrain = new BatchIterator(9)
        {
            Transform = batch => batch with { X = batch.X.Rows(0, 5), Y = batch.Y!.Rows(0, 5) },
        };
        Assert.That(
            () => transformed.Fit(points, labels, weights), Throws.TypeOf<EngineException>().With.Message.StartsWith(
                "The transform of the batch iterator made float64 (5, 2) with the weights float64 (9): "
                + "each sample needs one."));
    }

    [Test]
    public void Wrong_weights_are_refused()
    {
        (Tensor points, Tensor labels) = Data();

        Refused(net => net.Fit(points, labels, Tensor.From([1f, 2f])),
            "There are 9 samples and the weights are float32 (2): one for each is due.");
        Refused(net => net.Fit(points, labels, Tensor.From([1f, 2, -3, 4, 5, 6, 7, 8, 9])),
            "A weight is a number from 0 on; the weight of sample 2 is -3.");
        Refused(net => net.Fit(points, labels, new Tensor(DType.Float32, [9])),
            "The weights of the 9 samples to train on are all 0: there is nothing to learn from.");
        Refused(net => net.ClassWeights = [1, 2],
            "ClassWeights has 2 weights, but the network has 3 outputs: one for each.");
        Refused(net => net.ClassWeights = [1, 2, double.NaN],
            "A weight is a number from 0 on; the weight of class 2 is NaN.");
        using NeuralNet regression = Net(regression: true);
        regression.ClassWeights = [1, 1];
        Assert.That(() => regression.Fit(points, Data(regression: true).Y), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("ClassWeights are for classifiers: in regression there are no classes."));

        void Refused(Action<NeuralNet> act, string message)
        {
            using NeuralNet net = Net();
            Assert.That(() =>
            {
                act(net);
                net.Fit(points, labels);
            }, Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
        }
    }

    [Test]
    public void An_objective_that_takes_the_mean_itself_cannot_be_weighted()
    {
        (Tensor points, Tensor labels) = Data();
        using var net = new NeuralNet(new Input(2), new Dense(3, Symbolic.Softmax))
        {
            Objective = (output, target) => Symbolic.Mean(Symbolic.CategoricalCrossEntropy(output, target)),
            MaxEpochs = 1,
        };
        net.Fit(points, labels);

        Assert.That(() => net.Fit(points, labels, Tensor.From(s_copies)), Throws.TypeOf<EngineException>()
            .With.Message.StartsWith("Weights need the loss of each sample"));
    }

    [Test]
    public void Balanced_weights_make_every_class_count_alike()
    {
        Assert.That(ClassWeights.Balanced([0, 0, 0, 1], 2), Is.EqualTo(new[] { 4.0 / 2 / 3, 4.0 / 2 / 1 }));
        Assert.That(ClassWeights.Balanced([2, 0, 2, 2], 4), Is.EqualTo(new[] { 4.0 / 2 / 1, 1, 4.0 / 2 / 3, 1 }));
        Assert.That(() => ClassWeights.Balanced([0, 3], 3), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The label of sample 1 is 3, but of 3 classes the labels go from 0 to 2."));
    }

    private static (Tensor X, Tensor Y) Data(bool regression = false)
    {
        (Tensor points, int[] labels) = Toy.Clouds(9);
        return (points, regression ? points.Cast(DType.Float64) : Tensor.From(labels));
    }

    private static NeuralNet Net(
        bool regression = false,
        int batch = 128,
        bool onHost = false,
        float rate = 0.1f,
        float momentum = 0.9f,
        int epochs = 3,
        bool shuffle = false) =>
        new(new Input(2), new Dense(4), regression ? new Dense(2, Symbolic.Linear) : new Dense(3, Symbolic.Softmax))
        {
            FloatX = DType.Float64,
            Regression = regression,
            Update = new NesterovMomentum(rate, momentum),
            MaxEpochs = epochs,
            TrainSplit = new TrainSplit(0),
            BatchIteratorTrain = new BatchIterator(batch)
            {
                Shuffle = shuffle,
                Transform = onHost ? one => one : null,
            },
        };

    private static double[] Values(NeuralNet net) =>
        [.. net.GetParameters().SelectMany(pair => pair.Value.AsSpan<double>().ToArray())];

    private static double[] Losses(NeuralNet net) => [.. net.TrainHistory.Select(record => record.TrainLoss)];
}
