using Engine.Devices;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Checks the formulas of schedules, and that a training follows them.</summary>
public class ScheduleTests
{
    private const double Tolerance = 1e-12;

    [Test]
    public void A_step_multiplies_every_so_many_epochs() =>
        Assert.That(Epochs(Schedule.Step(0.8, 0.5, every: 2), 6), Is.EqualTo(
            new[] { 0.8, 0.8, 0.4, 0.4, 0.2, 0.2 }).Within(Tolerance));

    [Test]
    public void A_line_reaches_its_end_in_the_last_epoch_and_stays_there() =>
        Assert.That(Epochs(Schedule.Linear(0.5, 0.1, epochs: 5), 7), Is.EqualTo(
            new[] { 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1 }).Within(Tolerance));

    [Test]
    public void A_cosine_is_flat_at_both_ends_and_half_way_in_the_middle() =>
        Assert.That(Epochs(Schedule.Cosine(1, 0, epochs: 5), 6), Is.EqualTo(
            new[] { 1, (2 + Math.Sqrt(2)) / 4, 0.5, (2 - Math.Sqrt(2)) / 4, 0, 0 }).Within(Tolerance));

    [Test]
    public void Steps_are_at_parts_of_the_training_between_epochs_or_batches()
    {
        var rate = Schedule.Steps(0.1, 0.1, [0.5, 0.75], epochs: 3);
        double[] batches = [.. from epoch in Enumerable.Range(1, 3) from batch in Enumerable.Range(0, 4) select rate.At(
            new SchedulePosition(epoch, batch, 4, 3))];

        Assert.That(Epochs(Schedule.Steps(8, 0.5, [0.5, 0.75], epochs: 4, everyBatch: false), 5),
            Is.EqualTo(new[] { 8.0, 8, 4, 2, 2 }));
        Assert.That(batches,
            Is.EqualTo(new[] { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001, 0.001 }).Within(1e-15));
        Assert.That(
            () => Schedule.Steps(1, 0.1, [0.5, 1]), Fails("parts of the training between 0 and 1, not at 0.5, 1"));
    }

    [Test]
    public void One_cycle_turns_at_its_peak() =>
        Assert.That(Epochs(Schedule.OneCycle(0.2, 1, 0, rise: 0.25, epochs: 9, everyBatch: false), 10), Is.EqualTo(new[]
        {
            0.2, 0.6, 1, (1 + Math.Cos(Math.PI / 6)) / 2, 0.75, 0.5, 0.25, (1 - Math.Cos(Math.PI / 6)) / 2, 0, 0,
        }).Within(Tolerance));

    [Test]
    public void A_function_is_given_epoch_and_batch() =>
        Assert.That(
            Schedule.Of(at => at.Epoch + (0.1 * at.Batch), everyBatch: true).At(new SchedulePosition(3, 4, 5, 6)),
            Is.EqualTo(3.4).Within(Tolerance));

    [Test]
    public void Batches_share_the_way_evenly()
    {
        double[] parts = [.. from epoch in Enumerable.Range(1, 3)
                             from batch in Enumerable.Range(0, 2)
                             select new SchedulePosition(epoch, batch, 2, 2).Fraction];

        Assert.That(parts, Is.EqualTo(new[] { 0, 1 / 3.0, 2 / 3.0, 1, 1, 1 }).Within(Tolerance));
        Assert.That(new SchedulePosition(1, 0, 1, 1).Fraction, Is.Zero, "one step is the first");
    }

    [Test]
    public void What_is_no_schedule_is_refused()
    {
        Assert.That(() => Schedule.Step(1, 0.5, 0), Fails("every 1 epoch or more, not every 0"));
        Assert.That(() => Schedule.Linear(1, 0, epochs: 0), Fails("lasts at least 1 epoch, not 0"));
        Assert.That(() => Schedule.OneCycle(0, 1, 0, rise: 1), Fails("between 0 and 1, not at 1"));
        Assert.That(
            () => Schedule.Of(at => 1.0 / (at.Epoch - 2)).At(new SchedulePosition(2, 0, 1, 5)),
            Fails("in epoch 2, batch 0: it must be finite"));
    }

