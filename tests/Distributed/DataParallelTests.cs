using System.Runtime.InteropServices;
using Engine.Devices.Cpu;
using Engine.Distributed;
using Engine.Inspection;
using Engine.Layers;
using Engine.Ops;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;
using Conv2D = Engine.Layers.Conv2D;
using Flatten = Engine.Layers.Flatten;
using MaxPool2D = Engine.Layers.MaxPool2D;

namespace Engine.Tests.Distributed;

/// <summary>Several ranks train one network and get the same bits as one rank.</summary>
public class DataParallelTests
{
    private static readonly Dictionary<string, Func<DataParallel?, NeuralNet>> s_networks = new()
    {
        ["perceptron"] =
            parallel => new NeuralNet(new Input(1, 32, 32), new Flatten(), new Dense(10), new Dense(10, Softmax))
            {
                Parallel = parallel,
                Device = new CpuDevice(1),
                MaxEpochs = 2,
                Update = new NesterovMomentum(0.1f, 0.9f),
                BatchIteratorTrain = new BatchIterator(32),
            },
        ["images, dropout, shuffle, augmentation"] = parallel => new NeuralNet(
            new Input(1, 32, 32), new Conv2D(3, 3), new MaxPool2D(2), new Dropout(0.3), new Dense(8), new Dropout(0.5),
            new Dense(10, Softmax))
        {
            Parallel = parallel,
            Device = new CpuDevice(1),
            MaxEpochs = 2,
            Update = new Momentum(0.05f, 0.9f),
            BatchIteratorTrain = new BatchIterator(24)
            {
                Shuffle = true,
                Augmentation = [new RandomCrop(2), new HorizontalFlip()],
            },
        },
        ["batch normalization, Adam, clipped, penalized"] = parallel => new NeuralNet(
            new Input(1, 32, 32), new Conv2D(3, 3, Linear), new BatchNorm(), new Activation(Rectify), new Flatten(),
            new Dense(10, Softmax))
        {
            Parallel = parallel,
            Device = new CpuDevice(1),
            MaxEpochs = 2,
            L2 = 1e-3,
            Update = new Adam(0.01f) { Clip = GradientClip.TotalNorm(1) },
            BatchIteratorTrain = new BatchIterator(32),
        },
        ["float64, transformed, class weights, a schedule"] = parallel => new NeuralNet(
            new Input(1, 32, 32), new Flatten(), new Dense(10, Softmax))
        {
            Parallel = parallel,
            Device = new CpuDevice(1),
            MaxEpochs = 2,
            FloatX = DType.Float64,
            ClassWeights = [1, 2, 3, 0.5, 1, 1, 1, 0, 1, 1],
            Callbacks = [new AdjustVariable("learning_rate", Schedule.OneCycle(0.01, 0.2, 0.001, epochs: 2))],
            BatchIteratorTrain = new BatchIterator(32) { Shuffle = true, Transform = Noisy },
            CustomScores =
            [
                new CustomScore("first", (_, output) => output.AsSpan<double>()[0]),
                new CustomScore(
                    "of all", (truth, output) => Metrics.Recall(truth.AsSpan<int>(), output) + output.Shape[0]),
            ],
        },
        ["mixed precision of bfloat16"] = parallel => Mixed(parallel, Precision.MixedBFloat16),
        ["mixed precision of float16, with a loss scale"] = parallel => Mixed(parallel, Precision.MixedFloat16),
    };

    private static IEnumerable<string> Networks => s_networks.Keys;

    [Test]
    public void Any_number_of_ranks_gives_the_same_bits([ValueSource(nameof(Networks))] string network)
    {
        string[] alone = Fit(network, 1)[0];

        foreach (int ranks in (int[])[2, 3, 4, 8])
        {
            IReadOnlyList<string[]> all = Fit(network, ranks);
            Assert.That(all, Is.All.EqualTo(alone), $"{ranks} ranks");
        }
    }

    [Test]
    public void Without_random_numbers_it_is_what_one_process_computes_but_for_rounding()
    {
        EpochRecord plain = History("perceptron", null)[^1];

        EpochRecord shared = ThreadCommunicator.Run(4, ranks => History("perceptron", new DataParallel(ranks)))[3][^1];

        Assert.That(shared.TrainLoss, Is.EqualTo(plain.TrainLoss).Within(1e-5));
        Assert.That(shared.ValidLoss, Is.EqualTo(plain.ValidLoss).Within(1e-5));
        Assert.That(shared.ValidAccuracy, Is.EqualTo(plain.ValidAccuracy).Within(0.03));
    }

