using Engine.Data;
using Engine.Models;
using Engine.Server;

namespace Engine.Tests.Server;

/// <summary>Tests that requests that arrive while a batch is computed are in the next one.</summary>
public class BatcherTests
{
    [Test]
    public async Task Who_comes_while_a_batch_is_computed_is_in_the_next_one_up_to_its_size()
    {
        using var gate = new Gate();
        await using var batcher = new Batcher(gate.Predict, maxBatch: 16, maxWaiting: 1000);
        Task<IReadOnlyList<Prediction>?> first = batcher.Predict(Row(0));
        await gate.IsEntered;

        Task<IReadOnlyList<Prediction>?>[] others = [.. Enumerable.Range(1, 40).Select(i => batcher.Predict(Row(i)))];
        gate.Open();

        Assert.That((await first)![0].Value, Is.Zero);
        Assert.That(
            (await Task.WhenAll(others)).Select(answer => answer![0].Value), Is.EqualTo(Enumerable.Range(1, 40)));
        // Each batch is padded to a power of two, so that there are few plans.
        Assert.That(gate.Sizes, Is.EqualTo((int[])[1, 16, 16, 8]));
    }

    [Test]
    public async Task One_sample_that_is_wrong_is_not_the_fault_of_the_others()
    {
        using var gate = new Gate();
        await using var batcher = new Batcher(gate.Predict, maxBatch: 16, maxWaiting: 1000);
        Task<IReadOnlyList<Prediction>?> first = batcher.Predict(Row(0));
        await gate.IsEntered;
        Task<IReadOnlyList<Prediction>?> good = batcher.Predict(Row(1)), wrong = batcher.Predict(Row(-1)),
            last = batcher.Predict(Row(2));
        gate.Open();

        Assert.That((await good)![0].Value, Is.EqualTo(1));
        Assert.That((await last)![0].Value, Is.EqualTo(2));
        Assert.That(async () => await wrong, Throws.TypeOf<EngineException>());
        Assert.That((await first)![0].Value, Is.Zero);
    }

    [Test]
    public async Task Where_too_many_wait_the_next_is_refused()
    {
        using var gate = new Gate();
        await using var batcher = new Batcher(gate.Predict, maxBatch: 16, maxWaiting: 2);
        Task<IReadOnlyList<Prediction>?> first = batcher.Predict(Row(0));
        await gate.IsEntered;
        Task<IReadOnlyList<Prediction>?> second = batcher.Predict(Row(1));

        Assert.That(await batcher.Predict(Row(2)), Is.Null);
        gate.Open();
        Assert.That((await first)![0].Value, Is.Zero);
        Assert.That((await second)![0].Value, Is.EqualTo(1));
    }

    private static Table Row(double value) => new(new NumberColumn("x", [value]));

    /// <summary>Predicts each sample's own value after the gate opens, and refuses negative values.</summary>
    private sealed class Gate : IDisposable
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _open = new();

        public Task IsEntered => _entered.Task;

        public List<int> Sizes { get; } = [];

        public void Open() => _open.Set();

        public IReadOnlyList<Prediction> Predict(Table samples)
        {
            _entered.TrySetResult();
            _open.Wait();
            double[] values = [.. ((NumberColumn)samples["x"]).Values];
            Sizes.Add(values.Length);
            return values.All(value => value >= 0)
                ? [.. values.Select(value => new Prediction([], value))]
                : throw new EngineException("It is negative.");
        }

        public void Dispose() => _open.Dispose();
    }
}
