using System.Globalization;
using System.Text;
using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Distributed;
using Engine.Graph;

namespace Engine.Training;

/// <summary>Contains the code for several ranks that train one network.</summary>
public sealed partial class NeuralNet
{
    /// <summary>Gets or sets the ranks that train this network together; null for one process.</summary>
    public DataParallel? Parallel { get; init; }

    /// <summary>
    /// Gets the bytes of the update rule's state on a rank: if each rank keeps all of it, and the most if the ranks of
    /// <see cref="Parallel"/> shard it.
    /// </summary>
    internal (long Whole, long Sharded) UpdateStateBytes
    {
        get
        {
            BuiltUpdates rule = Initialized.Rule;
            var owners = new StateOwners(Parallel!.Communicator, Initialized.Network.Parameters);
            return (rule.State.Sum(variable => variable.Shape.Count * variable.DType.Size()), owners.MaxBytes(rule));
        }
    }

    /// <summary>
    /// Compiles this rank's step for full batches of such samples without running it. <see cref="Parallel"/> says how a
    /// batch is split.
    /// </summary>
    internal ShardedStep CompileShards(Tensors x, Tensors y)
    {
        Initialize();
        using Gate.Reading reading = Read();
        SampleSet data = Checked(x, y, sampleWeights: null);
        ShardPlan plan = Parallel!.Plan();
        BatchIterator iterator = BatchIteratorTrain;
        var feeder = new DeviceFeeder(
            Initialized, data, [.. Enumerable.Range(0, data.Count)], iterator, iterator.Shuffle, Seed,
            new BatchSettings([], 0),
            inPlace: true, isSharded: true);
        var step = new ShardedStep(Initialized.Sharded(isWeighted: false, plan), feeder, plan, _device!);
        step.Prepare(feeder.RowsOf(0));
        return step;
    }

    /// <summary>Returns whether this rank calls a callback.</summary>
    private bool IsToldHere(Callback callback) =>
        Parallel is null or { Communicator.Rank: 0 } || !callback.IsForFirstRank;

    /// <summary>Returns whether a condition holds on any rank. All ranks call it and get the same answer.</summary>
    private bool AnyRank(bool holds)
    {
        if (Parallel is null)
        {
            return holds;
        }

        Tensor any = Tensor.Scalar(holds ? 1 : 0);
        Parallel.Communicator.AllReduce(any, Reduction.Max);
        return any.AsSpan<int>()[0] > 0;
    }

    /// <summary>
    /// Refuses sources that several ranks cannot train on together. It compares the first batches of the sources.
    /// </summary>
    private void RequireAgreement(SourceReader train, SourceReader? validate)
    {
        if (Parallel is null)
        {
            return;
        }

        _ = train.ShardSize(Parallel.Plan());
        if (train.IsWeighted)
        {
            throw new EngineException(
                "Samples that several ranks read when they are due have no weights, "
                + "for a rank does not see those of the others: give Fit the tensors, "
                + "leave the weights out (ClassWeights, too), or train in one process.");
        }

        IEnumerable<Tensor> validation = validate is null
            ? []
            : [Tensor.Scalar(validate.Source.Count), .. validate.First.Xs, .. validate.First.Ys];
        RequireAgreement(train.First, MaxEpochs, validation, train.Source.Count);
    }

    /// <summary>
    /// Refuses to train if ranks have different settings, because the sum of their gradients would be meaningless.
    /// </summary>
    private void RequireAgreement(
        SampleSet data, int epochs, IEnumerable<Tensor> validation, int? samples = null)
    {
        if (Parallel is null)
        {
            return;
        }

        ShardPlan plan = Parallel.Plan();
        RequireReach(plan.Communicator);
        TrainerGraph graph = Initialized;
        string layers = string.Join(
            "; ", graph.Network.Layers.Select(layer => $"{layer.Name} {layer.Layer.Kind} {layer.Output.Shape}"));
        string parameters = string.Join("; ", graph.Network.Parameters.Select(parameter =>
            $"{parameter.Variable.Name} {parameter.Variable.Type}{(parameter.IsTrainable ? "" : " frozen")}"));
        BatchIterator batches = BatchIteratorTrain;
        Variable loss = graph.Training(isWeighted: false).Loss;
        Agreement.Require(plan.Communicator,
        [
            ("the version of the library", $"{typeof(NeuralNet).Assembly.GetName().Version}"),
            ("the kind of the device", _device is CudaDevice gpu
                ? string.Create(CultureInfo.InvariantCulture, $"a GPU of sm_{gpu.Architecture}")
                : $"a CPU of vectors of {CpuDevice.VectorBits} bits"),
            ("the seed", Seed.ToString(CultureInfo.InvariantCulture)),
            ("the network", $"{layers}; {parameters}"),
            ("the update rule", Update.ToString()),
            ("the precision", $"{Precision}"),
            ("the way of the batches", string.Create(
                CultureInfo.InvariantCulture,
                $"batches of {batches.BatchSize} in {plan.Shards} "
                + $"shards{(batches.Shuffle ? ", shuffled" : "")}, "
                + $"augmentation: {string.Join("; ", batches.Augmentation)}, "
                + $"validation in batches of {BatchIteratorTest.BatchSize}, "
                + $"augmentation: {string.Join("; ", BatchIteratorTest.Augmentation)}, L1 {L1}, L2 {L2}")),
            ("the order of the sums of gradients", plan.IsDeterministic ? "the same for any number of ranks" : "free"),
            ("the synchronization of batch normalization",
                Parallel.IsBatchNormSynchronized ? "over the ranks" : "none"),
            ("the sharding of the update rule's state", graph.Owners is null ? "none" : "over the ranks"),
            ("the ops of the network", Tensor.From(Encoding.UTF8.GetBytes(Printer.DebugPrint(
                [("loss", loss), ("score", graph.ValidLoss)])))),
            ("a constant of the network", (IEnumerable<Tensor>)[
                .. Traversal.Order([loss, graph.ValidLoss]).SelectMany(node => node.Inputs.OfType<Constant>())
                    .Select(constant => constant.Value)]),
            ("the number of epochs", string.Create(CultureInfo.InvariantCulture, $"{epochs} after {_history.Count}")),
            ("the number of samples", $"{samples ?? data.Count}"),
            ("the data", (IEnumerable<Tensor>)[
                .. data.Xs, .. data.Ys, .. data.Weights is { } weights ? (Tensor[])[weights] : []]),
            ("the choice of validation samples", validation),
            ("the state",
                (IEnumerable<Tensor>)[.. StateVariables().Where(IsEverywhere).Select(pair => pair.Value.GetValue())]),
        ]);
    }

