using Engine.Devices.Cpu;
using Engine.Distributed;
using Engine.Layers;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Distributed;

/// <summary>Tests batch normalization over the batch of all ranks.</summary>
public class SynchronizedBatchNormTests
{
    // The last batch of an epoch has 8 samples, which 3 ranks share unevenly.
    private const int Samples = 50, Batch = 16;

    [TestCase(1, true)]
    [TestCase(2, true)]
    [TestCase(4, true)]
    [TestCase(3, false)]
    public void Ranks_compute_what_one_process_does_but_for_rounding(int ranks, bool isDeterministic)
    {
        EpochRecord plain = Fit(null)[^1];

        IReadOnlyList<IReadOnlyList<EpochRecord>> all = ThreadCommunicator.Run(ranks, communicator => Fit(
            new DataParallel(communicator) { IsBatchNormSynchronized = true, IsDeterministic = isDeterministic }));

        // In float64 rounding is far below the bound; shards that are normalized alone differ by more than 1e-3.
        Assert.That(all.Select(history => history[^1].TrainLoss), Is.All.EqualTo(plain.TrainLoss).Within(1e-9));
        Assert.That(all.Select(history => history[^1].ValidLoss), Is.All.EqualTo(plain.ValidLoss).Within(1e-9));
        Assert.That(all.Select(history => history[^1].TrainLoss).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public void Without_it_the_shards_are_normalized_by_themselves()
    {
        EpochRecord plain = Fit(null)[^1];

        EpochRecord shards = ThreadCommunicator.Run(2, ranks => Fit(new DataParallel(ranks) { Shards = 2 }))[0][^1];

        Assert.That(shards.TrainLoss, Is.Not.EqualTo(plain.TrainLoss).Within(1e-3));
    }

    [TestCase(2, 8, "8 shards do not fit 2 ranks. Say 2 (--shards 2)")]
    [TestCase(1, 2, "2 shards do not fit 1 rank. Say 1 (--shards 1)")]
    public void Several_shards_a_rank_are_refused(int ranks, int shards, string message)
    {
        var parallel =
            new DataParallel(ThreadCommunicator.Create(ranks)[0]) { IsBatchNormSynchronized = true, Shards = shards };

        Assert.That(() => parallel.ShardCount, Throws.TypeOf<EngineException>().With.Message.Contains(message));
    }

    [Test]
    public void A_batch_with_fewer_samples_than_ranks_is_refused()
    {
        EngineException error = Assert.Throws<EngineException>(() => ThreadCommunicator.Run(2, ranks =>
            Fit(new DataParallel(ranks) { IsBatchNormSynchronized = true }, batch: 13)))!;

        Assert.That(error.Message, Does.Contain("A batch of 1 sample leaves some of 2 ranks without any"));
    }

    private static IReadOnlyList<EpochRecord> Fit(DataParallel? parallel, int batch = Batch)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        using var net = new NeuralNet(
            new Input(1, 32, 32), new Conv2D(3, 3, Linear), new BatchNorm(), new Activation(Rectify), new Flatten(),
            new Dense(6, Linear), new BatchNorm(), new Dense(10, Softmax))
        {
            Parallel = parallel,
            Device = new CpuDevice(1),
            FloatX = DType.Float64,
            MaxEpochs = 2,
            Update = new Momentum(0.05f, 0.9f),
            BatchIteratorTrain = new BatchIterator(batch),
        };
        return net.Fit(images, labels).TrainHistory;
    }
}
