using Engine.Data;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Training on samples that are read when they are needed.</summary>
public class StreamingTests
{
    [TestCase(false, 1)]
    [TestCase(true, 1)]
    [TestCase(true, 7)]
    public void It_gives_the_bits_of_samples_in_memory_however_many_batches_are_read_ahead(bool shuffle, int ahead)
    {
        (Tensor x, int[] y) = Toy.Clouds(100);
        using NeuralNet inMemory = Net(shuffle), streamed = Net(shuffle, ahead);
        inMemory.TrainSplit = new TrainSplit(0.2);
        (int[] train, int[] validate) = inMemory.TrainSplit.Split(100, y);

        inMemory.Fit(x, y);
        streamed.Fit(new InMemory(x, y, train), new InMemory(x, y, validate));

        Assert.That(Bits.Of(streamed), Is.EqualTo(Bits.Of(inMemory)));
    }

    [Test]
    public void Weights_of_classes_and_samples_count_as_they_do_in_memory()
    {
        (Tensor x, int[] y) = Toy.Clouds(90);
        using NeuralNet inMemory = Net(shuffle: true), streamed = Net(shuffle: true);
        inMemory.TrainSplit = new TrainSplit(0);
        inMemory.ClassWeights = streamed.ClassWeights = [1, 3, 0.5];

        inMemory.Fit(x, y);
        streamed.Fit(new InMemory(x, y));

        Assert.That(streamed.TrainHistory.Select(epoch => epoch.TrainLoss),
            Is.EqualTo(inMemory.TrainHistory.Select(epoch => epoch.TrainLoss)).Within(1e-6));
        Assert.That(streamed.TrainHistory[^1].ValidLoss, Is.NaN);
    }

    [Test]
    public void A_training_that_was_saved_goes_on_to_the_same_bits()
    {
        using var folder = new TempFolder();
        (Tensor x, int[] y) = Toy.Clouds(60);
        using NeuralNet whole = Net(shuffle: true), first = Net(shuffle: true), second = Net(shuffle: true);
        whole.MaxEpochs = 4;
        first.MaxEpochs = second.MaxEpochs = 2;

        whole.Fit(new InMemory(x, y));
        first.Fit(new InMemory(x, y)).SaveState(folder.File("state"));
        second.LoadState(folder.File("state"));
        second.Fit(new InMemory(x, y));

        Assert.That(Bits.Of(second), Is.EqualTo(Bits.Of(whole)));
    }

    [Test]
    public async Task FitAsync_trains_on_a_source_too()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        using NeuralNet net = Net(shuffle: false);

        Assert.That(await net.FitAsync(new InMemory(x, y)), Is.SameAs(net));
        Assert.That(net.TrainHistory, Has.Count.EqualTo(net.MaxEpochs));
    }

    [Test]
    public void A_transform_is_done_to_each_batch_and_its_random_numbers_are_the_batchs_own()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        static Batch Noisy(Batch batch) => batch with
        {
            X = Tensor.From(
                [.. batch.X.AsSpan<float>().ToArray().Select(value => value + (float)batch.Random.NextDouble())],
                [.. batch.X.Shape]),
        };
        using NeuralNet inMemory = Net(shuffle: true, transform: Noisy),
            streamed = Net(shuffle: true, ahead: 5, transform: Noisy);
        inMemory.TrainSplit = new TrainSplit(0);

        inMemory.Fit(x, y);
        streamed.Fit(new InMemory(x, y));

        Assert.That(Bits.Of(streamed), Is.EqualTo(Bits.Of(inMemory)));
    }

    [Test]
    public void What_a_source_throws_ends_the_training_and_another_can_follow()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        using NeuralNet net = Net(shuffle: false);

        Assert.That(() => net.Fit(new Failing(60)),
            Throws.InstanceOf<DataFormatException>().With.Message.EqualTo("sample 40 is damaged."));
        Assert.That(() => net.Fit(new InMemory(x, y)), Throws.Nothing);
    }

    public static TestCaseData[] Wrong() =>
    [
        new TestCaseData(new Told(50, _ => Batch(10, 2)),
            "Batch 1 of 4 of the source has 10 samples, and 16 are due").SetName("too few rows"),
        new TestCaseData(new Told(0, _ => Batch(10, 2)), "There are no samples: the source says that it has 0").SetName(
            "none"),
        new TestCaseData(new Told(50, rows => Batch(rows, 3)), "Input layer 'input0'").SetName("another shape"),
        new TestCaseData(new Told(50, rows => Batch(rows, 2) with { Y = Tensor.From(new int[rows + 1]) }),
            "samples in x but").SetName("too many labels"),
        new TestCaseData(new Told(50, rows => Batch(rows, 2, float.NaN)), "no finite number").SetName("nan"),
        new TestCaseData(
            new WindowedSource(50, () => [Batch(20, 2)]), "it has 50 samples, and 20 came").SetName("too few come"),
    ];

    [TestCaseSource(nameof(Wrong))]
    public void A_source_that_does_not_give_what_it_says_is_refused_in_a_sentence(IBatchSource source, string said)
    {
        using NeuralNet net = Net(shuffle: false);

        Assert.That(() => net.Fit(source), Throws.InstanceOf<EngineException>().With.Message.Contains(said));
    }

    [Test]
    public void A_training_can_be_canceled_between_batches()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        using var ending = new CancellationTokenSource();
        using NeuralNet net = Net(shuffle: false, ahead: 3);
        net.Callbacks.Add(
            new LambdaCallback { EpochFinished = (_, record) => { if (record.Epoch == 2) { ending.Cancel(); } } });

        net.Fit(new InMemory(x, y), cancellationToken: ending.Token);

        Assert.That(net.TrainHistory, Has.Count.EqualTo(2));
    }

    private static SampleBatch Batch(int rows, int width, float value = 0.5f) =>
        new(Tensor.From([.. Enumerable.Repeat(value, rows * width)], rows, width), Tensor.From(new int[rows]));

    private static NeuralNet Net(bool shuffle, int ahead = 4, Func<Batch, Batch>? transform = null) =>
        new(new Input(2), new Dense(8, Tanh), new Dense(3, Softmax))
        {
            MaxEpochs = 3,
            BatchIteratorTrain = new BatchIterator(16) { Shuffle = shuffle, ReadAhead = ahead, Transform = transform },
            BatchIteratorTest = new BatchIterator(16) { ReadAhead = ahead },
            Seed = 5,
        };

    private sealed class InMemory(Tensor x, int[] y, int[]? some = null) : IndexedSource
    {
        public override int Count => some?.Length ?? y.Length;

        public override SampleBatch Read(int[] rows)
        {
            int[] indices = some is null ? rows : [.. rows.Select(row => some[row])];
            return new SampleBatch(x.Rows(indices), Tensor.From([.. indices.Select(row => y[row])]));
        }
    }

    private sealed class Failing(int count) : IndexedSource
    {
        public override int Count => count;

        public override SampleBatch Read(int[] rows) =>
            rows.Contains(40) ? throw new DataFormatException("sample 40 is damaged.") : Batch(rows.Length, 2);
    }

    private sealed class Told(int count, Func<int, SampleBatch> read) : IndexedSource
    {
        public override int Count => count;

        public override SampleBatch Read(int[] rows) => read(rows.Length);
    }
}