    /// <summary>
    /// Refuses an epoch in which ranks have different settings of the update rule, such as by different schedules.
    /// </summary>
    private void RequireSameSettings(IEnumerable<Tensor> ofBatches)
    {
        if (Parallel is not null)
        {
            Agreement.Require(Parallel.Communicator,
            [
                ("the learning rate or another setting of the update rule in this epoch", (IEnumerable<Tensor>)[
                    .. UpdateSettings.Values.Select(setting => setting.GetValue()), .. ofBatches]),
            ]);
        }
    }

    /// <summary>Returns whether all ranks keep a variable.</summary>
    private bool IsEverywhere(KeyValuePair<string, SharedVariable> variable) =>
        Initialized.Owners is null || !Initialized.Rule.ParameterOf.ContainsKey(variable.Value);

    /// <summary>Refuses ranks that do not reach the memory of this network's device.</summary>
    private void RequireReach(Communicator communicator)
    {
        if (_device is not CudaDevice || communicator.Size == 1)
        {
            return;
        }

        if (communicator is not NcclCommunicator nccl)
        {
            throw new EngineException(
                $"This rank trains on {_device}, and {communicator.Name} carries what the ranks tell each other: "
                + $"between GPUs that is NCCL. Give DataParallel an {nameof(NcclCommunicator)}, "
                + "or train on the CPU (--device cpu).");
        }

        if (_device.Name != $"cuda:{nccl.Ordinal}")
        {
            throw new EngineException(
                $"This rank trains on {_device.Name}, and its NCCL was opened for cuda:{nccl.Ordinal}: "
                + "both must be the same GPU.");
        }
    }

    /// <summary>
    /// Validates in turn: each rank computes some of the batches. All ranks then get the figures of all batches and add
    /// them in the same order.
    /// </summary>
    private (double Loss, double Accuracy, IReadOnlyDictionary<string, double> Scores)? ValidateTogether(
        Pass pass, int epoch)
    {
        TrainerGraph graph = Initialized;
        Communicator communicator = Parallel!.Communicator;
        communicator.Progress = FormattableString.Invariant($"the validation of epoch {epoch}");
        const int Figures = 2;
        int batches = pass.Feeder.Batches, samples = Enumerable.Range(0, batches).Sum(pass.Feeder.RowsOf);
        double[] all = new double[batches * Figures];
        bool isScored = CustomScores.Count > 0 && samples > 0;
        Tensor? targets = isScored
            ? new Tensor(graph.Head.Target.DType, graph.Head.Target.Shape.With(0, samples))
            : null;
        Tensor? output = isScored ? new Tensor(FloatX, graph.Head.Output.Shape.With(0, samples)) : null;
        pass.Feeder.Start(epoch, []);
        for (int batch = 0, first = 0, rows; batch < batches; batch++, first += rows)
        {
            rows = pass.Feeder.RowsOf(batch);
            if (batch % communicator.Size != communicator.Rank)
            {
                continue;
            }

            graph.ValidLossSum.SetScalar(0.0);
            graph.CorrectSum.SetScalar(0.0);
            pass.Feeder.Seek(batch);
            pass.Feeder.Run(pass.Function, 1);
            Span<double> own = all.AsSpan(batch * Figures, Figures);
            own[0] = graph.ValidLossSum.GetScalar<double>();
            own[1] = graph.CorrectSum.GetScalar<double>();
            if (isScored)
            {
                targets!.PutRows(first, pass.Feeder.LastTargets);
                output!.PutRows(first, pass.ReadRows(FloatX, graph.Head.Output.Shape.With(0, rows)));
            }
        }

        // Each figure comes from one rank, and is 0 on the others.
        communicator.AllReduce(Tensor.From(all));
        if (isScored)
        {
            communicator.AllReduce(targets!);
            communicator.AllReduce(output!);
        }

        double[] sums = new double[Figures];
        for (int i = 0; i < all.Length; i++)
        {
            sums[i % Figures] += all[i];
        }

        graph.ValidLossSum.SetScalar(sums[0]);
        graph.CorrectSum.SetScalar(sums[1]);
        return (Mean(sums[0]), graph.Scored is null ? double.NaN : Mean(sums[1]), Scores(targets, output));

        double Mean(double sum) => samples == 0 ? double.NaN : sum / samples;
    }
}
