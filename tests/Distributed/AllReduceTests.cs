using Engine.Compile;
using Engine.Devices.Cpu;
using Engine.Distributed;
using Engine.Graph;
using Engine.Ops;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Distributed;

/// <summary>A sum over the ranks, as an op of a graph.</summary>
public class AllReduceTests
{
    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(4)]
    public void All_ranks_get_the_sum_of_each_tensor(int ranks)
    {
        IReadOnlyList<float[]> all = ThreadCommunicator.Run(ranks, communicator =>
        {
            using var device = new CpuDevice(1);
            Variable x = Vector("x"), y = Matrix("y");
            IReadOnlyList<Variable> sums = AllReduce([x * 2.0, y], communicator);
            using var function = Function.Compile([x, y], [sums[0] + 1.0, sums[1]], device: device);
            Tensor[] results = function.Call(
                Tensor.From([.. Enumerable.Range(0, 513).Select(i => (float)(i + communicator.Rank))]),
                Tensor.From([1f, 2f, 3f, communicator.Rank], 2, 2));
            return (float[])[.. results[0].AsSpan<float>(), .. results[1].AsSpan<float>()];
        });

        int ofRanks = ranks * (ranks - 1) / 2;
        float[] expected =
        [
            .. Enumerable.Range(0, 513)
            .Select(i => (float)(2 * ((i * ranks) + ofRanks)) + 1), ranks, 2 * ranks, 3 * ranks, ofRanks,
        ];
        Assert.That(all, Is.All.EqualTo(expected));
    }

    [Test]
    public void Its_gradient_is_the_sum_of_the_ranks_gradients()
    {
        IReadOnlyList<float[]> all = ThreadCommunicator.Run(3, communicator =>
        {
            using var device = new CpuDevice(1);
            Input x = Vector("x");
            Variable loss = Sum(AllReduce(x, communicator) * (double)(communicator.Rank + 1));
            using var function = Function.Compile([x], [Grad(loss, x)], device: device);
            return function.Call(Tensor.From([1f, 2f]))[0].AsSpan<float>().ToArray();
        });

        Assert.That(all, Is.All.EqualTo(new[] { 6f, 6f }));
    }

    [Test]
    public void The_order_of_the_terms_is_pairwise()
    {
        // (a + b) + (c + d) of these is 0, while an order that begins with b + c gives another result.
        float[] terms = [1e8f, 1, -1e8f, 3];
        IReadOnlyList<float> all = ThreadCommunicator.Run(4, communicator =>
        {
            using var device = new CpuDevice(1);
            Input x = Scalar("x");
            using var function = Function.Compile([x], [AllReduce(x, communicator)], device: device);
            return function.Call(Tensor.Scalar(terms[communicator.Rank]))[0].AsSpan<float>()[0];
        });

        Assert.That(all, Is.All.EqualTo((terms[0] + terms[1]) + (terms[2] + terms[3])));
    }

    [Test]
    public void A_rank_sends_little_more_than_a_ring_would([Values(2, 4, 8)] int ranks)
    {
        const int Count = 100_003;
        IReadOnlyList<long> sent = ThreadCommunicator.Run(ranks, communicator =>
        {
            using var device = new CpuDevice(1);
            Variable x = Vector("x");
            using var function = Function.Compile([x], [AllReduce(x, communicator)], device: device);
            function.Call(new Tensor(DType.Float32, [Count]));
            return communicator.BytesSent;
        });

        Assert.That(sent, Is.All.InRange(1L, (long)(1.05 * 2 * (ranks - 1) / ranks * Count * sizeof(float))));
    }
}
