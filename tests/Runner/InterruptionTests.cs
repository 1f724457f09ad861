using System.Diagnostics;
using Engine.Data;
using Engine.IO;
using Engine.Models.Description;
using Engine.Runner;
using Engine.Runner.Description;
using Engine.Tests.Data;
using Engine.Training;

namespace Engine.Tests.Runner;

/// <summary>The effect of Ctrl-C on a runner in a separate process, with drawn images.</summary>
[Platform(Exclude = "Win", Reason = "There are no signals.")]
public sealed class InterruptionTests
{
    private TempFolder _folder = null!;
    private Batches _data = null!;

    [OneTimeSetUp]
    public void Draw_images()
    {
        (_folder, _data) = (new TempFolder(), new Batches());
        Assume.That(Signals.AreHeard, "This process was started deaf to Ctrl-C, and so would be the runner.");
        Cifar10Set drawn = SyntheticImages.Draw(train: 300, test: 20);
        _data.Write("data_batch_1.bin", Binary(drawn.Train));
        _data.Write("test_batch.bin", Binary(drawn.Test));

        static byte[] Binary(Cifar10Images images) =>
            Batches.Binary(images.Images.AsSpan<byte>().ToArray(), images.Labels.AsSpan<int>().ToArray());
    }

    [OneTimeTearDown]
    public void Discard()
    {
        _folder.Dispose();
        _data.Dispose();
    }

    [TestCase(Signals.Interrupt, CommandLine.Stopped)]
    [TestCase(Signals.Terminate, CommandLine.Terminated)]
    public void A_training_that_is_stopped_tests_and_saves_what_it_has_learnt(int signal, int exitCode)
    {
        string model = _folder.File($"{signal}.safetensors"), history = _folder.File($"{signal}.jsonl");
        using Process process = Start(
            $"mlp --data {_data.Folder} --device cpu --threads 1 --epochs 1000000 --save {model} --history {history}");

        ReadTo(process.StandardOutput, " 3 ");
        Signals.Send(process, signal);
        string output = process.StandardOutput.ReadToEnd(), errors = process.StandardError.ReadToEnd();
        process.WaitForExit();

        int epochs = History.Read([history])[0].Epochs.Count;
        Assert.That(process.ExitCode, Is.EqualTo(exitCode));
        Assert.That(errors.Trim(), Is.EqualTo(
            $"Stopped after {epochs} whole epochs; the network is tested and saved as it is."));
        Assert.That(epochs, Is.GreaterThanOrEqualTo(3));
        Assert.That(output, Does.Contain("The accuracy of this network is: "));
        Assert.That(Parameters.Load(model).Keys, Is.EqualTo(new[] { "hidden.W", "hidden.b", "output.W", "output.b" }));
    }

    [Test]
    public async Task Before_the_first_batch_nothing_is_saved_over_a_former_network()
    {
        string model = _folder.File("former.safetensors");
        await File.WriteAllTextAsync(model, "former");
        using StringWriter output = new(), errors = new();

        int code = await CommandLine.Run(
            CommandLine.Root(Commands.Create()),
            ["mlp", "--data", _data.Folder, "--device", "cpu", "--epochs", "1", "--save", model],
            output, errors, new CancellationToken(canceled: true));

        Assert.That(code, Is.EqualTo(CommandLine.Stopped));
        Assert.That(errors.ToString().Trim(), Is.EqualTo("Stopped."));
        Assert.That(await File.ReadAllTextAsync(model), Is.EqualTo("former"));
    }

    [Test]
    public void A_second_time_ends_at_once()
    {
        string model = _folder.File("model.safetensors");
        using (var net = new NeuralNet(Networks.Mlp.MakeLayers()))
        {
            net.Initialize();
            new ModelFile(Networks.Mlp, Classes: [], IsSynthetic: true).Save(model, net);
        }

        // The number of pictures between two checks for a stop; each picture takes a tenth of a second.
        string picture = _folder.File("picture.png");
        File.WriteAllBytes(picture, PngWriter.Write(new byte[4000 * 4000], width: 4000, channels: 1));
        string pictures = string.Join(' ', Enumerable.Repeat(picture, 128));
        using Process process = Start($"predict --load {model} --device cpu --threads 1 {pictures}");
        ReadTo(process.StandardError, "drawn images");
        Signals.Send(process, Signals.Interrupt);
        ReadTo(process.StandardError, "Stopping; Ctrl-C again ends at once.");
        Signals.Send(process, Signals.Interrupt);
        process.WaitForExit();

        Assert.That(process.ExitCode, Is.EqualTo(CommandLine.Stopped));
        Assert.That(process.StandardError.ReadToEnd(), Is.Empty);
    }

    private static Process Start(string command)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "runner"), command.Split(' '))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Reads up to a line with this text; the test fails if the runner ends before it.</summary>
    private static void ReadTo(StreamReader lines, string text)
    {
        string? line;
        do
        {
            line = lines.ReadLine();
        }
        while (line?.Contains(text, StringComparison.Ordinal) == false);

        Assert.That(line, Is.Not.Null, $"It ended before it wrote '{text}'.");
    }
}
