using Engine.Layers;
using Engine.Runner;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

public class HistoryLogTests
{
    [Test]
    public void What_a_network_logs_the_runner_plots([Values("history.jsonl", "history.csv")] string name)
    {
        using var folder = new TempFolder();
        using var language = new CommaCulture();
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet net = Net();
        net.CustomScores.Add(new CustomScore("a, \"b\"", (_, _) => 1));
        Callback log = Log(name, folder.File(name));
        net.Callbacks.Add(log);

        net.Fit(points, labels);
        net.Fit(points, labels);

        ((IDisposable)log).Dispose();
        History history = History.Read([folder.File(name)]).Single();
        Assert.That(history.Name, Is.EqualTo("history"));
        Assert.That(history.Epochs, Is.EqualTo(net.TrainHistory.Select(epoch => new EpochFigures(
            epoch.Epoch, epoch.TrainLoss, epoch.ValidLoss, epoch.ValidAccuracy, epoch.TrainSeconds, epoch.Dur))));
        Assert.That(history.Epochs, Has.Count.EqualTo(4));
    }

    [Test]
    public void What_was_cut_off_is_left_out_and_what_is_no_history_is_refused()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("cut.csv"), "epoch,train_loss\n1,0.5\n2,");
        File.WriteAllText(folder.File("bad.csv"), "epoch,train_loss\n1,0.5,3\n2,1\n");

        Assert.That(History.Read([folder.File("cut.csv")]).Single().Epochs.Select(epoch => epoch.TrainLoss).First(),
            Is.EqualTo(0.5));
        Assert.That(
            () => History.Read([folder.File("bad.csv")]),
            Throws.TypeOf<EngineException>().With.Message.EndsWith(
                "bad.csv, line 2 is not of a training's history, as CsvLog writes it: it has 3 cells, "
                + "the first line 2."));
    }

    [Test]
    public void A_file_that_cannot_be_written_is_named()
    {
        using NeuralNet net = Net();
        using var log = new HistoryLog("/there is none/history.jsonl");
        net.Callbacks.Add(log);
        (Tensor points, int[] labels) = Toy.Clouds(30);

        Assert.That(() => net.Fit(points, labels), Throws.TypeOf<EngineException>().With.Message.StartsWith(
            "/there is none/history.jsonl cannot be written: "));
    }

    [Test]
    public async Task Fit_in_the_background_gives_what_Fit_gives()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet first = Net(), second = Net();

        first.Fit(points, labels);
        Assert.That(await second.FitAsync(points, labels), Is.SameAs(second));

        Assert.That(
            second.TrainHistory.Select(epoch => epoch.TrainLoss),
            Is.EqualTo(first.TrainHistory.Select(epoch => epoch.TrainLoss)));
    }

    [Test]
    public async Task Fit_in_the_background_ends_when_it_is_canceled_and_fails_where_Fit_throws()
    {
        (Tensor points, int[] labels) = Toy.Clouds(60);
        using NeuralNet net = Net();
        using var cancellation = new CancellationTokenSource();
        net.MaxEpochs = 1_000_000;
        net.Callbacks.Add(new LambdaCallback { EpochFinished = (_, _) => cancellation.Cancel() });

        await net.FitAsync(points, Tensor.From(labels), cancellation.Token);

        Assert.That(net.TrainHistory, Has.Count.LessThan(1000));
        Assert.That(async () => await net.FitAsync(points, [1, 2]), Throws.InstanceOf<EngineException>());
    }

    private static NeuralNet Net() =>
        new(new Input(2), new Dense(3, Softmax)) { MaxEpochs = 2, Seed = 3, Verbose = 0 };

    private static Callback Log(string name, string path) =>
        name.EndsWith(".csv", StringComparison.Ordinal) ? new CsvLog(path) : new HistoryLog(path);
}
