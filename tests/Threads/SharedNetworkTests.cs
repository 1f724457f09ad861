using Engine.Data;
using Engine.Devices;
using Engine.Inspection;
using Engine.IO;
using Engine.Layers;
using Engine.Tests.Devices.Cuda;
using Engine.Tests.Training;
using Engine.Training;
using Symbolic = Engine.Ops.Symbolic;

namespace Engine.Tests.Threads;

/// <summary>One network that many threads use, as in a web server.</summary>
public class SharedNetworkTests
{
    private static readonly (Tensor Points, int[] Labels) s_clouds = Toy.Clouds(60);

    private static readonly Tensor s_one = s_clouds.Points.Rows(0, 1);

    /// <summary>The same sample in four batches of two.</summary>
    private static readonly Tensor s_repeated = s_clouds.Points.Rows([0, 0, 0, 0, 0, 0, 0, 0]);

    [Test]
    public void A_hundred_thousand_predictions_of_eight_threads_are_those_of_one()
    {
        const int Predictions = 100_000;
        using NeuralNet net = Net(batch: 32);
        net.Fit(s_clouds.Points, s_clouds.Labels);
        int[] sizes = [.. Enumerable.Range(1, 24), 60];
        Tensor[] samples = [.. sizes.Select(size => s_clouds.Points.Rows(60 - size, size))];
        Func<Tensor, Tensor>[] ways =
        [
            net.PredictProba, net.Predict, x => net.GetOutput("hidden", x),
            x => Tensor.Scalar(net.Score(x, s_clouds.Labels[(60 - x.Shape[0])..])),
        ];
        byte[][][] expected = [.. ways.Select(way => samples.Select(x => way(x).Bytes.ToArray()).ToArray())];
        int wrong = 0, done = 0;

        Crowd.Do(Crowd.Threads, number =>
        {
            var random = new Random(number);
            for (int i = 0; i < Predictions / Crowd.Threads; i++)
            {
                int which = random.Next(samples.Length), way = random.Next(ways.Length);
                bool isRight = ways[way](samples[which]).Bytes.SequenceEqual(expected[way][which]);
                Interlocked.Add(ref wrong, isRight ? 0 : 1);
                Interlocked.Increment(ref done);
            }
        });

        Assert.That((done, wrong), Is.EqualTo((Predictions, 0)));
    }

    [Test]
    public void First_calls_all_at_once_are_right()
    {
        using NeuralNet alone = Net();
        alone.Initialize();
        byte[] expected = alone.PredictProba(s_clouds.Points).Bytes.ToArray();
        for (int round = 0; round < 5; round++)
        {
            using NeuralNet net = Net();
            Crowd.Do(Crowd.Threads, number =>
            {
                if (number % 2 == 0)
                {
                    net.Initialize();
                }
                else
                {
                    net.GetParameters();
                }

                Assert.That(net.GetOutput("hidden", s_one).Shape, Is.EqualTo(Shape.Create(1, 16)));
                Assert.That(net.PredictProba(s_clouds.Points).Bytes.SequenceEqual(expected));
            });
        }
    }

