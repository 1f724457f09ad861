using Engine.Training;

namespace Engine.Tests.Threads;

/// <summary>One Boltzmann machine, or one deep belief network, that many threads use.</summary>
public class SharedBoltzmannTests
{
    private static readonly Tensor s_x = Bars(60);

    private static readonly int[] s_labels = [.. Enumerable.Range(0, 60).Select(i => i % 3)];

    /// <summary>What an object is trained by, what only reads it, and how it is freed.</summary>
    private static IEnumerable<TestCaseData> Objects
    {
        get
        {
            yield return new TestCaseData((Func<Action, CancellationToken, Used>)((report, token) =>
            {
                var machine = new RestrictedBoltzmannMachine(12, 5) { BatchSize = 20 };
                return new Used(
                    machine, () => machine.Fit(s_x, 1_000_000, (_, _) => report(), token),
                    [() => machine.Transform(s_x), () => machine.Reconstruct(s_x), () => machine.FreeEnergy(s_x)],
                    "Boltzmann machine");
            })).SetArgDisplayNames("machine");
            foreach (bool isPretraining in (bool[])[true, false])
            {
                yield return new TestCaseData((Func<Action, CancellationToken, Used>)((report, token) =>
                {
                    DeepBeliefNetwork net = Net(
                        pretraining: isPretraining ? 1_000_000 : 1, epochs: isPretraining ? 0 : 1_000_000,
                        (_, _, _) => report());
                    return new Used(
                        net, () => net.Fit(s_x, s_labels, token),
                        isPretraining
                            ? []
                            : [() => net.Predict(s_x), () => net.PredictProba(s_x), () => net.Reconstruct(s_x)],
                        "deep belief network");
                })).SetArgDisplayNames(isPretraining ? "network in pre-training" : "network");
            }
        }
    }

    [TestCaseSource(nameof(Objects))]
    public void A_second_training_is_refused_and_readers_answer(object make)
    {
        using var begun = new ManualResetEventSlim();
        using var end = new CancellationTokenSource();
        Used used = ((Func<Action, CancellationToken, Used>)make)(begun.Set, end.Token);
        Crowd.Do(
            () => used.Fit(),
            () =>
            {
                try
                {
                    begun.Wait();
                    Assert.That(() => used.Fit(), Throws.TypeOf<EngineException>().With.Message.Matches(
                        $@"^Fit would change the {used.Name}, which thread \d+ is training, by Fit: wait until Fit has returned, or end "
                        + @"it by its CancellationToken\. \w+ and all else that only reads may be called meanwhile\.$"));
                    Crowd.Do(used.Readers.Length, number => used.Readers[number]());
                }
                finally
                {
                    end.Cancel();
                }
            });
        used.Object.Dispose();
    }

    [TestCaseSource(nameof(Objects))]
    public void Dispose_ends_a_training(object make)
    {
        using var begun = new ManualResetEventSlim();
        Used used = ((Func<Action, CancellationToken, Used>)make)(begun.Set, CancellationToken.None);
        Crowd.Do(
            () => used.Fit(),
            () =>
            {
                begun.Wait();
                used.Object.Dispose();
            });

        used.Object.Dispose();
        Assert.That(
            () => used.Fit(), Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith($"The {used.Name} ("));
        foreach (Action reader in used.Readers)
        {
            Assert.That(
                () => reader(), Throws.TypeOf<ObjectDisposedException>().With.Message.StartsWith($"The {used.Name} ("));
        }
    }

    [Test]
    public void Readers_wait_for_the_first_network_and_then_have_the_earlier_one()
    {
        using var begun = new ManualResetEventSlim();
        using var read = new ManualResetEventSlim();
        bool isSecond = false;
        using DeepBeliefNetwork net = Net(pretraining: 1, epochs: 1, (_, _, _) =>
        {
            begun.Set();
            if (!read.IsSet && Volatile.Read(ref isSecond))
            {
                read.Wait();
            }
        });
        Assert.That(() => net.Predict(s_x), Throws.TypeOf<EngineException>().With.Message.EqualTo(
            "A deep belief network has a network once Fit has been called."));

        Crowd.Do(
            () => net.Fit(s_x, s_labels),
            () =>
            {
                begun.Wait();
                Assert.That(net.Predict(s_x), Has.Length.EqualTo(60));
            });

        byte[] earlier = net.PredictProba(s_x).Bytes.ToArray();
        begun.Reset();
        Volatile.Write(ref isSecond, true);
        Crowd.Do(
            () => net.Fit(s_x, s_labels),
            () =>
            {
                begun.Wait();
                try
                {
                    Assert.That(net.PredictProba(s_x).Bytes.SequenceEqual(earlier));
                }
                finally
                {
                    read.Set();
                }
            });
    }

    [Test]
    public void A_training_within_a_callback_is_refused()
    {
        DeepBeliefNetwork? net = null;
        net = Net(pretraining: 1, epochs: 1, (_, _, _) => net!.Fit(s_x, s_labels));
        Assert.That(() => net.Fit(s_x, s_labels),
            Throws.TypeOf<EngineException>().With.Message.StartsWith("Fit was called within Fit"));
        net.Dispose();
        net = Net(pretraining: 1, epochs: 1, (_, _, _) => net!.Dispose());
        Assert.That(() => net.Fit(s_x, s_labels),
            Throws.TypeOf<EngineException>().With.Message.StartsWith("Dispose was called within Fit"));
        net = Net(pretraining: 1, epochs: 1, (_, _, _) => net!.Predict(s_x));
        Assert.That(() => net.Fit(s_x, s_labels),
            Throws.TypeOf<EngineException>().With.Message.Contains("once Fit has been called"));
        net.Dispose();
    }

    private static DeepBeliefNetwork Net(int pretraining, int epochs, Action<int, int, double> report) => new(12, 5, 3)
    {
        EpochsPretrain = pretraining,
        Epochs = epochs,
        MinibatchSize = 20,
        LearnRatesPretrain = 0.001f,
        LearnRates = 0.01f,
        PretrainCallback = report,
    };

    private static Tensor Bars(int count)
    {
        var random = new Random(3);
        return Tensor.From(
            [.. Enumerable.Range(0, 12 * count)
                .Select(i => i % 12 / 4 == i / 12 % 3 ? 0.9f : (float)random.NextDouble() * 0.2f)], count, 12);
    }

    private sealed record Used(IDisposable Object, Action Fit, Action[] Readers, string Name);
}
