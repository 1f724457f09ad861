using System.Text.RegularExpressions;
using Engine.Devices;
using Engine.IO;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Training;
using static Engine.Ops.Symbolic;

namespace Engine.Tests.Training;

/// <summary>
/// A training that is saved and continued in another network has the same bits as one that never stopped.
/// </summary>
public class StateTests
{
    private static readonly Dictionary<string, Func<Device, NeuralNet>> s_networks = new()
    {
        ["perceptron"] =
            device => new NeuralNet(new Input(1, 8, 8), new Flatten(), new Dense(10), new Dense(4, Softmax))
            {
                Device = device,
                Update = new NesterovMomentum(0.1f, 0.9f),
            },
        ["dropout and shuffle"] = device => new NeuralNet(
            new Input(1, 8, 8), new Conv2D(3, 3), new MaxPool2D(2), new Dropout(0.3), new Dense(8), new Dropout(0.5),
            new Dense(4, Softmax))
        {
            Device = device,
            Update = new Momentum(0.05f, 0.9f),
            BatchIteratorTrain = new BatchIterator(16) { Shuffle = true },
        },
        ["batch normalization and Adam"] = device => new NeuralNet(
            new Input(1, 8, 8), new Conv2D(3, 3, Linear), new BatchNorm(), new Activation(Rectify), new Flatten(),
            new Dense(4, Softmax))
        {
            Device = device,
            Update = new Adam(0.01f),
        },
        ["float64, augmented"] = device => new NeuralNet(
            new Input(1, 8, 8), new Dropout(0.2), new Flatten(), new Dense(4, Softmax))
        {
            Device = device,
            FloatX = DType.Float64,
            Update = new RmsProp(0.01f),
            BatchIteratorTrain = new BatchIterator(16)
            {
                Transform = batch => batch with { X = Noisy(batch.X, batch.Random) },
            },
        },
        ["augmented, weighted, penalized, clipped"] = device => new NeuralNet(
            new Input(1, 8, 8), new Flatten(), new Dense(10), new Dense(4, Softmax))
        {
            Device = device,
            L2 = 1e-3,
            ClassWeights = [1, 2, 3, 0.5],
            Update = new Adam(0.01f) { Clip = GradientClip.TotalNorm(1) },
            BatchIteratorTrain = new BatchIterator(16)
            {
                Shuffle = true,
                Augmentation = [new RandomCrop(2), new HorizontalFlip(), new Cutout(3)],
            },
        },
        ["schedules"] = device => new NeuralNet(new Input(1, 8, 8), new Flatten(), new Dense(10), new Dense(4, Softmax))
        {
            Device = device,
            Callbacks =
            [
                new AdjustVariable("learning_rate", Schedule.OneCycle(0.01, 0.2, 0.001, epochs: 5)),
                new AdjustVariable("momentum", Schedule.Linear(0.5, 0.95, epochs: 5)),
            ],
        },
        ["accumulated, Lookahead, rules by name, frozen"] = device =>
        {
            var net = new NeuralNet(
                new Input(1, 8, 8), new Dense(10) { Name = "a" }, new Dense(6) { Name = "b" }, new Dense(4, Softmax))
            {
                Device = device,
                Update = new RulesByName(
                    new Lookahead(new Accumulate(new Adam(0.01f), 3), 2), ("b.*", new Momentum(0.02f, 0.9f))),
                BatchIteratorTrain = new BatchIterator(16) { Shuffle = true },
            };
            net.Freeze("a.b");
            return net;
        },
    };

    private static IEnumerable<string> Networks => s_networks.Keys;

    private TempFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TempFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void Two_epochs_a_save_and_three_more_are_five(
        [ValueSource(nameof(Networks))] string name, [Values] bool isOnGpu)
    {
        Device device = isOnGpu ? CudaTestDevice.Open() : Device.Default;
        (Tensor x, int[] y) = Pictures(90);
        string path = _folder.File("net.state");
        Func<Device, NeuralNet> make = s_networks[name];
        using NeuralNet whole = make(device), first = make(device), second = make(device);
        whole.MaxEpochs = 5;
        first.MaxEpochs = 2;
        second.MaxEpochs = 3;

        whole.Fit(x, y);
        first.Fit(x, y).SaveState(path);
        first.Fit(x, y);
        second.LoadState(path);
        Assert.That(second.TrainHistory, Is.EqualTo(first.TrainHistory.Take(2)).Using<EpochRecord>(Alike));
        second.Fit(x, y);

        Assert.That(Bits.Of(second), Is.EqualTo(Bits.Of(whole)));
        Assert.That(
            second.UpdateSettings.Select(setting => setting.Value.GetValue().Bytes.ToArray()),
            Is.EqualTo(whole.UpdateSettings.Select(setting => setting.Value.GetValue().Bytes.ToArray())));
    }

