using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

public class EarlyStoppingTests
{
    [TestCase(2, 0, false, new[] { 5.0, 4, 4, 4.5, 1 }, 4, 2)]
    [TestCase(2, 0, false, new[] { 5.0, 4, 4.5, 3, 3.5, 3.2, 1 }, 6, 4)]
    [TestCase(2, 1, false, new[] { 5.0, 4.5, 3.9, 3.8, 3.7, 1 }, 5, 3)]
    [TestCase(1, 0, true, new[] { 0.5, 0.6, 0.7, 0.7, 0.9 }, 4, 3)]
    [TestCase(2, 0, false, new[] { 5, double.NaN, double.NaN, 1 }, 3, 1)]
    [TestCase(3, 0, false, new[] { double.NaN, 5, 4, 3 }, 4, 4)]
    [TestCase(1, 0, false, new[] { 1, double.NegativeInfinity, 1 }, 3, 2)]
    public void It_stops_when_patience_is_over(
        int patience, double minDelta, bool higherIsBetter, double[] values, int epochs, int best)
    {
        EarlyStopping stop = Scripted(patience, values, minDelta, higherIsBetter);
        using NeuralNet net = Net(values.Length, stop);

        net.Fit(s_points, s_labels);

        Assert.That(stop.Best, Is.EqualTo(values[stop.BestEpoch - 1]));
        Assert.That(stop.HasStopped, Is.EqualTo(stop.BestEpoch + patience <= values.Length));
        Assert.That((net.TrainHistory.Count, stop.BestEpoch), Is.EqualTo((epochs, best)));
    }

    [Test]
    public void The_best_epochs_parameters_are_put_back_followed_averages_among_them([Values] bool restore)
    {
        var after = new List<string[]>();
        EarlyStopping stop = Scripted(2, [3, 2, 4, 5], restore: restore);
        using NeuralNet net = Net(9, stop, new LambdaCallback { EpochFinished = (of, _) => after.Add(Parameters(of)) });

        net.Fit(s_points, s_labels);

        Assert.That(after, Has.Count.EqualTo(4).And.Unique);
        Assert.That(Parameters(net), Is.EqualTo(after[restore ? 1 : 3]));
        Assert.That(Parameters(net), Has.Some.StartsWith("batchnorm2.mean "));
    }

    [Test]
    public void A_canceled_training_ends_with_the_best_epoch_too()
    {
        using var cancellation = new CancellationTokenSource();
        string[] best = [];
        using NeuralNet net = Net(9, Scripted(5, [3, 1, 2]), new LambdaCallback
        {
            EpochFinished = (of, record) => best = record.Epoch == 2 ? Parameters(of) : best,
            BatchFinished = (_, batch) =>
            {
                if (batch is { Epoch: 4, Index: 1 })
                {
                    cancellation.Cancel();
                }
            },
        });

        net.Fit(s_points, s_labels, cancellation.Token);

        Assert.That(net.TrainHistory, Has.Count.EqualTo(3));
        Assert.That(Parameters(net), Is.EqualTo(best));
    }

    [Test]
    public void Each_fit_counts_anew()
    {
        EarlyStopping stop = Scripted(2, [3, 4, 5, 6, 5.5, 7, 8, 9]);
        using NeuralNet net = Net(4, stop);

        net.Fit(s_points, s_labels);
        Assert.That((net.TrainHistory.Count, stop.BestEpoch), Is.EqualTo((3, 1)));
        net.Fit(s_points, s_labels);

        Assert.That((net.TrainHistory.Count, stop.BestEpoch), Is.EqualTo((7, 5)));
    }

    [Test]
    public void Saved_and_loaded_after_any_epoch_it_stops_at_the_same_and_restores_the_same(
        [Range(1, 5)] int interruption)
    {
        using var folder = new TempFolder();
        string path = folder.File("{epoch}.state");
        double[] values = [5, 3, 4, 3.5, 3, 1];
        EarlyStopping stop = Scripted(3, values);
        using NeuralNet whole = Net(9, stop, new ModelCheckpoint(path) { WholeState = true });
        whole.Fit(s_points, s_labels);
        Assert.That(whole.TrainHistory, Has.Count.EqualTo(5));

        EarlyStopping resumed = Scripted(3, values);
        using NeuralNet net = Net(9, resumed);
        net.LoadState(folder.File($"{interruption}.state"));
        net.Fit(s_points, s_labels);

        Assert.That(Bits.Of(net), Is.EqualTo(Bits.Of(whole)));
        Assert.That(
            (resumed.BestEpoch, resumed.Best, resumed.HasStopped), Is.EqualTo((stop.BestEpoch, stop.Best, true)));
    }

    [Test]
    public void What_is_not_there_cannot_be_watched()
    {
        using NeuralNet net = Net(2, new EarlyStopping()), scored = Net(
            2, new EarlyStopping { Watch = Metric.Score("auc", higherIsBetter: true) });
        net.TrainSplit = new TrainSplit(0);

        Assert.That(() => new EarlyStopping(0), Throws.TypeOf<EngineException>().With.Message.Contains(
            "1 epoch at least, not 0"));
        Assert.That(() => net.Fit(s_points, s_labels), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "There is no valid_loss to watch, for no samples validate: watch Metric.TrainLoss, or set TrainSplit."));
        Assert.That(() => scored.Fit(s_points, s_labels), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "There is no score 'auc' to watch: CustomScores has none."));
    }

    [Test]
    public void A_strangers_state_is_refused() => Assert.That(
        () => new EarlyStopping().SetState(new Dictionary<string, Tensor> { ["best"] = Tensor.Scalar(1f) }),
        Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "The state of EarlyStopping has no number 'best' of type float64."));

    private static readonly Tensor s_points = Toy.Clouds(60).Points;
    private static readonly int[] s_labels = Toy.Clouds(60).Labels;

    /// <summary>Returns an early stopping that sees these values, whatever the results of the epochs are.</summary>
    private static EarlyStopping Scripted(
        int patience, double[] values, double minDelta = 0, bool higherIsBetter = false, bool restore = true) =>
        new(patience)
        {
            Watch = new Metric("scripted", record => values[record.Epoch - 1], higherIsBetter),
            MinDelta = minDelta,
            RestoreBest = restore,
        };

    private static string[] Parameters(NeuralNet net) =>
        [.. net.GetParameters().Select(pair => $"{pair.Key} {Convert.ToHexString(pair.Value.Bytes)}")];

    private static NeuralNet Net(int epochs, params Callback[] callbacks) => new(
        new Input(2), new Dense(6, Linear), new BatchNorm(), new Activation(Rectify), new Dense(3, Softmax))
    {
        MaxEpochs = epochs,
        BatchIteratorTrain = new BatchIterator(16),
        Callbacks = [.. callbacks],
    };
}
