using Engine.Configuration;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;

namespace Engine.Tests.Runner;

public class TrainingOptionsTests
{
    private static readonly TrainingOptions s_options = new() { Network = Networks.Cnn };

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void What_the_command_line_says_of_device_and_threads_reaches_the_configuration()
    {
        TrainingOptions options = s_options with { Device = new DeviceChoice(DeviceFamily.Cuda, 1), Threads = 3 };

        EngineOptions configured = CommonOptions.Configure(options.Device, options.Threads);

        Assert.That(configured.Device, Is.EqualTo(options.Device));
        Assert.That(configured.Threads, Is.EqualTo(3));
    }

    [Test]
    public void Files_that_can_be_read_and_written_pass_and_nothing_is_left_behind()
    {
        string model = _folder.File("model.safetensors");
        File.WriteAllText(model, "former");

        (s_options with { Load = model, Save = model, History = _folder.File("history.jsonl") }).CheckFiles();

        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EqualTo(new[] { model }));
        Assert.That(File.ReadAllText(model), Is.EqualTo("former"));
    }

    [Test]
    public void Files_that_cannot_are_named_with_their_option_before_the_training()
    {
        string missing = _folder.File("missing");
        string inMissing = Path.Combine(missing, "file");

        AssertFails(s_options with { Load = missing }, $"--load: there is no file {missing}.");
        AssertFails(s_options with { Resume = missing }, $"--resume: there is no file {missing}.");
        AssertFails(
            s_options with { Checkpoint = inMissing },
            $"--checkpoint: {inMissing} cannot be written, since the folder {missing} does not exist.");
        AssertFails(
            s_options with { Checkpoint = "model.npz" },
            "--checkpoint: model.npz cannot be npz, which has no place for the history.");
        AssertFails(
            s_options with { Save = inMissing },
            $"--save: {inMissing} cannot be written, since the folder {missing} does not exist.");
        AssertFails(
            s_options with { History = _folder.Path },
            $"--history: {_folder.Path} is a folder; name a file in it.");
    }

    [Test]
    public void A_training_is_resumed_or_begun_not_both()
    {
        string model = _folder.File("model.safetensors");
        File.WriteAllText(model, "");

        AssertFails(
            s_options with { Load = model, Resume = model },
            "--resume goes on with a training, --load begins one: give one of them.");
    }

    private static void AssertFails(TrainingOptions options, string message) =>
        Assert.That(options.CheckFiles, Throws.TypeOf<EngineException>().With.Message.EqualTo(message));
}
