using Engine.Distributed;

namespace Engine.Tests.Distributed;

/// <summary>Exchanges between ranks, with threads as ranks.</summary>
public class CommunicatorTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(5)]
    public void Each_rank_gets_the_sum_and_the_maximum(int ranks)
    {
        IReadOnlyList<(float[] Sum, double[] Sum64, int[] Max)> all = ThreadCommunicator.Run(ranks, communicator =>
        {
            int rank = communicator.Rank;
            var sum = Tensor.From([.. Enumerable.Range(0, 37).Select(i => (float)(i + (100 * rank)))]);
            var sum64 = Tensor.From([rank + 0.5]);
            var max = Tensor.From([rank, -rank, 7]);
            communicator.AllReduce(sum);
            communicator.AllReduce(sum64);
            communicator.AllReduce(max, Reduction.Max);
            return (sum.AsSpan<float>().ToArray(), sum64.AsSpan<double>().ToArray(), max.AsSpan<int>().ToArray());
        });

        int ofRanks = ranks * (ranks - 1) / 2;
        foreach ((float[] sum, double[] sum64, int[] max) in all)
        {
            Assert.That(sum, Is.EqualTo(Enumerable.Range(0, 37).Select(i => (float)((i * ranks) + (100 * ofRanks)))));
            Assert.That(sum64, Is.EqualTo([ofRanks + (0.5 * ranks)]));
            Assert.That(max, Is.EqualTo([ranks - 1, 0, 7]));
        }
    }

    [Test]
    public void Each_rank_gets_what_one_of_them_has([Values(0, 2)] int root)
    {
        IReadOnlyList<byte[]> all = ThreadCommunicator.Run(3, communicator =>
        {
            var values = Tensor.From([(byte)communicator.Rank, (byte)9]);
            communicator.Broadcast(values, root);
            return values.AsSpan<byte>().ToArray();
        });

        Assert.That(all, Is.All.EqualTo(new byte[] { (byte)root, 9 }));
    }

    [Test]
    public void Each_rank_gets_what_all_have_in_their_order()
    {
        IReadOnlyList<Tensor> all = ThreadCommunicator.Run(3, communicator =>
            communicator.AllGather(Tensor.From([communicator.Rank, 10 * communicator.Rank])));

        foreach (Tensor gathered in all)
        {
            Assert.That(gathered.Shape, Is.EqualTo(Shape.Create(3, 2)));
            Assert.That(gathered.AsSpan<int>().ToArray(), Is.EqualTo([0, 0, 1, 10, 2, 20]));
        }
    }

    [Test]
    public void Exchanges_may_be_open_at_once_and_end_in_any_order()
    {
        IReadOnlyList<float> all = ThreadCommunicator.Run(2, communicator =>
        {
            Tensor first = Tensor.Scalar(1f), second = Tensor.Scalar(communicator.Rank + 1f);
            Collective a = communicator.AllReduceAsync(first), b = communicator.AllReduceAsync(second);
            b.Wait();
            a.Wait();
            Assert.That(a.IsDone && b.IsDone, Is.True);
            return (10 * first.AsSpan<float>()[0]) + second.AsSpan<float>()[0];
        });

        Assert.That(all, Is.All.EqualTo(23f));
    }

    [Test]
    public void What_is_sent_is_counted_by_the_shortest_way()
    {
        IReadOnlyList<long> sent = ThreadCommunicator.Run(4, communicator =>
        {
            communicator.AllReduce(new Tensor(DType.Float32, [100]));
            communicator.AllGather(new Tensor(DType.Float64, [10]));
            communicator.Broadcast(new Tensor(DType.UInt8, [7]), 1);
            return communicator.BytesSent;
        });

        Assert.That(sent, Is.EqualTo([600L + 240, 600 + 240 + 7, 600 + 240, 600 + 240]));
    }

    [Test]
    public void A_rank_that_fails_ends_the_others()
    {
        Assert.That(
            () => ThreadCommunicator.Run<int>(3, communicator =>
            {
                if (communicator.Rank == 1)
                {
                    throw new InvalidOperationException("it broke");
                }

                communicator.Barrier();
                return 0;
            }),
            Throws.TypeOf<EngineException>().With.Message.EqualTo("Rank 1: it broke"));
    }

    [Test]
    public void A_step_that_takes_too_long_says_where_and_who_is_missing()
    {
        ThreadCommunicator first = ThreadCommunicator.Create(2)[0];
        first.Progress = "epoch 2, step 5";
        first.Missing = () => "rank 1 on b is at epoch 2, step 4";
        first.StepLimit = TimeSpan.FromMilliseconds(1);

        Assert.That(
            () => first.WaitInStep(first.AllReduceAsync(Tensor.Scalar(1f))),
            Throws.TypeOf<EngineException>().With.Message.StartsWith("At epoch 2, step 5 no answer came for")
                .And.Message.EndsWith("rank 1 on b is at epoch 2, step 4."));
    }

    private static IEnumerable<TestCaseData> DifferentCalls =>
    [
        Pair("counts", ranks => ranks.AllReduce(new Tensor(DType.Float32, [ranks.Rank == 0 ? 4 : 4000]))),
        Pair("none and some", ranks => ranks.AllReduce(new Tensor(DType.Float32, [ranks.Rank]))),
        Pair("types", ranks =>
            ranks.AllReduce(new Tensor(ranks.Rank == 0 ? DType.Float32 : DType.Int32, [4]))),
        Pair("reductions", ranks =>
            ranks.AllReduce(Tensor.Scalar(1f), ranks.Rank == 0 ? Reduction.Sum : Reduction.Max)),
        Pair("roots", ranks => ranks.Broadcast(Tensor.Scalar(1f), ranks.Rank)),
        Pair("lengths", ranks => ranks.AllGather(new Tensor(DType.UInt8, [ranks.Rank == 0 ? 5000 : 1]))),
        Pair("methods", ranks =>
        {
            Tensor value = Tensor.Scalar(1f);
            if (ranks.Rank == 0)
            {
                ranks.Broadcast(value);
            }
            else
            {
                ranks.AllGather(value);
            }
        }),
    ];

    [TestCaseSource(nameof(DifferentCalls))]
    public void Calls_that_differ_among_threads_are_refused(Action<Communicator> call) =>
        Assert.That(() => Run(2, call), Throws.TypeOf<EngineException>().With.Message.Contains("the same calls"));

    [Test]
    public void A_thread_that_has_ended_is_not_waited_for([Values] bool isDisposed) =>
        Assert.That(
            () => Run(3, ranks =>
            {
                if (ranks.Rank != 1)
                {
                    ranks.Barrier();
                }
                else if (isDisposed)
                {
                    ranks.Dispose();
                }
            }),
            Throws.TypeOf<EngineException>().With.Message.Contains("Rank 1 has ended, and another sums 1 int32"));

    [Test]
    public void Nothing_can_be_told_after_Dispose()
    {
        Communicator ranks = ThreadCommunicator.Create(1)[0];
        ranks.Dispose();
        ranks.Dispose();

        foreach (Action call in (Action[])
            [ranks.Barrier, () => ranks.Broadcast(Tensor.Scalar(1)), () => ranks.AllGather(Tensor.Scalar(1))])
        {
            Assert.That(call, Throws.TypeOf<ObjectDisposedException>());
        }
    }

    [Test]
    public void What_cannot_be_told_is_refused()
    {
        Communicator alone = ThreadCommunicator.Create(1)[0];

        Assert.That(() => alone.AllReduce(new Tensor(DType.UInt8, [2])), Throws.TypeOf<EngineException>());
        Assert.That(() => alone.Broadcast(new Tensor(DType.UInt8, [2]), 1), Throws.TypeOf<EngineException>());
        Assert.That(() => ThreadCommunicator.Create(0), Throws.TypeOf<EngineException>());
    }

    private static TestCaseData Pair(string name, Action<Communicator> call) =>
        new TestCaseData(call).SetArgDisplayNames(name);

    private static void Run(int ranks, Action<Communicator> body) => ThreadCommunicator.Run(ranks, communicator =>
    {
        body(communicator);
        return 0;
    });
}
