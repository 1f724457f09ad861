using System.Globalization;
using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

public class CsvLogTests
{
    private const string Heading =
        "epoch,train_loss,valid_loss,valid_accuracy,learning_rate,momentum,train_seconds,dur";

    private static readonly Tensor s_points = Toy.Clouds(60).Points;
    private static readonly int[] s_labels = Toy.Clouds(60).Labels;

    private TempFolder _folder = null!;

    private string LogPath => _folder.File("log.csv");

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Each_epoch_is_a_line_with_its_figures_as_soon_as_it_is_over()
    {
        using var language = new CommaCulture();
        var counts = new List<int>();
        using NeuralNet net = Net(2);
        net.Callbacks.Add(new LambdaCallback { EpochFinished = (_, _) => counts.Add(Lines().Length) });

        net.Fit(s_points, s_labels);

        Assert.That(counts, Is.EqualTo(new[] { 2, 3 }));
        Assert.That(Lines()[0], Is.EqualTo(Heading));
        foreach ((string line, EpochRecord record) in Lines().Skip(1).Zip(net.TrainHistory))
        {
            Assert.That(
                line.Split(',').Select(cell => double.Parse(cell, CultureInfo.InvariantCulture)), Is.EqualTo(new[]
                {
                    record.Epoch, record.TrainLoss, record.ValidLoss, record.ValidAccuracy, 0.01, 0.9,
                    record.TrainSeconds,
                    record.Dur,
                }));
        }
    }

    [Test]
    public void What_there_is_none_of_is_left_empty_and_names_are_quoted()
    {
        using var log = new CsvLog(LogPath);
        using var net = new NeuralNet(new Input(2), new Dense(3, Softmax))
        {
            MaxEpochs = 1,
            Update = new Sgd(0.5f),
            TrainSplit = new TrainSplit(0),
            CustomScores = [new CustomScore("a, \"b\"", (_, _) => 1), new CustomScore("c", (_, _) => 1)],
            Callbacks = [log],
        };

        net.Fit(s_points, s_labels);

        Assert.That(Lines()[0], Is.EqualTo(
            "epoch,train_loss,valid_loss,valid_accuracy,\"a, \"\"b\"\"\",c,learning_rate,train_seconds,dur"));
        Assert.That(Lines()[1], Does.Match(@"^1,[\d.]+,,,,,0\.5,[\d.E-]+,[\d.E-]+$"));
    }

    [Test]
    public void A_second_fit_and_a_resumed_training_continue_the_file()
    {
        using NeuralNet net = Net(2), resumed = Net(2);
        net.Fit(s_points, s_labels).SaveState(_folder.File("state"));
        string[] first = Lines();
        net.Fit(s_points, s_labels);
        Assert.That(Lines()[..3], Is.EqualTo(first));
        Assert.That(Epochs(), Is.EqualTo(new[] { 1, 2, 3, 4 }));
        File.AppendAllText(LogPath, "5,0.1");

        resumed.LoadState(_folder.File("state"));
        resumed.PartialFit(s_points, Tensor.From(s_labels));

        Assert.That(Lines()[..3], Is.EqualTo(first));
        Assert.That(Epochs(), Is.EqualTo(new[] { 1, 2, 3 }));
    }

    [Test]
    public void A_new_training_begins_the_file_anew()
    {
        File.WriteAllText(LogPath, "of another");
        using NeuralNet net = Net(1);

        net.Fit(s_points, s_labels);

        Assert.That(Lines()[0], Is.EqualTo(Heading));
        Assert.That(Epochs(), Is.EqualTo(new[] { 1 }));
    }

    [Test]
    public void Another_file_is_not_continued_and_stays_as_it_is()
    {
        using NeuralNet net = Net(1);
        net.Fit(s_points, s_labels);
        File.WriteAllText(LogPath, "of another\n1,2\n");

        Assert.That(() => net.Fit(s_points, s_labels), Throws.TypeOf<EngineException>().With.Message.StartsWith(
            $"{LogPath} cannot be continued: it begins with 'of another', where a log of this network begins with "
            + $"'epoch,"));
        Assert.That(File.ReadAllText(LogPath), Is.EqualTo("of another\n1,2\n"));
        Assert.That(() => File.OpenWrite(LogPath).Dispose(), Throws.Nothing, "it is closed");
    }

    [Test]
    public void A_file_that_cannot_be_written_is_named()
    {
        using NeuralNet net = Net(1, _folder.File("none/log.csv"));

        Assert.That(() => net.Fit(s_points, s_labels), Throws.TypeOf<EngineException>().With.Message.StartsWith(
            $"{_folder.File("none/log.csv")} cannot be written: "));
    }

    private string[] Lines()
    {
        using var reader =
            new StreamReader(new FileStream(LogPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private int[] Epochs() =>
        [.. Lines().Skip(1).Select(line => int.Parse(line.Split(',')[0], CultureInfo.InvariantCulture))];

    private NeuralNet Net(int epochs, string? path = null) => new(new Input(2), new Dense(3, Softmax))
    {
        MaxEpochs = epochs,
        Callbacks = [new CsvLog(path ?? LogPath)],
    };
}
