using Engine.Data;
using Engine.Models.Description;
using Engine.Training;

namespace Engine.Models;

public sealed partial class Model
{
    /// <summary>
    /// Trains a network on a data set. What prepares the samples is fitted to those that train: neither the test nor
    /// the validation samples change it.
    /// </summary>
    /// <param name="data">The data.</param>
    /// <param name="options">The options; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the training early; the model keeps what it has learned.</param>
    /// <exception cref="EngineException">Nothing can be learned from the data; the message has the reason.</exception>
    public static Model Train(DataSet data, ModelOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        options ??= new ModelOptions();
        data = data with { Train = data.Train.Shuffled(options.Seed) };
        string name = options.Network ?? OwnNetworks.DefaultFor(data);
        NetworkDescription network = OwnNetworks.Names.Contains(name)
            ? OwnNetworks.Find(name)
            : DescriptionReader.Read(name);
        network = network with
        {
            Epochs = options.Epochs ?? network.Epochs,
            Seed = options.Seed,
            Data = network.Data with { Validation = options.Validation ?? network.Data.Validation },
            Patience = options.Validation == 0 ? null : network.Patience,
        };
        (Preparation inputs, Target target) =
            Prepared(data, options.AreValues, new TrainSplit(network.Data.Validation));
        network = OwnNetworks.Fill(network, inputs, target);
        NeuralNet net = Make(network, target, options.Device);
        try
        {
            net.Verbose = options.Verbose;
            var model = new Model(net, network, inputs, target) { About = AboutOf(data.Name) };
            model.Fit(data.Train, data.Validation, options.BalanceClasses, options.IsStreamed, cancellationToken);
            return model;
        }
        catch
        {
            net.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fits what prepares samples and the target's scale to those samples that are left to train when the others
    /// validate. The classes are those of all, for each class has a sample to train on.
    /// </summary>
    /// <param name="data">The data.</param>
    /// <param name="areValues">Whether the target has values; null to detect it.</param>
    /// <param name="split">How <see cref="Fit"/> will split the samples.</param>
    internal static (Preparation Inputs, Target Target) Prepared(DataSet data, bool? areValues, TrainSplit split)
    {
        Column column = data.Train[data.Target];
        var target = Target.Fit(column, areValues);
        split = data.Validation is null ? split : split with { EvalSize = 0 };
        int[] rows = Split(split, target, target.Apply(column)).Train;
        return (
            Preparation.Fit(data.Train, data.Target, rows),
            target is ValueTarget ? ValueTarget.Fit((NumberColumn)column.Rows(rows)) : target);
    }

    /// <summary>
    /// Trains the network on samples. They are prepared all at once, or on demand by other threads. Both ways give the
    /// same bits on one device.
    /// </summary>
    /// <param name="train">The samples.</param>
    /// <param name="validation">
    /// The samples that validate; null if <see cref="NeuralNet.TrainSplit"/> sets some of the others apart. If it sets
    /// none apart, nothing validates.
    /// </param>
    /// <param name="isBalanced">Whether all classes have the same total weight.</param>
    /// <param name="isStreamed">
    /// Whether samples are prepared on demand; null to do so if they are read from a file or would fill half of the
    /// memory.
    /// </param>
    /// <param name="cancellationToken">Ends the training.</param>
    internal void Fit(
        Table train, Table? validation, bool isBalanced, bool? isStreamed, CancellationToken cancellationToken)
    {
        int max = (int)Math.Max(MaxNumbers / Inputs.Dimensions.Count, 1);
        if (Net.BatchIteratorTest is { Transform: null } tested && tested.BatchSize > max)
        {
            Net.BatchIteratorTest =
                new BatchIterator(max) { Augmentation = tested.Augmentation, ReadAhead = tested.ReadAhead };
        }

        Tensor labels = Target.Apply(train[Target.Column]);
        validation = Net.TrainSplit.EvalSize > 0 ? validation : null;
        (int[] rows, int[] held) =
            Split(validation is null ? Net.TrainSplit : Net.TrainSplit with { EvalSize = 0 }, Target, labels);
        if (isBalanced && Target is ClassTarget)
        {
            Net.ClassWeights = ClassWeights.Balanced(labels.Rows(rows).AsSpan<int>(), Target.Outputs);
        }

        if (!(isStreamed ?? IsTooLarge(train)))
        {
            FitInMemory(train, validation, cancellationToken);
            return;
        }

        if (validation is null)
        {
            (train, validation) = (train.Rows(rows), held.Length == 0 ? null : train.Rows(held));
        }

        var buffers = new BatchBuffers();
        Net.Fit(
            new TableSource(train, Inputs, Target) { Buffers = buffers },
            validation is null ? null : new TableSource(validation, Inputs, Target) { Buffers = buffers },
            cancellationToken);
        // If samples are so large, a training step needs much memory, too; the test that comes next needs its own.
        Net.FreeTraining();
    }

    private void FitInMemory(Table train, Table? validation, CancellationToken cancellationToken)
    {
        TrainSplit split = Net.TrainSplit;
        Table all = validation is null ? train : Table.Joined([train, validation]);
        try
        {
            Net.TrainSplit = split with { Last = validation?.Count ?? 0 };
            Net.Fit(Prepare(all), Target.Apply(all[Target.Column]), cancellationToken);
        }
        finally
        {
            Net.TrainSplit = split;
        }
    }

    private static (int[] Train, int[] Validation) Split(TrainSplit split, Target target, Tensor labels) =>
        split.Split(labels.Shape[0], target is ClassTarget ? labels.AsSpan<int>().ToArray() : null);
}