    [Test]
    public void Each_epoch_is_trained_with_its_values()
    {
        var seen = new List<(float Rate, float Momentum)>();
        using NeuralNet net = Net(null, new BatchIterator(20));
        net.Callbacks.Add(new AdjustVariable("learning_rate", start: 0.3, stop: 0.1));
        net.Callbacks.Add(new AdjustVariable("momentum", Schedule.Linear(0.5, 0.9, epochs: 5)));
        net.Callbacks.Add(new LambdaCallback { BatchFinished = (of, _) => seen.Add(Settings(of)) });
        (Tensor x, int[] y) = Toy.Clouds(25);

        net.Fit(x, y);

        Assert.That(seen, Is.EqualTo(new[] { (0.3f, 0.5f), (0.2f, 0.6f), (0.1f, 0.7f) }));
    }

    [Test]
    public void Settings_that_are_there_already_change_nothing()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        using NeuralNet plain = Net(null, new BatchIterator(7)), adjusted = Net(null, new BatchIterator(7));
        adjusted.Callbacks.Add(new AdjustVariable("learning_rate", Schedule.Of(_ => 0.1f, everyBatch: true)));
        adjusted.Callbacks.Add(new AdjustVariable("momentum", 0.9f, 0.9f));

        Assert.That(Bits.Of(adjusted.Fit(x, y)), Is.EqualTo(Bits.Of(plain.Fit(x, y))));
    }

    /// <summary>Values from the device's table, from the host, and set by hand for each batch.</summary>
    [Test]
    public void Each_batch_is_trained_with_its_values_wherever_they_come_from([Values] bool isOnGpu)
    {
        Device device = isOnGpu ? CudaTestDevice.Open() : Device.Default;
        (Tensor x, int[] y) = Toy.Clouds(60);
        var rate = Schedule.OneCycle(0.02, 0.4, 0.001, epochs: 3);
        var momentum = Schedule.OneCycle(0.95, 0.85, 0.95, epochs: 3);
        AdjustVariable[] both = [new("learning_rate", rate), new("momentum", momentum)];
        using NeuralNet table = Net(device, new BatchIterator(7), both);
        using NeuralNet host = Net(device, new BatchIterator(7) { Transform = batch => batch }, both);
        using NeuralNet hand = Net(device, new BatchIterator(7));
        int batches = 7;
        void Set(NeuralNet net, int epoch, int batch)
        {
            var at = new SchedulePosition(epoch, batch, batches, 3);
            net.UpdateSettings["learning_rate"].SetScalar((float)rate.At(at));
            net.UpdateSettings["momentum"].SetScalar((float)momentum.At(at));
        }

        hand.Callbacks.Add(new LambdaCallback
        {
            EpochStarted = (net, epoch) => Set(net, epoch, 0),
            BatchFinished = (net, batch) => Set(net, batch.Epoch, batch.Index + 1),
        });

        foreach (NeuralNet net in (NeuralNet[])[table, host, hand])
        {
            net.Fit(x, y);
        }

        Assert.That(table.TrainHistory[^1].TrainLoss, Is.LessThan(0.9 * table.TrainHistory[0].TrainLoss));
        Assert.That(Bits.Of(table), Is.EqualTo(Bits.Of(hand)));
        Assert.That(Bits.Of(host), Is.EqualTo(Bits.Of(hand)));
        Assert.That(Settings(table), Is.EqualTo((0.001f, 0.95f)), "what the last batch was trained with stays");
    }

    [Test]
    public void A_schedule_that_was_taken_away_has_no_effect_any_more()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        using NeuralNet net = Net(null, new BatchIterator(7));
        net.Callbacks.Add(new AdjustVariable("learning_rate", Schedule.Cosine(0.3, 0.1, everyBatch: true)));
        net.Fit(x, y);
        net.Callbacks.Clear();
        net.LearningRate = 0.25;

        net.Fit(x, y);

        Assert.That(net.LearningRate, Is.EqualTo(0.25));
    }

    [Test]
    public void A_setting_that_the_rule_does_not_have_or_that_two_adjust_is_refused()
    {
        (Tensor x, int[] y) = Toy.Clouds(60);
        using NeuralNet unknown = Net(null, new BatchIterator(7), new AdjustVariable("lr", 1, 0));
        using NeuralNet twice = Net(
            null, new BatchIterator(7), new AdjustVariable("momentum", 1, 0), new AdjustVariable("momentum", 1, 0));

        Assert.That(() => unknown.Fit(x, y), Fails(
            "NesterovMomentum has no setting 'lr' to adjust; it has learning_rate, momentum."));
        Assert.That(() => twice.Fit(x, y), Fails("Two callbacks adjust 'momentum'"));
    }

    /// <summary>The rates, times 10, are those of PyTorch's ReduceLROnPlateau, whose patience is one less.</summary>
    [TestCase(false, 2, 0, 0.0, 0.0, "1 1 1 .5 .5 .5 .5 .25 .25 .125 .125 .125 .0625 .0625 .03125 .03125")]
    [TestCase(false, 2, 2, 0.0, 0.0, "1 1 1 .5 .5 .5 .5 .25 .25 .25 .25 .25 .125 .125 .125 .125")]
    [TestCase(false, 1, 3, 0.2, 0.0, "1 1 .5 .5 .5 .5 .25 .25 .25 .25 .25 .2 .2 .2 .2 .2")]
    [TestCase(false, 2, 1, 0.0, 0.5, "1 1 1 .5 .5 .5 .5 .25 .25 .25 .125 .125 .125 .0625 .0625 .0625")]
    [TestCase(true, 3, 1, 0.3, 0.0, "1 1 1 .5 .5 .5 .5 .3 .3 .3 .3 .3 .3 .3 .3 .3")]
    [TestCase(false, 1, 0, 2.0, 0.0, "1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1")]
    public void A_plateau_reduces_the_rate_and_never_raises_it(
        bool higherIsBetter, int patience, int cooldown, double min, double minDelta, string expected)
    {
        double[] figures = [5, 4, 4, 4, 4.5, 3, 3, 3, 3, 3, 2.9, 2.9, 2.9, 3, 3, 3], rates = Numbers(expected);
        var plateau = new ReduceOnPlateau(0.5, patience)
        {
            Watch = new Metric("figure", record => figures[record.Epoch - 1], higherIsBetter),
            Cooldown = cooldown,
            Min = min / 10,
            MinDelta = minDelta,
        };
        var seen = new List<double>();
        (Tensor x, int[] y) = Toy.Clouds(30);
        using NeuralNet net = Net(
            null, new BatchIterator(30), plateau,
            new LambdaCallback { EpochFinished = (one, _) => seen.Add(Settings(one).Rate * 10) });
        net.MaxEpochs = figures.Length;
        net.Fit(x, y);

        Assert.That(seen, Is.EqualTo(rates).Within(1e-6));
        Assert.That(plateau.Reductions, Is.EqualTo(rates.Distinct().Count() - 1));

        static double[] Numbers(string text) =>
            [.. text.Split(' ').Select(word => double.Parse(word, System.Globalization.CultureInfo.InvariantCulture))];
    }

    private static double[] Epochs(Schedule schedule, int count) => [.. Enumerable.Range(1, count)
        .Select(epoch => schedule.At(new SchedulePosition(epoch, 0, 1, schedule.Epochs ?? count)))];

    private static (float Rate, float Momentum) Settings(NeuralNet net) => (
        net.UpdateSettings["learning_rate"].GetScalar<float>(), net.UpdateSettings["momentum"].GetScalar<float>());

    private static NUnit.Framework.Constraints.ContainsConstraint Fails(string message) =>
        Throws.TypeOf<EngineException>().With.Message.Contains(message);

    private static NeuralNet Net(Device? device, BatchIterator iterator, params Callback[] callbacks) => new(
        new Input(2), new Dense(8), new Dense(3, Softmax))
    {
        Device = device,
        MaxEpochs = 3,
        Update = new NesterovMomentum(0.1f, 0.9f),
        BatchIteratorTrain = iterator,
        Callbacks = [.. callbacks],
    };
}
