using Engine.Data;

namespace Engine.Tests.Data;

/// <summary>Batch sources and their read-ahead.</summary>
public class BatchSourceTests
{
    [TestCase(1)]
    [TestCase(10)]
    [TestCase(1000)]
    public void Through_a_window_each_sample_comes_once_an_epoch_in_an_order_of_seed_and_epoch(int window)
    {
        WindowedSource source = Counting(95, piece: 7, window);

        int[] first = Order(source, epoch: 1), again = Order(source, epoch: 1), second = Order(source, epoch: 2);

        Assert.That(first.Order(), Is.EqualTo(Enumerable.Range(0, 95)));
        Assert.That(again, Is.EqualTo(first));
        Assert.That(second.Order(), Is.EqualTo(Enumerable.Range(0, 95)));
        Assert.That(second.SequenceEqual(first), Is.EqualTo(window == 1));
        Assert.That(
            first.Index().All(one => one.Item <= one.Index + window), "a sample comes before the window can hold it");
    }

    [Test]
    public void Unshuffled_the_samples_come_as_they_come_in_batches_of_the_size_that_is_wanted()
    {
        SampleBatch[] batches =
            [.. Counting(20, piece: 3, window: 5).Epoch(Plan(1, shuffle: false)).Select(read => read())];

        Assert.That(batches.Select(batch => batch.X.Single.Shape[0]), Is.EqualTo((int[])[8, 8, 4]));
        Assert.That(
            batches.SelectMany(batch => batch.Y.Single.AsSpan<int>().ToArray()), Is.EqualTo(Enumerable.Range(0, 20)));
    }

    [Test]
    public void Rows_of_a_table_are_prepared_when_they_are_due()
    {
        var table = new Table(new NumberColumn("x", [1, 2, 3, 4]), new TextColumn("y", ["a", "b", "a", "b"]));
        Preparation inputs = Preparation.Fit(table, "y");
        Target target = Target.Fit(table["y"]);

        SampleBatch batch = new TableSource(table, inputs, target).Read([3, 0]);

        Assert.That(batch.X.Single.AsSpan<float>().ToArray(),
            Is.EqualTo(inputs.Apply(table.Rows([3, 0])).AsSpan<float>().ToArray()));
        Assert.That(batch.Y.Single.AsSpan<int>().ToArray(), Is.EqualTo((int[])[1, 0]));
    }

    [Test]
    public void A_column_in_a_file_is_read_row_by_row()
    {
        using var folder = new TempFolder();
        File.WriteAllBytes(folder.File("pixels"), [.. Enumerable.Range(0, 24).Select(i => (byte)(10 * i))]);
        var column = new StoredColumn("picture", folder.File("pixels"), [1, 2, 3]);
        var values = new float[6];

        column.Rows([3, 1]).As<StoredColumn>().Read(0, values);

        Assert.That(column.Count, Is.EqualTo(4));
        Assert.That(values, Is.EqualTo((float[])[180, 190, 200, 210, 220, 230]));
        Assert.That(column.Load().Shape, Is.EqualTo(new Shape(4, 1, 2, 3)));
        Assert.That(ScaledPlanes.Fit(column),
            Is.EqualTo(ScaledPlanes.Fit(new TensorColumn("picture", column.Load()))).Using<ScaledPlanes>(
            (a, b) => a.Mean.SequenceEqual(b.Mean) && a.Std.SequenceEqual(b.Std)));
        Assert.That(
            () => new StoredColumn("picture", folder.File("pixels"), [1, 5]), Throws.InstanceOf<DataFormatException>()
                .With.Message.Contains("no whole samples"));
    }

    [Test]
    public void No_more_is_read_ahead_than_was_asked_for_and_results_come_in_order()
    {
        int under = 0, max = 0;
        using var gate = new ManualResetEventSlim();
        IEnumerable<Func<int>> Work() => Enumerable.Range(0, 20).Select(i => (Func<int>)(() =>
        {
            InterlockedMax(ref max, Interlocked.Increment(ref under));
            gate.Wait();
            Interlocked.Decrement(ref under);
            return i;
        }));
        using var ahead = new ReadAhead<int>(Work(), 3);

        gate.Set();
        var results = new List<int>();
        while (ahead.Next(out int result))
        {
            results.Add(result);
        }

        Assert.That(results, Is.EqualTo(Enumerable.Range(0, 20)));
        Assert.That(max, Is.LessThanOrEqualTo(3));
    }

    [Test]
    public void Reading_ahead_ends_when_it_is_disposed_of_amid_it()
    {
        int begun = 0;
        var ahead = new ReadAhead<int>(
            Enumerable.Range(0, 1000).Select(i => (Func<int>)(() => Interlocked.Increment(ref begun))), 4);

        ahead.Next(out _);
        ahead.Dispose();
        int then = begun;

        Assert.That(then, Is.LessThanOrEqualTo(6));
        Assert.That(begun, Is.EqualTo(then));
    }

    private static void InterlockedMax(ref int max, int value)
    {
        int seen = Volatile.Read(ref max);
        while (value > seen && Interlocked.CompareExchange(ref max, value, seen) is var now && now != seen)
        {
            seen = now;
        }
    }

    private static EpochPlan Plan(int epoch, bool shuffle = true) =>
        new(epoch, 8, shuffle, 3, count => DataSplit.Order(count, epoch));

    private static int[] Order(WindowedSource source, int epoch) =>
        [.. source.Epoch(Plan(epoch)).SelectMany(read => read().Y.Single.AsSpan<int>().ToArray())];

    private static WindowedSource Counting(int count, int piece, int window) => new(
        count, () => Enumerable.Range(0, count).Chunk(piece).Select(some => new SampleBatch(
            Tensor.From([.. some.Select(i => (float)i)], some.Length, 1), Tensor.From(some))), window);
}

file static class Casts
{
    public static T As<T>(this object value) => (T)value;
}
