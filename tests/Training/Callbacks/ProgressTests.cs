using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Progress reports within an epoch.</summary>
public class ProgressTests
{
    [Test]
    public void Progress_only_grows_and_ends_with_the_whole_epoch()
    {
        var reports = new Reports();
        using NeuralNet net = Net(new ReportProgress(reports));
        (Tensor x, int[] y) = Toy.Clouds(300);

        net.Fit(x, y).Fit(x, y);

        int[] epochs = [.. reports.All.Select(report => report.Epoch).Distinct()];
        Assert.That(epochs, Is.EqualTo(new[] { 1, 2, 3, 4 }));
        foreach (int epoch in epochs)
        {
            TrainingProgress[] some = [.. reports.All.Where(report => report.Epoch == epoch)];
            Assert.That(some.Select(report => report.Batch), Is.Ordered.And.Unique);
            Assert.That(some.Select(report => report.Elapsed), Is.Ordered);
            Assert.That(some.Select(report => report.Samples), Is.EqualTo(
                some.Select(report => Math.Min(report.Batch * 7, 240))));
            Assert.That(some[^1] with { Elapsed = default }, Is.EqualTo(
                new TrainingProgress(epoch, epoch <= 2 ? 2 : 4, 35, 35, 240, 240, default)));
        }
    }

    [Test]
    public void Watching_changes_no_bit()
    {
        (Tensor x, int[] y) = Toy.Clouds(300);
        using NeuralNet plain = Net(), watched = Net(new LambdaCallback { Progress = (_, _) => { } });

        plain.Fit(x, y);
        watched.Fit(x, y);

        Assert.That(watched.GetParameters().Select(pair => pair.Value.Bytes.ToArray()), Is.EqualTo(
            plain.GetParameters().Select(pair => pair.Value.Bytes.ToArray())));
        Assert.That(watched.TrainHistory.Select(record => record.TrainLoss), Is.EqualTo(
            plain.TrainHistory.Select(record => record.TrainLoss)));
    }

    [Test]
    public void Whoever_was_told_of_the_start_is_told_of_the_end_even_if_another_fails()
    {
        var told = new List<string>();
        using NeuralNet net = Net(
            new LambdaCallback { TrainingStarted = _ => told.Add("start"), TrainingFinished = _ => told.Add("end") },
            new LambdaCallback { TrainingStarted = _ => throw new EngineException("no file") },
            new LambdaCallback { TrainingFinished = _ => told.Add("never started") });
        (Tensor x, int[] y) = Toy.Clouds(60);

        Assert.That(() => net.Fit(x, y), Throws.TypeOf<EngineException>().With.Message.EqualTo("no file"));
        Assert.That(told, Is.EqualTo(new[] { "start", "end" }));
    }

    private static NeuralNet Net(params Callback[] callbacks) => new(new Input(2), new Dense(8), new Dense(3, Softmax))
    {
        MaxEpochs = 2,
        BatchIteratorTrain = new BatchIterator(7),
        Callbacks = callbacks,
    };

    private sealed class Reports : IProgress<TrainingProgress>
    {
        public List<TrainingProgress> All { get; } = [];

        public void Report(TrainingProgress value) => All.Add(value);
    }
}