    [Test]
    public void In_mixed_precision_it_is_what_one_process_computes_but_for_rounding(
        [Values(Precision.MixedBFloat16, Precision.MixedFloat16)] Precision precision)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        using NeuralNet plain = Mixed(null, precision);
        double loss = plain.Fit(images, labels).TrainHistory[^1].TrainLoss;

        IReadOnlyList<double> shared = ThreadCommunicator.Run(4, ranks =>
        {
            using NeuralNet net = Mixed(new DataParallel(ranks), precision);
            return net.Fit(images, labels).TrainHistory[^1].TrainLoss;
        });

        Assert.That(shared, Is.All.EqualTo(shared[0]));
        Assert.That(shared[0], Is.EqualTo(loss).Within(1).Percent);
    }

    [Test]
    public void A_gradient_that_overflows_on_one_rank_skips_the_step_of_all()
    {
        // Only the last sample counts. With the first loss scale its gradient is more than float16 holds, with half of
        // it less.
        (Tensor images, int[] labels) = Toy.Images(Samples);
        var weights = Tensor.From([.. Enumerable.Repeat(1e-6f, Samples - 1), 1f]);

        IReadOnlyList<(bool First, bool Second)> changes = ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = Mixed(new DataParallel(ranks), Precision.MixedFloat16, Samples, loss: 1.5);
            net.Initialize();
            string[] before = Values(), first = Train(), second = Train();
            return (!first.SequenceEqual(before), !second.SequenceEqual(before));

            string[] Train()
            {
                net.PartialFit(images, Tensor.From(labels), weights);
                return Values();
            }

            string[] Values() => [.. net.GetParameters()
                .Select(pair => Convert.ToHexString(MemoryMarshal.AsBytes(pair.Value.AsSpan<float>())))];
        });

        Assert.That(changes, Is.All.EqualTo((false, true)));
    }

    [Test]
    public void The_order_of_the_library_gives_the_same_but_for_rounding([Values(1, 2, 3)] int ranks)
    {
        EpochRecord plain = History("perceptron", null)[^1];

        IReadOnlyList<IReadOnlyList<EpochRecord>> all = ThreadCommunicator.Run(
            ranks, communicator =>
                History("perceptron", new DataParallel(communicator) { IsDeterministic = false, Shards = 2 * ranks }));

        Assert.That(all.Select(history => history[^1].TrainLoss), Is.All.EqualTo(plain.TrainLoss).Within(1e-5));
        Assert.That(all.Select(history => history[^1].TrainLoss).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void A_training_that_is_saved_goes_on_with_other_ranks_to_the_same_bits()
    {
        using var folder = new TempFolder();
        const string Network = "images, dropout, shuffle, augmentation";
        (Tensor images, int[] labels) = Toy.Images(Samples);
        string[] whole = [.. Fit(Network, 2)[0].SkipLast(2)];

        ThreadCommunicator.Run(4, ranks =>
        {
            using NeuralNet net = s_networks[Network](new DataParallel(ranks));
            net.Callbacks.Add(new ModelCheckpoint(folder.File("state")) { WholeState = true });
            return net.PartialFit(images, labels).TrainHistory.Count;
        });
        string[] resumed = ThreadCommunicator.Run(1, ranks =>
        {
            using NeuralNet net = s_networks[Network](new DataParallel(ranks));
            net.LoadState(folder.File("state"));
            return Bits.Of(net.PartialFit(images, labels));
        })[0];

        Assert.That(resumed, Is.EqualTo(whole));
    }

    [Test]
    public void Who_writes_is_rank_0_alone()
    {
        using var folder = new TempFolder();
        (Tensor images, int[] labels) = Toy.Images(Samples);

        ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = s_networks["perceptron"](new DataParallel(ranks));
            net.Callbacks.Add(new ModelCheckpoint(folder.File($"of rank {ranks.Rank}")));
            return net.Fit(images, labels).TrainHistory.Count;
        });

        Assert.That(Directory.GetFiles(folder.Path).Select(Path.GetFileName), Is.EqualTo(["of rank 0"]));
    }

    [Test]
    public void When_one_rank_is_told_to_stop_all_do_after_the_same_step()
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);

        IReadOnlyList<int> epochs = ThreadCommunicator.Run(3, ranks =>
        {
            using NeuralNet net = s_networks["perceptron"](new DataParallel(ranks));
            net.MaxEpochs = 5;
            net.Callbacks.Add(new LambdaCallback
            {
                EpochFinished = (_, record) =>
                {
                    if (ranks.Rank == 2 && record.Epoch == 2)
                    {
                        net.StopTraining();
                    }
                },
            });
            return net.Fit(images, labels).TrainHistory.Count;
        });

        Assert.That(epochs, Is.All.EqualTo(2));
    }

    [Test]
    public void A_loss_that_is_no_number_ends_all_ranks_with_the_same_message()
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);

        IReadOnlyList<string> messages = ThreadCommunicator.Run(2, ranks =>
        {
            using var net = new NeuralNet(new Input(1, 32, 32), new Flatten(), new Dense(10, Softmax))
            {
                Parallel = new DataParallel(ranks),
                Device = new CpuDevice(1),
                MaxEpochs = 3,
                Update = new Sgd(1e38f),
                BatchIteratorTrain = new BatchIterator(32),
            };
            try
            {
                net.Fit(images, labels);
                return "";
            }
            catch (DivergenceException error)
            {
                return error.Message;
            }
        });

        Assert.That(messages[0], Does.StartWith("The training has ended in epoch "));
        Assert.That(messages[1], Is.EqualTo(messages[0]));
    }

    [TestCase("seed", "the seed")]
    [TestCase("data", "the data")]
    [TestCase("network", "the network")]
    [TestCase("nonlinearity", "the ops of the network")]
    [TestCase("rate of dropout", "the ops of the network")]
    [TestCase("objective", "the ops of the network")]
    [TestCase("augmentation", "the way of the batches")]
    [TestCase("schedule", "the learning rate or another setting of the update rule in this epoch")]
    [TestCase("schedule by batches", "the learning rate or another setting of the update rule in this epoch")]
    [TestCase("rule", "the update rule")]
    [TestCase("precision", "the precision")]
    [TestCase("batch", "the way of the batches")]
    [TestCase("order of sums", "the order of the sums of gradients")]
    [TestCase("validation", "the choice of validation samples")]
    [TestCase("constant", "a constant of the network")]
    [TestCase("epochs", "the number of epochs")]
    [TestCase("parameters", "the state")]
    public void Ranks_that_differ_are_refused(string what, string expected)
    {
        EngineException error = Assert.Throws<EngineException>(() => ThreadCommunicator.Run(4, ranks =>
        {
            bool differs = ranks.Rank == 1;
            (Tensor images, int[] labels) = Toy.Images(Samples, differs && what == "data" ? 2 : 1);
            using var net = new NeuralNet(
                new Input(1, 32, 32), new Flatten(),
                new Dense(differs && what == "network" ? 11 : 10, differs && what == "nonlinearity" ? Tanh : Rectify),
                new Dropout(differs && what == "rate of dropout" ? 0.4 : 0.5), new Dense(10, Softmax))
            {
                Objective = what == "constant"
                    ? (p, y) => Sum(Constant(Tensor.From([differs ? 2f : 1f, 1f]))) * CategoricalCrossEntropy(p, y)
                    : differs && what == "objective" ? (p, y) => 2 * CategoricalCrossEntropy(p, y) : null,
                Parallel = new DataParallel(ranks)
                {
                    Shards = 8,
                    IsDeterministic = !differs || what != "order of sums",
                },
                TrainSplit = new TrainSplit(differs && what == "validation" ? 0.4 : 0.2),
                Device = new CpuDevice(1),
                MaxEpochs = differs && what == "epochs" ? 2 : 1,
                Seed = differs && what == "seed" ? 2ul : 1,
                Precision = differs && what == "precision" ? Precision.MixedBFloat16 : Precision.Full,
                Update = new Sgd(differs && what == "rule" ? 0.2f : 0.1f),
                BatchIteratorTrain = new BatchIterator(differs && what == "batch" ? 16 : 32)
                {
                    Augmentation = [new HorizontalFlip(differs && what == "augmentation" ? 0.25 : 0.5)],
                },
            };
            if (differs && what.StartsWith("schedule", StringComparison.Ordinal))
            {
                // At the first batch all have the same rate.
                bool everyBatch = what != "schedule";
                net.Callbacks.Add(new AdjustVariable(
                    "learning_rate", Schedule.Linear(everyBatch ? 0.1 : 0.2, 0.01, everyBatch: everyBatch)));
            }

            if (differs && what == "parameters")
            {
                net.Initialize();
                net.SetParameters(net.GetParameters().Select(pair =>
                    KeyValuePair.Create(pair.Key, new Tensor(pair.Value.DType, pair.Value.Shape))).ToDictionary());
            }

            return net.Fit(images, labels).TrainHistory.Count;
        }))!;

        Assert.That(error.Message,
            Does.Contain($"The ranks do not train the same: {expected} of rank 1 is not what rank 0 has"));
    }

    [TestCase(3, 4, true, null)]
    [TestCase(1, 6, true, "1, 2, 4, 8, … shards")]
    [TestCase(3, 2, true, "2 shards of a batch are not enough for 3 ranks")]
    [TestCase(3, 4, false, "cannot be dealt out evenly to 3 ranks")]
    public void Shards_fit_the_ranks(int ranks, int shards, bool isDeterministic, string? message)
    {
        var parallel = new DataParallel(ThreadCommunicator.Create(ranks)[0])
        {
            Shards = shards,
            IsDeterministic = isDeterministic,
        };

        if (message is null)
        {
            Assert.That(parallel.ShardCount, Is.EqualTo(shards));
        }
        else
        {
            Assert.That(() => parallel.ShardCount, Throws.TypeOf<EngineException>().With.Message.Contains(message));
        }
    }

    [TestCase(1, true, 8)]
    [TestCase(8, true, 8)]
    [TestCase(9, true, 16)]
    [TestCase(3, false, 3)]
    public void Shards_are_eight_unless_there_are_more_ranks(int ranks, bool isDeterministic, int expected) =>
        Assert.That(
            new DataParallel(ThreadCommunicator.Create(ranks)[0]) { IsDeterministic = isDeterministic }.ShardCount,
            Is.EqualTo(expected));

    /// <summary>
    /// Compared with the gradients, other traffic is small (hashes at the start, metrics of the validation).
    /// </summary>
    [TestCase(2, true)]
    [TestCase(4, true)]
    [TestCase(8, true)]
    [TestCase(3, false)]
    public void A_rank_sends_no_more_than_the_fastest_sums_do(int ranks, bool isDeterministic)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        (long Sent, long Gradients)[] all = [.. ThreadCommunicator.Run(ranks, communicator =>
        {
            using NeuralNet net =
                s_networks["perceptron"](new DataParallel(communicator) { IsDeterministic = isDeterministic });
            net.Fit(images, labels);
            int steps =
                net.MaxEpochs * net.BatchIteratorTrain.Count(net.TrainSplit.Split(Samples, labels).Train.Length);
            return (communicator.BytesSent, steps * net.LearnableParameters * sizeof(float));
        })];

        Assert.That(all.Select(rank => rank.Sent), Is.All.LessThan(1.05 * 2 * (ranks - 1) / ranks * all[0].Gradients)
            .And.All.GreaterThan(0.99 * 2 * (ranks - 1) / ranks * all[0].Gradients));
    }

    private const int Samples = 210;

    private static IReadOnlyList<string[]> Fit(string network, int ranks)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        return ThreadCommunicator.Run(ranks, communicator =>
        {
            using NeuralNet net = s_networks[network](new DataParallel(communicator));
            return (string[])[.. Bits.Of(net.Fit(images, labels)),
                .. net.TrainHistory.Select(record => $"{record.Scores.Values.FirstOrDefault():R}")];
        });
    }

    private static IReadOnlyList<EpochRecord> History(string network, DataParallel? parallel)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        using NeuralNet net = s_networks[network](parallel);
        return net.Fit(images, labels).TrainHistory;
    }

    private static NeuralNet Mixed(DataParallel? parallel, Precision precision, int batch = 32, double loss = 1) => new(
        new Input(1, 32, 32), new Conv2D(3, 3), new MaxPool2D(2), new Dense(10), new Dense(10, Softmax))
    {
        Parallel = parallel,
        Device = new CpuDevice(1),
        Precision = precision,
        MaxEpochs = 2,
        Update = new Adam(0.01f),
        Objective = (output, target) => CategoricalCrossEntropy(output, target) * loss,
        BatchIteratorTrain = new BatchIterator(batch),
    };

    private static Batch Noisy(Batch batch)
    {
        Tensor noisy = batch.X.Clone();
        foreach (ref double value in noisy.AsSpan<double>())
        {
            value += batch.Random.NextDouble() * 0.1;
        }

        return batch with { X = noisy };
    }
}