    [Test]
    public void Averaged_weights_go_on_from_a_checkpoint()
    {
        (Tensor x, int[] y) = Pictures(90);
        using NeuralNet whole = Averaging(epochs: 5), second = Averaging(epochs: 2);
        whole.Callbacks.Add(new ModelCheckpoint(_folder.File("{epoch}.state")) { WholeState = true });

        whole.Fit(x, y);
        second.LoadState(_folder.File("3.state"));
        second.Fit(x, y);

        Assert.That(Bits.Of(second), Is.EqualTo(Bits.Of(whole)));

        static NeuralNet Averaging(int epochs)
        {
            NeuralNet net = s_networks["accumulated, Lookahead, rules by name, frozen"](Device.Default);
            net.MaxEpochs = epochs;
            net.Callbacks.Add(new AverageWeights(fromEpoch: 2));
            return net;
        }
    }

    [Test]
    public void A_network_that_has_trained_already_goes_back_to_the_state()
    {
        (Tensor x, int[] y) = Pictures(90);
        string path = _folder.File("net.state");
        using NeuralNet net = s_networks["dropout and shuffle"](Device.Default);
        net.MaxEpochs = 2;
        net.Fit(x, y).SaveState(path);
        string[] after = Bits.Of(net.Fit(x, y));

        net.LoadState(path);
        Assert.That(net.TrainHistory, Has.Count.EqualTo(2));
        net.Fit(x, y);

        Assert.That(Bits.Of(net), Is.EqualTo(after));
    }

    [Test]
    public void Settings_that_were_changed_are_kept_and_nan_in_the_history_too()
    {
        (Tensor x, int[] y) = Pictures(40);
        string path = _folder.File("net.state");
        using NeuralNet net = Small(new NesterovMomentum(0.1f)), other = Small(new NesterovMomentum(0.1f));
        net.TrainSplit = new TrainSplit(0);
        net.Fit(x, y);
        net.LearningRate = 0.0625;

        net.SaveState(path);
        other.LoadState(path);

        Assert.That(other.LearningRate, Is.EqualTo(0.0625));
        Assert.That(other.TrainHistory.Single().ValidLoss, Is.NaN);
        Assert.That(other.TrainHistory.Single().Scores, Is.EqualTo(net.TrainHistory.Single().Scores));
    }

    [Test]
    public void The_parameters_in_it_are_read_as_those_of_any_file()
    {
        (Tensor x, int[] y) = Pictures(40);
        string path = _folder.File("net.state");
        using NeuralNet net = Small(new Adam()), other = Small(new Sgd(0.1f));
        net.Fit(x, y).SaveState(path);

        other.SetParameters(Parameters.Load(path));

        Assert.That(other.PredictProba(x).Bytes.ToArray(), Is.EqualTo(net.PredictProba(x).Bytes.ToArray()));
    }

