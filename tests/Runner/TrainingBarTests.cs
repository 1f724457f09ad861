using Engine.Layers;
using Engine.Runner;
using Engine.Training;

namespace Engine.Tests.Runner;

public sealed class TrainingBarTests : IDisposable
{
    private readonly NeuralNet _net = new(new Input(2), new Dense(3));

    public void Dispose() => _net.Dispose();

    // The first batch takes 1 s, then there are 2 batches of 10 images per second: 20 batches take 10 s, an epoch 11 s.
    [TestCase(120, "epoch 2/4  ━━━━━━━━━━──────────  11/21 batches  20 images/s  5 s left, 27 s in all")]
    [TestCase(80, "epoch 2/4  ━━━━━━━━─────────  11/21 batches  20 images/s  5 s left, 27 s in all")]
    [TestCase(60, "epoch 2/4  ━━━━━─────  11/21 batches  20 images/s  5 s left")]
    [TestCase(54, "epoch 2/4  11/21 batches  20 images/s  5 s left")]
    [TestCase(40, "epoch 2/4  11/21 batches  5 s left")]
    [TestCase(30, "epoch 2/4  11/21 batches")]
    [TestCase(20, "epoch 2/4  5 s left")]
    public void A_line_tells_what_fits_beside_the_edge(int width, string line)
    {
        using var terminal = new FakeTerminal(isTerminal: true, width);
        var bar = new TrainingBar(terminal.Console);

        Report(bar, epoch: 2, batch: 1);
        Report(bar, epoch: 2, batch: 11);

        Assert.That(terminal.Lines, Is.EqualTo(new[] { line }));
        Assert.That(line, Has.Length.LessThan(width));
    }

    [Test]
    public void The_line_is_gone_before_the_row_of_the_epoch_and_when_the_training_ends()
    {
        using var terminal = new FakeTerminal(isTerminal: true);
        var bar = new TrainingBar(terminal.Console);

        Report(bar, epoch: 1, batch: 1);
        Report(bar, epoch: 1, batch: 2);
        Report(bar, epoch: 1, batch: 21);
        Assert.That(terminal.Written, Does.EndWith("\r\e[K"));
        Report(bar, epoch: 2, batch: 1);
        Report(bar, epoch: 2, batch: 2);
        Assert.That(terminal.Written, Does.Not.EndWith("\r\e[K"));
        bar.OnTrainingFinished(_net);

        Assert.That(terminal.Lines.Select(line => line.Length > 0), Is.EqualTo(new[] { true, false, true, false }));
    }

    [Test]
    public void What_is_left_of_all_epochs_goes_by_the_last_whole_one()
    {
        using var terminal = new FakeTerminal(isTerminal: true);
        var bar = new TrainingBar(terminal.Console);
        bar.OnEpochFinished(_net, new EpochRecord
        {
            Epoch = 1,
            TrainLoss = 1,
            TrainLossBest = true,
            ValidLoss = 1,
            ValidLossBest = true,
            ValidAccuracy = 0,
            TrainSeconds = 11,
            Dur = 100,
        });

        Report(bar, epoch: 2, batch: 1);
        Report(bar, epoch: 2, batch: 11);

        Assert.That(terminal.Lines[^1], Does.EndWith("  5 s left, 3:25 in all"));
    }

    [Test]
    public void An_epoch_that_is_over_at_once_draws_nothing()
    {
        using var terminal = new FakeTerminal(isTerminal: true);
        var bar = new TrainingBar(terminal.Console);

        foreach (int batch in (int[])[1, 10, 21])
        {
            var elapsed = TimeSpan.FromMilliseconds(10 * batch);
            bar.OnProgress(_net, new TrainingProgress(1, 4, batch, 21, 10 * batch, 210, elapsed));
        }

        bar.OnTrainingFinished(_net);

        Assert.That(terminal.Written, Is.Empty);
    }

    [TestCase(false, false)]
    [TestCase(true, true)]
    public void Where_nothing_can_be_drawn_over_progress_is_not_asked_for(bool isTerminal, bool isDumb)
    {
        using var terminal = new FakeTerminal(isTerminal, isDumb: isDumb);

        Assert.That(new TrainingBar(terminal.Console).WantsProgress, Is.False);
    }

    private void Report(TrainingBar bar, int epoch, int batch) => bar.OnProgress(
        _net, new TrainingProgress(
            epoch, 4, batch, 21, 10 * batch, 210, TimeSpan.FromSeconds(1 + (0.5 * (batch - 1)))));
}
