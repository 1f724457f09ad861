using Engine.Layers;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>Reads event files back, record by record.</summary>
public class TensorBoardTests
{
    [Test]
    public void The_readers_checksum_is_that_of_the_published_test_vector() =>
        Assert.That(EventFileReader.Crc32C("123456789"u8), Is.EqualTo(0xE3069283));

    [Test]
    public void A_file_begins_with_its_version_and_gives_back_what_was_written()
    {
        using var folder = new TempFolder();
        var time = new DateTimeOffset(2026, 11, 25, 8, 0, 0, 250, TimeSpan.Zero);
        string path;
        using (var file = new EventFile(Path.Combine(folder.Path, "new", "run"), new Clock(time)))
        {
            path = file.Path;
            file.Write(1, ("loss/train", 0.5), ("Größe", -2));
            file.Write(5_000_000_000, ("loss/train", double.PositiveInfinity), (new string('n', 300), float.MaxValue));
            file.Write(-1);
            Assert.That(EventFileReader.Read(path), Has.Count.EqualTo(4), "while it is still open");
        }

        List<LoggedEvent> events = EventFileReader.Read(path);

        Assert.That(Path.GetFileName(path), Does.StartWith($"events.out.tfevents.{time.ToUnixTimeSeconds()}."));
        Assert.That(events.Select(found => found.WallTime), Is.All.EqualTo(time.ToUnixTimeMilliseconds() / 1000.0));
        Assert.That(events.Select(found => found.Step), Is.EqualTo(new[] { 0, 1, 5_000_000_000, -1 }));
        Assert.That(events.Select(found => found.FileVersion), Is.EqualTo(new[] { "brain.Event:2", null, null, null }));
        Assert.That(events[0].Figures, Is.Empty);
        Assert.That(events[1].Figures, Is.EqualTo(new[] { ("loss/train", 0.5f), ("Größe", -2f) }));
        Assert.That(events[2].Figures, Is.EqualTo(
            new[] { ("loss/train", float.PositiveInfinity), (new string('n', 300), float.MaxValue) }));
        Assert.That(events[3].Figures, Is.Empty);
    }

    [Test]
    public void Two_files_of_one_second_stand_dimension_by_dimension()
    {
        using var folder = new TempFolder();
        var clock = new Clock(DateTimeOffset.UnixEpoch);
        using var one = new EventFile(folder.Path, clock);
        using var other = new EventFile(folder.Path, clock);

        Assert.That(one.Path, Is.Not.EqualTo(other.Path));
    }

    [Test]
    public void A_folder_that_cannot_be_made_is_named()
    {
        using var folder = new TempFolder();
        string taken = Path.Combine(folder.Path, "taken");
        File.WriteAllText(taken, "");

        Assert.That(() => new EventFile(taken), Throws.TypeOf<EngineException>().With.Message.Contains(taken));
    }

    [Test]
    public void Each_epoch_is_a_step_with_the_figures_of_its_record()
    {
        using var folder = new TempFolder();
        (Tensor x, int[] y) = Toy.Clouds(60);
        using var net = new NeuralNet(new Input(2), new Dense(3, Softmax))
        {
            MaxEpochs = 2,
            Callbacks = [new TensorBoardLog(folder.Path)],
            CustomScores = [new CustomScore("seven", (_, _) => 7)],
        };

        net.Fit(x, y);

        List<LoggedEvent> events = EventFileReader.Read(Directory.GetFiles(folder.Path).Single());
        Assert.That(events.Select(found => found.Step), Is.EqualTo(new[] { 0, 1, 2 }));
        foreach ((LoggedEvent found, EpochRecord record) in events.Skip(1).Zip(net.TrainHistory))
        {
            Assert.That(found.Figures, Is.EqualTo(new[]
            {
                ("loss/train", (float)record.TrainLoss), ("loss/valid", (float)record.ValidLoss),
                ("accuracy/valid", (float)record.ValidAccuracy), ("score/seven", 7f),
                ("time/epoch_seconds", (float)record.Dur), ("update/learning_rate", 0.01f), ("update/momentum", 0.9f),
            }));
        }
    }

    [Test]
    public void What_is_not_measured_is_left_out_and_each_fit_has_a_file()
    {
        using var folder = new TempFolder();
        (Tensor x, int[] y) = Toy.Clouds(60);
        using var net = new NeuralNet(new Input(2), new Dense(3, Softmax))
        {
            MaxEpochs = 1,
            TrainSplit = new TrainSplit(0),
            Callbacks = [new TensorBoardLog(folder.Path)],
        };

        net.Fit(x, y).Fit(x, y);

        string[] files = Directory.GetFiles(folder.Path);
        Assert.That(files, Has.Length.EqualTo(2));
        LoggedEvent[] epochs = [.. files.SelectMany(EventFileReader.Read).Where(found => found.FileVersion is null)];
        Assert.That(epochs.Select(found => found.Step), Is.EquivalentTo(new[] { 1, 2 }));
        Assert.That(epochs.SelectMany(found => found.Figures).Select(figure => figure.Tag).Distinct(), Is.EqualTo(
            new[] { "loss/train", "time/epoch_seconds", "update/learning_rate", "update/momentum" }));
    }

    private sealed class Clock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
