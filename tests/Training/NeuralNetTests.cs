using Engine.Data;
using Engine.Devices.Cpu;
using Engine.Inspection;
using Engine.Layers;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

public class NeuralNetTests
{
    [Test]
    public void A_perceptron_learns_to_tell_clouds_of_points_apart()
    {
        (Tensor points, int[] labels) = Toy.Clouds(600);
        (Tensor others, int[] otherLabels) = Toy.Clouds(300, seed: 2);
        using NeuralNet net = Small(epochs: 40);

        net.Fit(points, labels);

        Assert.That(net.TrainHistory, Has.Count.EqualTo(40));
        Assert.That(net.TrainHistory[^1].TrainLoss, Is.LessThan(0.1));
        Assert.That(net.TrainHistory[^1].ValidAccuracy, Is.GreaterThan(0.95));
        Assert.That(net.Score(others, otherLabels), Is.GreaterThan(0.95));
        Assert.That(net.Predict(others).AsSpan<int>()[..3].ToArray(), Is.EqualTo(new[] { 0, 1, 2 }));
    }

    [Test]
    public void A_convolutional_network_with_everything_in_it_learns()
    {
        (Tensor images, int[] labels) = Toy.Images(300);
        using var net = new NeuralNet(
            new Input(1, 32, 32),
            new Conv2D(4, 3, Symbolic.Linear) { B = null, W = new HeNormal(), Pad = "same" }, new BatchNorm(),
            new Activation(Symbolic.Rectify), new MaxPool2D(2), new AveragePool2D(2), new Flatten(), new Dropout(0.2),
            new Dense(10, Symbolic.Softmax))
        { Update = new Adam(0.01f), MaxEpochs = 8, BatchIteratorTrain = new BatchIterator(20) { Shuffle = true } };

        net.Fit(images, labels);

        Assert.That(net.TrainHistory[^1].ValidAccuracy, Is.GreaterThan(0.9));
    }

    [Test]
    public void Regression_learns_values()
    {
        var random = new Random(1);
        float[] x = [.. Enumerable.Range(0, 400).Select(_ => (float)((random.NextDouble() * 2) - 1))];
        float[] y = [.. x.Chunk(2).Select(point => (2 * point[0]) - point[1])];
        using var net = new NeuralNet(new Input(2), new Dense(1, Symbolic.Linear))
        {
            Regression = true,
            MaxEpochs = 50,
            Update = new Sgd(0.1f),
            BatchIteratorTrain = new BatchIterator(20),
        };

        net.Fit(Tensor.From(x, 200, 2), Tensor.From(y));

        Assert.That(net.TrainHistory[^1].TrainLoss, Is.LessThan(1e-3));
        Assert.That(net.TrainHistory[^1].ValidAccuracy, Is.NaN);
        Assert.That(net.Score(Tensor.From(x, 200, 2), Tensor.From(y)), Is.GreaterThan(0.999f));
        Assert.That(net.Predict(Tensor.From(x, 200, 2)).Shape, Is.EqualTo(Shape.Create(200, 1)));
    }