    [Test]
    public void A_state_of_another_network_is_refused_with_the_reason_and_changes_nothing()
    {
        (Tensor x, int[] y) = Pictures(40);
        string path = _folder.File("net.state");
        using NeuralNet net = Small(new NesterovMomentum(0.1f));
        net.Fit(x, y).SaveState(path);

        AssertRefused(Small(new Adam()), "it was trained by NesterovMomentum, not Adam.");
        AssertRefused(Small(new NesterovMomentum(0.1f), seed: 2), "its seed is 1, not 2.");
        AssertRefused(
            Small(new NesterovMomentum(0.1f), units: 5), "dense2.W is float32 (64, 4), not float32 (64, 5); ");
        AssertRefused(
            Small(new NesterovMomentum(0.1f), dtype: DType.Float64),
            "dense2.W is float32 (64, 4), not float64 (64, 4)");
        AssertRefused(
            new NeuralNet(new Input(1, 8, 8), new Flatten(), new Dropout(), new Dense(4, Softmax)),
            "dense3.W float32 (64, 4) is missing");
        AssertRefused(
            new NeuralNet(("input", new Input(1, 8, 8)), ("flat", new Flatten())) { Regression = true },
            "dense2.W is nothing of this network");

        void AssertRefused(NeuralNet other, string reason)
        {
            using (other)
            {
                string[] before = Bits.Of(other);
                Assert.That(() => other.LoadState(path), Throws.TypeOf<EngineException>().With.Message.Contains(
                    $"{path} is the state of another network: ").And.Message.Contains(reason));
                Assert.That(Bits.Of(other), Is.EqualTo(before));
            }
        }
    }

    [Test]
    public void A_file_that_is_no_state_is_refused_in_one_sentence()
    {
        string path = _folder.File("net.safetensors");
        using NeuralNet net = Small(new NesterovMomentum(0.1f));

        Assert.That(() => net.LoadState(path), Fails($"There is no file {path}."));
        Assert.That(() => net.SaveState(_folder.File("net.npz")), Fails("as safetensors, not as npz"));
        Parameters.Save(path, net.GetParameters());
        Assert.That(() => net.LoadState(path), Fails($"{path} is not the state of a training"));
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.That(() => net.LoadState(path), Fails($"{path} is not a whole safetensors file"));
    }

    [TestCase("null")]
    [TestCase("{")]
    [TestCase("[]")]
    [TestCase("""{"version":1,"rule":null,"seed":1,"history":[]}""")]
    [TestCase("""{"version":1,"rule":"Sgd","seed":-1,"history":[]}""")]
    [TestCase("""{"version":1,"rule":"Sgd","seed":1}""")]
    [TestCase("""{"version":1,"rule":"Sgd","seed":1,"history":[null]}""")]
    [TestCase("""{"version":1,"rule":"Sgd","seed":1,"history":[{"epoch":1}]}""")]
    [TestCase("""
        {"version":1,"rule":"Sgd","seed":1,"history":[{"epoch":2,"train_loss":1,"train_loss_best":true,
        "valid_loss":1,"valid_loss_best":true,"valid_accuracy":1,"train_seconds":1,"dur":1}]}
        """)]
    public void A_strangers_text_is_refused(string text)
    {
        string path = _folder.File("net.state");
        using NeuralNet net = Small(new Sgd(0.1f));
        Safetensors.Save(path, net.GetParameters(), new Dictionary<string, string> { ["engine.training"] = text });

        Assert.That(() => net.LoadState(path), Throws.TypeOf<ModelFileException>().With.Message.StartsWith(
            $"{path} is damaged: its engine.training cannot be understood ("));
    }

    [Test]
    public void A_damaged_text_is_read_or_refused()
    {
        string path = _folder.File("net.state");
        (Tensor x, int[] y) = Pictures(40);
        using NeuralNet net = Small(new Sgd(0.1f));
        net.CustomScores.Add(new CustomScore("one", (_, _) => 1));
        net.Fit(x, y).SaveState(path);
        // Only the times in it vary.
        string text = Regex.Replace(
            Parameters.LoadAll(path).Metadata["engine.training"], """("(?:train_seconds|dur)":)[^,}]+""", "${1}0.25");
        var random = new Random(1);
        int read = 0, refused = 0;
        for (int i = 0; i < 30_000; i++)
        {
            char[] letters = text.ToCharArray();
            for (int changes = random.Next(1, 4); changes > 0; changes--)
            {
                letters[random.Next(letters.Length)] = text[random.Next(text.Length)];
            }

            try
            {
                TrainingState.Parse(new string(letters), path);
                read++;
            }
            catch (EngineException)
            {
                refused++;
            }
        }

        Assert.That(new[] { read, refused }, Is.All.GreaterThan(1000));
    }

