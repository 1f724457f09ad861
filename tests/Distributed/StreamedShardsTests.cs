using System.Collections.Concurrent;
using Engine.Data;
using Engine.Devices.Cpu;
using Engine.Distributed;
using Engine.Layers;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Distributed;

/// <summary>Samples that are read when they are needed, each by the rank that trains with it.</summary>
public class StreamedShardsTests
{
    private const int Train = 70, Valid = 20;

    [Test]
    public void Any_number_of_ranks_gives_the_same_bits([Values(2, 3, 4, 8)] int ranks)
    {
        string[] alone = Fit(1)[0];

        Assert.That(Fit(ranks), Is.All.EqualTo(alone));
    }

    /// <summary>80 samples are only full batches, whose shards are the same rows.</summary>
    [Test]
    public void They_are_the_bits_of_samples_in_memory()
    {
        (Tensor x, int[] y) = Toy.Images(100);
        string[] inMemory = ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = Net(ranks);
            net.TrainSplit = new TrainSplit(0.2);
            return Bits.Of(net.Fit(x, y));
        })[0];
        (int[] train, int[] validate) = new TrainSplit(0.2).Split(100, y);

        string[] streamed = ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = Net(ranks);
            return Bits.Of(net.Fit(new Noted(x, y, train), new Noted(x, y, validate)));
        })[0];

        Assert.That(train, Has.Length.EqualTo(80));
        Assert.That(streamed, Is.EqualTo(inMemory));
    }

    [Test]
    public void Each_rank_reads_its_shards_alone()
    {
        IReadOnlyList<int[]> all = ThreadCommunicator.Run(4, ranks =>
        {
            (Tensor x, int[] y) = Toy.Images(64);
            using NeuralNet net = Net(ranks);
            net.MaxEpochs = 1;
            var source = new Noted(x, y);
            net.Fit(source);

            // All ranks read the first batch before training.
            return source.Taken.Where(rows => rows.Length < 16).SelectMany(rows => rows).Order().ToArray();
        });

        Assert.That(all, Is.All.Length.EqualTo(64 / 4));
        Assert.That(all.SelectMany(rows => rows).Order(), Is.EqualTo(Enumerable.Range(0, 64)));
    }

    [TestCase("batch", "A batch of 20 samples is cut into 8 shards")]
    [TestCase("weights", "Samples that several ranks read when they are due have no weights")]
    [TestCase("count", "the number of samples of rank 1 is not what rank 0 has")]
    [TestCase("first", "the data of rank 1 is not what rank 0 has")]
    [TestCase("transform", "The transform of the batch iterator made 1 samples of 2")]
    public void What_cannot_be_trained_on_together_is_refused(string what, string message)
    {
        EngineException error = Assert.Throws<EngineException>(() => ThreadCommunicator.Run(2, ranks =>
        {
            bool differs = ranks.Rank == 1;
            (Tensor x, int[] y) = Toy.Images(differs && what == "count" ? 65 : 64, differs && what == "first" ? 2 : 1);
            using NeuralNet net = Net(ranks, what == "batch" ? 20 : 16, what == "transform" ? Halved : Noisy);
            net.ClassWeights = what == "weights" ? [.. Enumerable.Repeat(2.0, 10)] : null;
            return net.Fit(new Noted(x, y)).TrainHistory.Count;
        }))!;

        Assert.That(error.Message, Does.Contain(message));
    }

    private static IReadOnlyList<string[]> Fit(int ranks)
    {
        (Tensor x, int[] y) = Toy.Images(Train + Valid);
        int[] all = [.. Enumerable.Range(0, Train + Valid)];
        return ThreadCommunicator.Run(ranks, communicator =>
        {
            using NeuralNet net = Net(communicator);
            return Bits.Of(net.Fit(new Noted(x, y, all[..Train]), new Noted(x, y, all[Train..])));
        });
    }

    private static NeuralNet Net(Communicator ranks, int batch = 16, Func<Batch, Batch>? transform = null) => new(
        new Input(1, 32, 32), new Conv2D(2, 5), new MaxPool2D(4), new Dropout(0.3), new Dense(10, Softmax))
    {
        Parallel = new DataParallel(ranks),
        Device = new CpuDevice(1),
        MaxEpochs = 2,
        Update = new Momentum(0.05f, 0.9f),
        BatchIteratorTrain = new BatchIterator(batch) { Shuffle = true, Transform = transform ?? Noisy },
        BatchIteratorTest = new BatchIterator(8),
    };

    private static Batch Noisy(Batch batch)
    {
        Tensor noisy = batch.X.Clone();
        foreach (ref float value in noisy.AsSpan<float>())
        {
            value += batch.Random.NextSingle() * 0.1f;
        }

        return batch with { X = noisy };
    }

    private static Batch Halved(Batch batch) =>
        batch.X.Shape[0] > 2 ? batch : batch with { X = batch.X.Rows(0, 1), Y = batch.Y!.Rows(0, 1) };

    /// <summary>Remembers the rows that were read.</summary>
    private sealed class Noted(Tensor x, int[] y, int[]? some = null) : IndexedSource
    {
        public ConcurrentBag<int[]> Taken { get; } = [];

        public override int Count => some?.Length ?? y.Length;

        public override SampleBatch Read(int[] rows)
        {
            Taken.Add(rows);
            int[] indices = some is null ? rows : [.. rows.Select(row => some[row])];
            return new SampleBatch(x.Rows(indices), Tensor.From([.. indices.Select(row => y[row])]));
        }
    }
}