    [Test]
    public void Two_epochs_are_those_that_plain_arithmetic_takes()
    {
        // Softmax regression on 7 + 2 points with batches of 3, 3 and 1, in float64.
        (Tensor points, int[] labels) = Toy.Clouds(9);
        using var net = new NeuralNet(("input", new Input(2)), ("output", new Dense(3, Symbolic.Softmax)))
        {
            FloatX = DType.Float64,
            MaxEpochs = 2,
            TrainSplit = new TrainSplit(Stratify: false),
            BatchIteratorTrain = new BatchIterator(3),
            BatchIteratorTest = new BatchIterator(2),
            Update = new NesterovMomentum(0.5f, 0.9f),
        };
        net.Initialize();
        var plain = new SoftmaxRegression(net.GetParameters()[0].Value.AsSpan<double>().ToArray());
        double[] x = points.Cast(DType.Float64).AsSpan<double>().ToArray();

        net.Fit(points, labels);

        foreach (EpochRecord record in net.TrainHistory)
        {
            double sum = 0;
            foreach ((int start, int count) in new[] { (2, 3), (5, 3), (8, 1) })
            {
                sum += count * plain.Train(x, labels, start, count, 0.5, 0.9f);
            }

            Assert.That(record.TrainLoss, Is.EqualTo(sum / 7).Within(1e-12));
            Assert.That(record.ValidLoss, Is.EqualTo(plain.Loss(x, labels, 0, 2)).Within(1e-12));
            Assert.That(record.ValidAccuracy, Is.EqualTo(plain.Accuracy(x, labels, 0, 2)));
        }

        Assert.That(net.GetParameters()[0].Value.AsSpan<double>().ToArray(), Is.EqualTo(plain.W).Within(1e-12));
        Assert.That(net.GetParameters()[1].Value.AsSpan<double>().ToArray(), Is.EqualTo(plain.B).Within(1e-12));
    }

    [Test]
    public void Fifty_thousand_samples_train_in_313_batches_the_last_of_64()
    {
        var batches = new List<BatchRecord>();
        using var net = new NeuralNet(new Input(1), new Dense(10, Symbolic.Softmax))
        {
            MaxEpochs = 1,
            Callbacks = [new LambdaCallback { BatchFinished = (_, batch) => batches.Add(batch) }],
        };

        net.Fit(new Tensor(DType.Float32, [50_000, 1]), [.. Enumerable.Range(0, 50_000).Select(i => i % 10)]);

        Assert.That(batches, Has.Count.EqualTo(313));
        Assert.That(batches.Take(312).Select(batch => batch.Rows), Is.All.EqualTo(128));
        Assert.That(batches[^1], Is.EqualTo(batches[^1] with { Epoch = 1, Index = 312, Count = 313, Rows = 64 }));
        Assert.That(net.TrainHistory[0].TrainLoss,
            Is.EqualTo(batches.Sum(batch => batch.Loss * batch.Rows) / 40_000).Within(1e-6));
    }

    [Test]
    public void Same_seed_same_bits_whatever_the_number_of_threads()
    {
        using var one = new CpuDevice(1);
        using var two = new CpuDevice(2);

        string first = Run(one, 1), second = Run(two, 1), other = Run(two, 2);

        Assert.That(second, Is.EqualTo(first));
        Assert.That(other, Is.Not.EqualTo(first));

        static string Run(CpuDevice device, ulong seed)
        {
            (Tensor images, int[] labels) = Toy.Images(150);
            using var net = new NeuralNet(
                new Input(1, 32, 32), new Conv2D(4, 3), new MaxPool2D(2), new Dropout(), new Dense(20), new BatchNorm(),
                new Dense(10, Symbolic.Softmax))
            {
                Device = device,
                Seed = seed,
                MaxEpochs = 2,
                BatchIteratorTrain = new BatchIterator(50) { Shuffle = true },
            };
            net.Fit(images, labels);
            return Bits(net);
        }
    }

    [Test]
    public void Fitting_again_goes_on_as_if_uninterrupted()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        var shuffled = new BatchIterator(16) { Shuffle = true };
        using NeuralNet atOnce = Small(epochs: 4), inTwo = Small(epochs: 2);
        atOnce.BatchIteratorTrain = inTwo.BatchIteratorTrain = shuffled;

        atOnce.Fit(points, labels);
        inTwo.Fit(points, labels).PartialFit(points, labels).PartialFit(points, labels);