    [Test]
    public void A_state_of_a_gpu_is_one_for_the_cpu_too()
    {
        Func<Device, NeuralNet> make = s_networks["batch normalization and Adam"];
        (Tensor x, int[] y) = Pictures(40);
        string path = _folder.File("net.state");
        using NeuralNet gpu = make(CudaTestDevice.Open()), cpu = make(Device.Default);
        gpu.MaxEpochs = cpu.MaxEpochs = 1;
        gpu.Fit(x, y).SaveState(path);

        cpu.LoadState(path);
        Assert.That(Bits.Of(cpu), Is.EqualTo(Bits.Of(gpu)));
        double onCpu = cpu.Fit(x, y).TrainHistory[^1].TrainLoss, onGpu = gpu.Fit(x, y).TrainHistory[^1].TrainLoss;

        Assert.That(onCpu, Is.EqualTo(onGpu).Within(1e-4));
    }

    [Test]
    public void A_state_of_a_later_version_is_told_from_a_damaged_one()
    {
        string path = _folder.File("net.state");
        using NeuralNet net = Small(new Sgd(0.1f));
        Safetensors.Save(path, net.GetParameters(), new Dictionary<string, string>
        {
            ["engine.training"] = """{"version":2,"rule":"Sgd","seed":1,"history":[]}""",
        });

        Assert.That(() => net.LoadState(path), Fails("of version 2; this program reads version 1"));
    }

    [TestCase("a.*", null,
        "when it was saved, a.W, a.b did not learn: call Freeze for them before LoadState, and Unfreeze after it")]
    [TestCase(null, "a.*", "when it was saved, a.W, a.b learned, which are frozen here: call LoadState before Freeze.")]
    [TestCase("a.*", "b.b",
        "when it was saved, a.W, a.b did not learn, but b.b did: freeze the former alone before LoadState.")]
    public void A_state_of_other_frozen_parameters_says_what_to_do(string? before, string? here, string message)
    {
        using var folder = new TempFolder();
        (Tensor x, int[] y) = Toy.Clouds(30);
        using NeuralNet saved = Frozen(before), loaded = Frozen(here), resumed = Frozen(before);
        saved.PartialFit(x, y);
        saved.SaveState(folder.File("a.state"));

        Assert.That(
            () => loaded.LoadState(folder.File("a.state")),
            Throws.TypeOf<EngineException>().With.Message.StartsWith($"{folder.File("a.state")}: {message}"));
        resumed.LoadState(folder.File("a.state"));
        resumed.Unfreeze("*");
        resumed.PartialFit(x, y);

        static NeuralNet Frozen(string? pattern)
        {
            var net = new NeuralNet(new Input(2), new Dense(4) { Name = "a" }, new Dense(3, Softmax) { Name = "b" })
            {
                Update = new Adam(),
            };
            net.Initialize();
            if (pattern is not null)
            {
                net.Freeze(pattern);
            }

            return net;
        }
    }

    private static NUnit.Framework.Constraints.ContainsConstraint Fails(string message) =>
        Throws.InstanceOf<EngineException>().With.Message.Contains(message);

    private static bool Alike(EpochRecord a, EpochRecord b) =>
        a with { Scores = b.Scores } == b && a.Scores.SequenceEqual(b.Scores);

    private static NeuralNet Small(UpdateRule rule, ulong seed = 1, int units = 4, DType dtype = DType.Float32) => new(
        new Input(1, 8, 8), new Flatten(), new Dense(units, Softmax))
    {
        Update = rule,
        Seed = seed,
        FloatX = dtype,
        MaxEpochs = 1,
    };

    private static Tensor Noisy(Tensor x, Random random)
    {
        Tensor noisy = x.Rows(0, x.Shape[0]);
        foreach (ref double pixel in noisy.AsSpan<double>())
        {
            pixel += random.NextDouble() / 10;
        }

        return noisy;
    }

    /// <summary>Draws pictures of 8x8 in four classes, each with its own bright pair of rows, and noise.</summary>
    private static (Tensor X, int[] Y) Pictures(int count)
    {
        var random = new Random(1);
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % 4)];
        float[] pixels = [.. from label in labels
                             from p in Enumerable.Range(0, 64)
                             select (float)random.NextDouble() + (p / 16 == label ? 0.5f : 0)];
        return (Tensor.From(pixels, count, 1, 8, 8), labels);
    }
}
