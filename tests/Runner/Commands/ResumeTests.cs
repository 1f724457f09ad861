using Engine.IO;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Data;
using Engine.Training;

namespace Engine.Tests.Runner;

/// <summary>A training that is stopped and resumed on the command line.</summary>
[Platform(Exclude = "Win", Reason = "There are no signals.")]
public class ResumeTests
{
    private const int Epochs = 40;

    private const string Network = """
        {
          "layers": [
            { "kind": "input", "shape": [3, 32, 32] },
            { "kind": "conv2d", "filters": 4, "size": 3 },
            { "kind": "max_pool2d", "size": 2 },
            { "kind": "batch_norm" },
            { "kind": "dropout", "p": 0.3 },
            { "kind": "dense", "units": 10, "nonlinearity": "softmax" }
          ],
          "update": { "rule": "adam", "learning_rate": 0.01, "schedule": "one_cycle" },
          "epochs": 40, "batch": 32, "data": { "shuffle": true }
        }
        """;

    private TempFolder _folder = null!;
    private string _train = "";

    [SetUp]
    public void MakeFolder()
    {
        _folder = new TempFolder();
        File.WriteAllText(_folder.File("net.json"), Network);
        _train = $"train {_folder.File("net.json")} --device cpu --data {Batches.WriteFolder(_folder.Path, 200, 20)}";
    }

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void What_ctrl_c_stopped_and_resume_ended_has_the_bits_of_what_ran_through()
    {
        Assume.That(Signals.AreHeard, "This process was started deaf to Ctrl-C, and so would be the runner.");
        string whole = _folder.File("whole"), parts = _folder.File("parts"), state = _folder.File("state");
        Run($"{_train} --quiet --save {whole} --history {whole}.jsonl");

        RunnerProcess stopped = Enumerable.Range(0, 5)
            .Select(_ => RunnerProcess.Interrupt($"{_train} --checkpoint {state} --history {parts}.jsonl", "      3 "))
            // The training may end before Ctrl-C arrives.
            .First(run => run.Errors.Contains("Stopped", StringComparison.Ordinal));
        Assert.That(stopped.Errors, Does.Match(
            $"^Stopped after [0-9]+ whole epochs; the network is tested as it is. Go on with --resume {state}.\n$"));
        RunnerProcess resumed = Run(
            $"{_train} --resume {state} --checkpoint {state} --save {parts} --history {parts}.jsonl");

        int done = Lines(resumed).Select(Resumed).Single(epoch => epoch > 0);
        Assert.That(done, Is.InRange(3, Epochs - 1));
        Assert.That(
            Lines(resumed).Select(line => line.TrimStart()),
            Has.Some.StartsWith("epoch ").And.Some.StartsWith($"{done + 1} "));
        Assert.That(File.ReadAllBytes(parts), Is.EqualTo(File.ReadAllBytes(whole)));
        Assert.That(Losses($"{parts}.jsonl"), Is.EqualTo(Losses($"{whole}.jsonl")).And.Length.EqualTo(Epochs));

        RunnerProcess over = Run($"{_train} --resume {state}");
        Assert.That(over.Output, Does.Contain(
            $"Nothing to resume: {Epochs} epochs are done, of {Epochs}; --epochs asks for more."));
        Assert.That(Lines(over)[^1], Is.EqualTo(Lines(resumed)[^1]), "the accuracy");
    }

    [Test]
    public void A_setting_that_is_described_otherwise_holds_from_then_on()
    {
        string state = _folder.File("state");
        string plain = _train.Replace($"train {_folder.File("net.json")}", "mlp --hidden 4", StringComparison.Ordinal);
        Run($"{plain} --epochs 2 --momentum 0.5 --checkpoint {state}");

        Run($"{plain} --epochs 3 --momentum 0.5 --learning-rate 0.25 --resume {state} --checkpoint {state}");

        OrderedDictionary<string, Tensor> saved = Parameters.Load(state);
        Assert.That(saved["training/settings/learning_rate"].AsSpan<float>()[0], Is.EqualTo(0.25f));
        Assert.That(saved["training/settings/momentum"].AsSpan<float>()[0], Is.EqualTo(0.5f));
        using var net = new NeuralNet(ModelFile.DescriptionIn(state)!.MakeLayers());
        Assert.That(() => net.SetParameters(saved), Throws.Nothing);
    }

    [Test]
    public void What_cannot_be_resumed_is_said_with_the_option()
    {
        string state = _folder.File("state");
        Run($"{_train} --epochs 1 --save {_folder.File("model")} --checkpoint {state} --quiet");

        RunnerProcess parameters = RunnerProcess.Run($"{_train} --resume {_folder.File("model")}");
        RunnerProcess seed = RunnerProcess.Run($"{_train} --resume {state} --seed 1");

        Assert.That(
            parameters.Errors, Does.StartWith($"--resume: {_folder.File("model")} is not the state of a training"));
        Assert.That(
            seed.Errors, Is.EqualTo($"--resume: {state} is the state of another network: its seed is 42, not 1.\n"));
        Assert.That((parameters.ExitCode, seed.ExitCode), Is.EqualTo((1, 1)));
    }

    private static RunnerProcess Run(string command)
    {
        RunnerProcess run = RunnerProcess.Run(command);
        Assert.That(run.ExitCode, Is.Zero, run.Errors);
        return run;
    }

    private static string[] Lines(RunnerProcess run) => run.Output.TrimEnd().Split('\n');

    private static int Resumed(string line)
    {
        const string Start = "Resuming after epoch ", End = " of 40.";
        return line.StartsWith(Start, StringComparison.Ordinal) && line.EndsWith(End, StringComparison.Ordinal)
            ? int.Parse(line[Start.Length..^End.Length], System.Globalization.CultureInfo.InvariantCulture)
            : 0;
    }

    /// <summary>Returns the epoch, losses and accuracy of each line, without the times.</summary>
    private static string[] Losses(string history) => [.. File.ReadLines(history)
        .Where(line => line.Contains("\"epoch\"", StringComparison.Ordinal))
        .Select(line => line.Split(",\"train_seconds\"")[0])];
}