        Assert.That(inTwo.TrainHistory.Select(record => record.Epoch), Is.EqualTo(new[] { 1, 2, 3, 4 }));
        Assert.That(Bits(inTwo), Is.EqualTo(Bits(atOnce)));
    }

    [Test]
    public void The_host_path_takes_the_same_steps_as_the_device_path([Values] bool shuffle)
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        using NeuralNet device = Small(epochs: 2), host = Small(epochs: 2);
        device.BatchIteratorTrain = new BatchIterator(16) { Shuffle = shuffle };
        host.BatchIteratorTrain = new BatchIterator(16) { Shuffle = shuffle, Transform = batch => batch };
        host.BatchIteratorTest = new BatchIterator(7) { Transform = batch => batch };

        device.Fit(points, labels);
        host.Fit(points, labels);

        Assert.That(Weights(host), Is.EqualTo(Weights(device)));
        Assert.That(host.TrainHistory[1].ValidLoss, Is.EqualTo(device.TrainHistory[1].ValidLoss).Within(1e-6));
        Assert.That(host.TrainHistory[1].ValidAccuracy, Is.EqualTo(device.TrainHistory[1].ValidAccuracy));
    }

    [Test]
    public void A_transform_sees_every_batch_and_changes_what_is_learnt()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        var sizes = new List<int>();
        var draws = new List<int>();
        using NeuralNet net = Small(epochs: 1);
        net.BatchIteratorTrain = new BatchIterator(30)
        {
            Transform = batch =>
            {
                sizes.Add(batch.X.Shape[0]);
                draws.Add(batch.Random.Next());
                return batch with { X = new Tensor(DType.Float32, batch.X.Shape) };
            },
        };

        net.Fit(points, labels);

        Assert.That(sizes, Is.EqualTo(new[] { 30, 30, 19 }));
        Assert.That(draws, Is.Unique);
        Assert.That(net.TrainHistory[0].TrainLoss, Is.EqualTo(Math.Log(3)).Within(0.05));
    }

    [Test]
    public void A_transform_in_prediction_gives_a_row_a_sample()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        using NeuralNet net = Small(epochs: 1);
        net.Fit(points, labels);
        float[] plain = net.PredictProba(points).AsSpan<float>().ToArray();

        net.BatchIteratorTest = new BatchIterator(30) { Transform = batch => batch with { X = Doubled(batch.X) } };
        Assert.That(net.PredictProba(points).AsSpan<float>().ToArray(), Is.Not.EqualTo(plain));
        net.BatchIteratorTest = new BatchIterator(30) { Transform = batch => batch with { X = batch.X.Rows(0, 5) } };
        Assert.That(() => net.Predict(points), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The transform of BatchIteratorTest made float32 (5, 2) of float32 (30, 2): "
            + "prediction needs one row a sample."));

        static Tensor Doubled(Tensor x) =>
            Tensor.From([.. x.AsSpan<float>().ToArray().Select(value => value * 2)], x.Shape[0], x.Shape[1]);
    }

    [Test]
    public void Shuffling_changes_the_order_but_not_the_callers_samples()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        float[] before = points.AsSpan<float>().ToArray();
        using NeuralNet plain = Small(epochs: 1), shuffled = Small(epochs: 1);
        shuffled.BatchIteratorTrain = new BatchIterator(16) { Shuffle = true };
        plain.BatchIteratorTrain = new BatchIterator(16);

        plain.Fit(points, labels);
        shuffled.Fit(points, labels);

        Assert.That(Weights(shuffled), Is.Not.EqualTo(Weights(plain)));
        Assert.That(points.AsSpan<float>().ToArray(), Is.EqualTo(before));
    }

    [Test]
    public void Canceling_ends_the_training_and_keeps_the_network()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        using var source = new CancellationTokenSource();
        using NeuralNet net = Small(epochs: 1000);
        net.Callbacks.Add(new LambdaCallback
        {
            EpochFinished = (_, record) =>
            {
                if (record.Epoch == 3)
                {
                    source.Cancel();
                }
            },
        });

        net.Fit(points, labels, source.Token);

        Assert.That(net.TrainHistory, Has.Count.EqualTo(3));
        Assert.That(net.Predict(points).Shape, Is.EqualTo(Shape.Create(100)));
        net.PartialFit(points, labels);
        Assert.That(net.TrainHistory[^1].Epoch, Is.EqualTo(4));
    }

    [Test]
    public void Callbacks_are_told_in_order_and_may_end_the_training()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        var told = new List<string>();
        using NeuralNet net = Small(epochs: 10);
        net.BatchIteratorTrain = new BatchIterator(40);
        net.Callbacks.Add(new LambdaCallback
        {
            TrainingStarted = _ => told.Add("start"),
            EpochStarted = (_, epoch) => told.Add($"epoch {epoch}"),
            BatchFinished = (_, batch) => told.Add($"batch {batch.Index + 1}/{batch.Count} of {batch.Rows}"),
            EpochFinished = (owner, record) =>
            {
                told.Add($"done {record.Epoch}");
                owner.StopTraining();
            },
            TrainingFinished = _ => told.Add("end"),
        });

        net.Fit(points, labels);

        Assert.That(told, Is.EqualTo(new[]
        {
            "start", "epoch 1", "batch 1/2 of 40", "batch 2/2 of 8", "done 1", "end",
        }));
    }

    [Test]
    public void Best_losses_are_strictly_lower_than_all_before()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet net = Small(epochs: 2);
        net.Fit(points, labels);
        net.LearningRate = 0;
        net.UpdateSettings["momentum"].SetScalar(0f);
        net.Fit(points, labels).Fit(points, labels);

        EpochRecord[] last = [.. net.TrainHistory.TakeLast(2)];
        Assert.That(net.TrainHistory[0].TrainLossBest && net.TrainHistory[0].ValidLossBest);
        Assert.That(net.LearningRate, Is.Zero);
        Assert.That(net.TrainHistory, Has.All.Matches<EpochRecord>(record =>
            record!.TrainLossBest == Before(record).All(before => record.TrainLoss < before.TrainLoss)
            && record.ValidLossBest == Before(record).All(before => record.ValidLoss < before.ValidLoss)));
        Assert.That(last.Any(record => record.ValidLossBest), Is.False);

        IEnumerable<EpochRecord> Before(EpochRecord record) => net.TrainHistory.Take(record.Epoch - 1);
    }

    /// <summary>
    /// Scores that are not means over samples are those of all validation samples, whatever the batches.
    /// </summary>
    [Test]
    public void Custom_scores_are_those_of_all_validation_samples_together(
        [Values(3, 7, 128)] int batch, [Values] bool isStreamed)
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        // The first of each class validate; in an order by class each small batch has one class.
        int[] order = [.. Enumerable.Range(0, 60).OrderBy(i => labels[i])];
        (points, labels) = (points.Rows(order), [.. order.Select(i => labels[i])]);
        using NeuralNet net = Small(epochs: 2);
        net.BatchIteratorTest = new BatchIterator(batch);
        net.CustomScores.Add(new CustomScore("auc", (truth, output) => Metrics.RocAuc(truth.AsSpan<int>(), output)));
        net.CustomScores.Add(new CustomScore("f1", (truth, output) => Metrics.F1(truth.AsSpan<int>(), output)));
        (int[] train, int[] validation) = net.TrainSplit.Split(60, labels);
        Tensor y = Tensor.From(labels);

        if (isStreamed)
        {
            net.Fit(new Rows(points.Rows(train), y.Rows(train)), new Rows(points.Rows(validation), y.Rows(validation)));
        }
        else
        {
            net.Fit(points, labels);
        }

        Tensor output = net.PredictProba(points.Rows(validation));
        int[] truth = [.. validation.Select(i => labels[i])];
        Assert.That(net.TrainHistory[^1].Scores["auc"],
            Is.EqualTo(Metrics.RocAuc(truth, output)).Within(1e-12).And.GreaterThan(0.5));
        Assert.That(net.TrainHistory[^1].Scores["f1"], Is.EqualTo(Metrics.F1(truth, output)).Within(1e-12));
    }

    private sealed class Rows(Tensor x, Tensor y) : IndexedSource
    {
        public override int Count => x.Shape[0];

        public override SampleBatch Read(int[] rows) => new(x.Rows(rows), y.Rows(rows));
    }

    [Test]
    public void Custom_scores_get_the_labels_and_the_outputs_of_the_same_samples()
    {
        (Tensor points, int[] labels) = Toy.Clouds(100);
        using NeuralNet net = Small(epochs: 1);
        net.BatchIteratorTest = new BatchIterator(8);
        net.CustomScores.Add(new CustomScore("hits", (truth, output) =>
        {
            int hits = 0;
            for (int i = 0; i < truth.Shape[0]; i++)
            {
                ReadOnlySpan<float> row = output.AsSpan<float>().Slice(i * 3, 3);
                hits += row[truth.AsSpan<int>()[i]] == float.Max(row[0], float.Max(row[1], row[2])) ? 1 : 0;
            }

            return (double)hits / truth.Shape[0];
        }));

        net.Fit(points, labels);

        Assert.That(net.TrainHistory[0].Scores["hits"], Is.EqualTo(net.TrainHistory[0].ValidAccuracy).Within(1e-12));
    }

    [Test]
    public void Without_validation_its_figures_are_nan()
    {
        (Tensor points, int[] labels) = Toy.Clouds(30);
        using NeuralNet net = Small(epochs: 1);
        net.TrainSplit = new TrainSplit(0);

        net.Fit(points, labels);

        Assert.That(net.TrainHistory[0].ValidLoss, Is.NaN);
        Assert.That(net.TrainHistory[0].ValidAccuracy, Is.NaN);
        Assert.That(net.TrainHistory[0].ValidLossBest, Is.False);
    }

    [Test]
    public void Parameters_go_out_and_come_in()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet trained = Small(epochs: 2), fresh = Small(epochs: 2);
        trained.Fit(points, labels);

        fresh.SetParameters(trained.GetParameters());

        Assert.That(trained.GetParameters().Select(pair => pair.Key),
            Is.EqualTo(new[] { "dense1.W", "dense1.b", "dense2.W", "dense2.b" }));
        Assert.That(fresh.PredictProba(points).AsSpan<float>().ToArray(),
            Is.EqualTo(trained.PredictProba(points).AsSpan<float>().ToArray()));
    }

    [Test]
    public void A_layers_output_can_be_looked_at()
    {
        (Tensor points, int[] labels) = Toy.Clouds(200);
        using NeuralNet net = Small(epochs: 1);
        net.Fit(points, labels);

        Assert.That(net.GetOutput("dense1", points).Shape, Is.EqualTo(Shape.Create(200, 16)));
        Assert.That(net.GetOutput("dense2", points).AsSpan<float>().ToArray(),
            Is.EqualTo(net.PredictProba(points).AsSpan<float>().ToArray()));
        Assert.That(() => net.GetOutput("dense9", points), Throws.TypeOf<EngineException>()
            .With.Message.EqualTo("There is no layer 'dense9' but 'input0', 'dense1', 'dense2'."));
    }

    internal static NeuralNet Small(int epochs) => new(new Input(2), new Dense(16), new Dense(3, Symbolic.Softmax))
    {
        MaxEpochs = epochs,
        Update = new NesterovMomentum(0.1f, 0.9f),
        BatchIteratorTrain = new BatchIterator(32),
    };

    private static string Bits(NeuralNet net) => string.Join(' ', net.TrainHistory
        .Select(record => $"{record.TrainLoss:R} {record.ValidLoss:R} {record.ValidAccuracy:R}"))
        + string.Join(' ', Weights(net).Select(weight => BitConverter.SingleToInt32Bits(weight)));

    private static float[] Weights(NeuralNet net) =>
        [.. net.GetParameters().SelectMany(pair => pair.Value.AsSpan<float>().ToArray())];
}
