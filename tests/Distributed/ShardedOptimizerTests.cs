using Engine.Devices.Cpu;
using Engine.Distributed;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;
using Engine.Tests.Training;
using Engine.Training;
using Conv2D = Engine.Layers.Conv2D;
using Input = Engine.Layers.Input;
using MaxPool2D = Engine.Layers.MaxPool2D;
using Variable = Engine.Graph.Variable;

namespace Engine.Tests.Distributed;

/// <summary>Compares ranks that each keep a part of the update rule's state with ranks that keep all of it.</summary>
public class ShardedOptimizerTests
{
    private const int Samples = 70;

    private static readonly Dictionary<string, UpdateRule> s_rules = new()
    {
        ["Nesterov"] = new NesterovMomentum(0.05f, 0.9f),
        ["Adam, clipped by the norm of all"] = new Adam(0.01f) { Clip = GradientClip.TotalNorm(0.5) },
        ["rules by name, Lookahead"] = new RulesByName(new Lookahead(new AdamW(0.01f), 3), ("*.b", new Sgd(0.1f))),
        ["Muon"] = new Muon(0.02f),
        ["accumulated"] = new Accumulate(new RmsProp(0.001f), 2),
    };

    private static IEnumerable<string> Rules => s_rules.Keys;

    [Test]
    public void The_bits_are_those_of_ranks_that_keep_all([ValueSource(nameof(Rules))] string rule)
    {
        IReadOnlyList<string[]> whole = Fit(s_rules[rule], ranks: 2, isSharded: false);

        // 8 parameters: of 11 ranks some own none.
        foreach (int ranks in (int[])[1, 2, 3, 5, 11])
        {
            Assert.That(Fit(s_rules[rule], ranks, isSharded: true), Is.All.EqualTo(whole[0]), $"{ranks} ranks");
        }
    }

    [Test]
    public void A_checkpoint_is_whole_and_goes_on_with_any_number_of_ranks_sharded_or_not()
    {
        using var folder = new TempFolder();
        (Tensor images, int[] labels) = Toy.Images(Samples);
        var rule = new Adam(0.01f);
        ThreadCommunicator.Run(3, ranks =>
        {
            using NeuralNet net = Net(rule, ranks, isSharded: true);
            net.Callbacks.Add(new ModelCheckpoint(folder.File("after {epoch}")) { WholeState = true });
            net.PartialFit(images, labels);
            net.SaveState(folder.File("by all"));
            return net.PartialFit(images, labels).TrainHistory.Count;
        });

        // Files of the same training differ in the times of the history, so the resumed trainings are compared.
        string[] whole = Fit(rule, 1, isSharded: false)[0];
        foreach ((int ranks, bool isSharded) in ((int, bool)[])[(2, true), (1, false)])
        {
            foreach (string file in (string[])["after 1", "by all"])
            {
                IReadOnlyList<string[]> resumed = ThreadCommunicator.Run(ranks, communicator =>
                {
                    using NeuralNet net = Net(rule, communicator, isSharded);
                    net.LoadState(folder.File(file));
                    return Bits.Of(net.PartialFit(images, labels));
                });
                Assert.That(resumed, Is.All.EqualTo(whole), $"{file}, {ranks} ranks");
            }
        }
    }

    [Test]
    public void A_rank_has_no_memory_for_what_others_keep()
    {
        IReadOnlyList<(long Own, long Most, long Whole)> all = ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = Net(new Adam(0.01f), ranks, isSharded: true);
            net.Initialize();
            (long whole, long max) = net.UpdateStateBytes;
            IEnumerable<SharedVariable> own = net.Initialized.Rule.State.Where(variable => !variable.IsElsewhere);
            return (own.Sum(variable => variable.GetValue().ByteCount), max, whole);
        });

        // Each rank has the counter of steps.
        Assert.That(all.Max(rank => rank.Own), Is.EqualTo(all[0].Most));
        Assert.That(all.Sum(rank => rank.Own), Is.EqualTo(all[0].Whole + sizeof(float)));
        Assert.That(all[0].Most, Is.LessThan(0.6 * all[0].Whole));
    }

    [Test]
    public void A_rule_that_uses_the_state_of_one_parameter_for_another_is_refused()
    {
        EngineException error = Assert.Throws<EngineException>(() => Fit(new Meddling(), 2, isSharded: true))!;

        Assert.That(error.Message, Does.Contain("so its state cannot be sharded over the ranks"));
    }

    [Test]
    public void SaveState_within_Fit_is_refused_where_the_others_do_not_know_of_it()
    {
        using var folder = new TempFolder();
        (Tensor images, int[] labels) = Toy.Images(Samples);

        EngineException error = Assert.Throws<EngineException>(() => ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = Net(new Adam(0.01f), ranks, isSharded: true);
            net.Callbacks.Add(new LambdaCallback { EpochFinished = (own, _) => own.SaveState(folder.File("state")) });
            return net.Fit(images, labels).TrainHistory.Count;
        }))!;

        Assert.That(
            error.Message, Does.Contain("add one to Callbacks, or call SaveState on all ranks when Fit has returned"));
    }

    [Test]
    public void One_rank_alone_that_shards_is_refused_beside_one_that_does_not()
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);

        EngineException error = Assert.Throws<EngineException>(() => ThreadCommunicator.Run(2, ranks =>
        {
            using NeuralNet net = Net(new Adam(0.01f), ranks, isSharded: ranks.Rank == 1);
            return net.Fit(images, labels).TrainHistory.Count;
        }))!;

        Assert.That(
            error.Message, Does.Contain("the sharding of the update rule's state of rank 1 is not what rank 0 has"));
    }

    private static IReadOnlyList<string[]> Fit(UpdateRule rule, int ranks, bool isSharded)
    {
        (Tensor images, int[] labels) = Toy.Images(Samples);
        return ThreadCommunicator.Run(ranks, communicator =>
        {
            using NeuralNet net = Net(rule, communicator, isSharded);
            return Bits.Of(net.Fit(images, labels));
        });
    }

    private static NeuralNet Net(UpdateRule rule, Communicator ranks, bool isSharded) => new(
        new Input(1, 32, 32), new Conv2D(3, 3), new MaxPool2D(2), new Dense(3), new Dense(500),
        new Dense(10, Symbolic.Softmax))
    {
        Parallel = new DataParallel(ranks) { Shards = 16, IsOptimizerSharded = isSharded },
        Device = new CpuDevice(1),
        MaxEpochs = 2,
        Update = rule,
        BatchIteratorTrain = new BatchIterator(16),
    };

    /// <summary>A rule that updates every parameter with the velocity of the first one, too.</summary>
    private sealed record Meddling() : UpdateRule(0.1f)
    {
        protected override IReadOnlyList<Update> Updates(
            IReadOnlyList<SharedVariable> parameters,
            IReadOnlyList<Variable> gradients,
            Variable learningRate,
            RuleState state)
        {
            SharedVariable[] velocities = [.. parameters.Select(parameter => state.Zeros(parameter, "velocity"))];
            Variable all = Symbolic.Sum(velocities[0]);
            return
            [
                .. velocities.Zip(gradients, (velocity, gradient) => new Update(velocity, gradient)),
                .. parameters.Select(parameter => new Update(parameter, parameter - learningRate - all)),
            ];
        }
    }
}