    [Test]
    public void What_only_reads_is_right_beside_its_like()
    {
        using NeuralNet net = Net();
        net.Fit(s_clouds.Points, s_clouds.Labels);
        using var folder = new TempFolder();
        Func<int, string>[] ways =
        [
            _ => $"{ConfusionMatrix.Of(net, s_clouds.Points, s_clouds.Labels).Correct}",
            _ => Hex(Saliency.Of(net, s_clouds.Points.Rows(0, 5), 0, 1, 2, 0, 1)),
            _ => string.Concat(net.GetParameters().Select(parameter => Hex(parameter.Value))),
            number => Saved($"{number}.safetensors", path => Parameters.Save(path, net.GetParameters())),
            number => Saved($"{number}.onnx", net.ExportOnnx),
            number => Saved($"{number}.state", path => net.SaveState(path)),
            _ => $"{net}",
            _ => $"{net.LearningRate}",
        ];
        string[] expected = [.. ways.Select(way => way(99))];

        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < ways.Length; i++)
            {
                int way = (i + number) % ways.Length;
                Assert.That(ways[way](number), Is.EqualTo(expected[way]), $"way {way}");
            }
        });

        string Saved(string name, Action<string> save)
        {
            string path = Path.Combine(folder.Path, name);
            save(path);
            return Convert.ToHexString(File.ReadAllBytes(path));
        }
    }

    [Test]
    public void Networks_of_different_threads_train_and_search_as_by_themselves()
    {
        string Trained(int seed)
        {
            using NeuralNet net = Net(seed: (ulong)seed);
            return Hex(net.Fit(s_clouds.Points, s_clouds.Labels).PredictProba(s_one));
        }

        string Searched() => string.Join(' ', GridSearch.Run(
            [4, 8], hidden => Net(hidden), s_clouds.Points, s_clouds.Labels, new Folds(2)).Candidates
                .Select(candidate => candidate.Folds.ToString()));

        string[] expected = [.. Enumerable.Range(0, 4).Select(Trained)];
        string found = Searched();

        Crowd.Do(6, number => Assert.That(
            number < 4 ? Trained(number) : Searched(), Is.EqualTo(number < 4 ? expected[number] : found)));
    }

    [Test]
    public void A_prediction_sees_the_parameters_of_one_moment_while_others_set_fit_and_save_them([Values] bool onGpu)
    {
        Device device = onGpu ? CudaTestDevice.Open() : Device.Default;
        int times = onGpu ? 10 : 300;
        using NeuralNet net = Net(device: device), one = Net(seed: 1, device: device),
            two = Net(seed: 2, device: device);
        KeyValuePair<string, Tensor>[][] both = [[.. one.GetParameters()], [.. two.GetParameters()]];
        string[] saved = [.. both.Select(Text)];
        string[] predicted = [Hex(one.PredictProba(s_repeated)), Hex(two.PredictProba(s_repeated))];
        net.SetParameters(both[0]);
        int torn = 0;
        bool isFitting = false;

        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < times; i++)
            {
                if (number == 0)
                {
                    net.SetParameters(both[i % 2]);
                }
                else if (number == 1)
                {
                    Interlocked.Add(ref torn, saved.Contains(Text(net.GetParameters())) ? 0 : 1);
                }
                else
                {
                    Interlocked.Add(ref torn, predicted.Contains(Hex(net.PredictProba(s_repeated))) ? 0 : 1);
                }
            }
        });
        Crowd.Do(Crowd.Threads, number =>
        {
            for (int i = 0; i < (number == 0 ? 5 : times); i++)
            {
                if (number == 0)
                {
                    Volatile.Write(ref isFitting, true);
                    net.Fit(s_clouds.Points, s_clouds.Labels);
                }
                else
                {
                    // From one moment: four batches of the same sample give equal results.
                    float[] values = net.PredictProba(s_repeated).AsSpan<float>().ToArray();
                    Interlocked.Add(ref torn, values.Chunk(3).All(values[..3].SequenceEqual) ? 0 : 1);
                }
            }
        });

        Assert.That(torn, Is.Zero);
        Assert.That(net.TrainHistory, Has.Count.EqualTo(10));
        Assert.That(isFitting);
    }

    private static readonly (string What, Action<NeuralNet, string> Call)[] s_changes =
    [
        ("Fit", (net, _) => net.Fit(s_clouds.Points, s_clouds.Labels)),
        ("PartialFit", (net, _) => net.PartialFit(s_clouds.Points, s_clouds.Labels)),
        ("SetParameters", (net, _) => net.SetParameters(net.GetParameters())),
        ("LoadState", (net, path) => net.LoadState(path)),
        ("SaveState", (net, path) => net.SaveState(path)),
    ];

    [Test]
    public void While_a_thread_trains_others_read_and_are_refused_to_change()
    {
        using var folder = new TempFolder();
        string path = Path.Combine(folder.Path, "state");
        var end = new EndOfEpoch();
        using NeuralNet net = Net(epochs: 1, callback: end);
        net.Initialize();
        net.SaveState(path);
        WhileFitting(net, end, () =>
        {
            foreach ((string what, Action<NeuralNet, string> call) in s_changes)
            {
                Assert.That(() => call(net, path), Throws.TypeOf<EngineException>().With.Message.Matches(
                    $@"^{what} would change the network, which thread \d+ \('trainer'\) is training, by Fit: wait until Fit "));
            }

            Assert.That(net.PredictProba(s_clouds.Points).Shape, Is.EqualTo(Shape.Create(60, 3)));
            Assert.That(net.GetParameters(), Has.Count.EqualTo(4));
            Assert.That(net.TrainHistory, Has.Count.EqualTo(1));
            net.LearningRate = 0.25;
        });

        Assert.That(net.LearningRate, Is.EqualTo(0.25));
        foreach ((_, Action<NeuralNet, string> call) in s_changes)
        {
            call(net, path);
        }
    }

    [Test]
    public void A_callback_may_change_the_network_but_not_train_or_dispose_of_it()
    {
        using var folder = new TempFolder();
        string path = Path.Combine(folder.Path, "state");
        var told = new List<string>();
        var callback = new LambdaCallback
        {
            EpochFinished = (net, _) =>
            {
                net.SaveState(path);
                net.SetParameters(net.GetParameters());
                net.LoadState(path);
                told.Add(Assert.Throws<EngineException>(() => net.Fit(s_clouds.Points, s_clouds.Labels)).Message);
                told.Add(Assert.Throws<EngineException>(net.Dispose).Message);
            },
        };
        using NeuralNet net = Net(epochs: 1, callback: callback);

        net.Fit(s_clouds.Points, s_clouds.Labels);

        Assert.That(told, Is.EqualTo(new[]
        {
            "Fit was called within Fit, by a callback say: call it when Fit has returned.",
            "Dispose was called within Fit, by a callback say: call StopTraining there, and Dispose when Fit has returned.",
        }));
    }

    [Test]
    public void Disposal_ends_a_training_and_waits_for_it()
    {
        bool hasFinished = false;
        var callback = new LambdaCallback { TrainingFinished = net => hasFinished = net.GetParameters().Count == 4 };
        NeuralNet net = Net(epochs: int.MaxValue, callback: callback);
        var trainer = new Thread(() => net.Fit(s_clouds.Points, s_clouds.Labels));
        trainer.Start();
        while (!net.IsInitialized || net.TrainHistory.Count == 0)
        {
            Thread.Yield();
        }

        net.Dispose();

        Assert.That(hasFinished);
        trainer.Join();
        Assert.That(() => net.Predict(s_one), Throws.TypeOf<ObjectDisposedException>());
    }

    [Test]
    public void Disposal_lets_predictions_end_and_refuses_later_ones()
    {
        for (int round = 0; round < 10; round++)
        {
            NeuralNet net = Net();
            net.Initialize();
            string expected = Hex(net.PredictProba(s_repeated));
            Crowd.Do(4, number =>
            {
                for (int i = 0; ; i++)
                {
                    if (number == 0 && i == 5)
                    {
                        net.Dispose();
                    }

                    try
                    {
                        Assert.That(Hex(net.PredictProba(s_repeated)), Is.EqualTo(expected));
                    }
                    catch (ObjectDisposedException)
                    {
                        return;
                    }
                }
            });
        }
    }

    private static NeuralNet Net(
        int hidden = 16,
        int epochs = 2,
        ulong seed = 1,
        int batch = 2,
        Callback? callback = null,
        Device? device = null) => new(
            ("points", new Input(2)), ("hidden", new Dense(hidden)), ("classes", new Dense(3, Symbolic.Softmax)))
        {
            MaxEpochs = epochs,
            Seed = seed,
            Device = device,
            Callbacks = callback is null ? [] : [callback],
            BatchIteratorTrain = new BatchIterator(8),
            BatchIteratorTest = new BatchIterator(batch),
        };

    /// <summary>Fits on another thread, and runs an action while that thread waits at the end of an epoch.</summary>
    private static void WhileFitting(NeuralNet net, EndOfEpoch end, Action act)
    {
        using ManualResetEventSlim isThere = new(), goOn = new();
        end.Act = () =>
        {
            isThere.Set();
            goOn.Wait();
        };
        var trainer = new Thread(() => net.Fit(s_clouds.Points, s_clouds.Labels)) { Name = "trainer" };
        trainer.Start();
        isThere.Wait();
        try
        {
            act();
        }
        finally
        {
            end.Act = null;
            goOn.Set();
            trainer.Join();
        }
    }

    private sealed class EndOfEpoch : Callback
    {
        public Action? Act { get; set; }

        public override void OnEpochFinished(NeuralNet net, EpochRecord record) => Act?.Invoke();
    }

    private static string Hex(Tensor tensor) => Convert.ToHexString(tensor.Bytes);

    private static string Text(IEnumerable<KeyValuePair<string, Tensor>> parameters) =>
        string.Concat(parameters.Select(parameter => Hex(parameter.Value)));
}
