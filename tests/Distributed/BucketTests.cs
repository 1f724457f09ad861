using Engine.Devices.Cpu;
using Engine.Distributed;
using Engine.Layers;
using Engine.Tests.Training;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Distributed;

/// <summary>Tests sums of gradients in several buckets, which begin while other gradients are computed.</summary>
public class BucketTests
{
    private const int Samples = 60;

    [Test]
    public void Sums_begin_while_gradients_are_computed_and_are_waited_for_last()
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        using NeuralNet net = Net(new DataParallel(ThreadCommunicator.Create(1)[0]));
        using ShardedStep step = net.CompileShards(images, Tensor.From(labels));
        string[] names = [.. step.LastShard.Launches.Select(launch => launch.Name)];

        int[] starts = Places("allReduceStart"), waits = Places("allReduceWait");

        Assert.That(starts, Has.Length.EqualTo(3));
        Assert.That(waits, Has.Length.EqualTo(3));
        Assert.That(starts[^1] - starts[0], Is.GreaterThan(starts.Length), string.Join('\n', names));
        Assert.That(waits[0], Is.GreaterThan(starts[^1]));
        Assert.That(names.Skip(waits[0]), Has.None.Contains("conv2D"));

        int[] Places(string op) =>
            [.. Enumerable.Range(0, names.Length).Where(i => names[i].StartsWith(op, StringComparison.Ordinal))];
    }

    [TestCase(true, false)]
    [TestCase(true, true)]
    [TestCase(false, false)]
    public void The_bits_are_those_of_one_rank(bool isDeterministic, bool isOptimizerSharded)
    {
        string[] alone = Fit(1, isDeterministic, isOptimizerSharded: false)[0];

        foreach (int ranks in isDeterministic ? (int[])[2, 3, 8] : [1])
        {
            Assert.That(Fit(ranks, isDeterministic, isOptimizerSharded), Is.All.EqualTo(alone), $"{ranks} ranks");
        }
    }

    private static IReadOnlyList<string[]> Fit(int ranks, bool isDeterministic, bool isOptimizerSharded)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        return ThreadCommunicator.Run(ranks, communicator =>
        {
            using NeuralNet net = Net(new DataParallel(communicator)
            {
                IsDeterministic = isDeterministic,
                IsOptimizerSharded = isOptimizerSharded,
            });
            return Bits.Of(net.Fit(images, labels));
        });
    }

    /// <summary>
    /// Returns a network with three buckets: the last two dense layers, the first dense layer, and the convolution.
    /// </summary>
    private static NeuralNet Net(DataParallel parallel) => new(
        new Input(1, 32, 32), new Conv2D(3, 3), new MaxPool2D(2), new Dense(150), new Dense(150),
        new Dense(10, Softmax))
    {
        Parallel = parallel,
        Device = new CpuDevice(1),
        MaxEpochs = 1,
        Update = new Momentum(0.05f, 0.9f),
        BatchIteratorTrain = new BatchIterator(20),
    };
}
