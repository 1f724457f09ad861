using Engine.Data;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Trains on samples that need not fit into memory: <see cref="BatchIterator.ReadAhead"/> batches are read by other threads while
    /// the network trains. The same seed gives the same bits, however many threads read.
    /// </summary>
    /// <param name="source">The samples to train on. <see cref="TrainSplit"/> does not split them.</param>
    /// <param name="validation">The samples that validate; null for none.</param>
    /// <param name="cancellationToken">Ends the training, as in <see cref="Fit(Tensors, Tensors, CancellationToken)"/>.</param>
    /// <returns>The network itself.</returns>
    /// <exception cref="EngineException">The samples do not fit the network, or the source gives others than it says.</exception>
    /// <exception cref="DivergenceException">
    /// A loss is nan or infinite: the network is as it was before that epoch.
    /// </exception>
    /// <remarks>
    /// A <see cref="BatchIterator.Transform"/> is called by the threads that read, several at once. In regression and for labels the
    /// source gives what <see cref="Fit(Tensors, Tensors, CancellationToken)"/> takes. With <see cref="Parallel"/> a batch is read in
    /// shards, and each rank reads its own alone; the source must be the same on all.
    /// </remarks>
    public NeuralNet Fit(IBatchSource source, IBatchSource? validation = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        Initialize();
        using ChangeScope change = Changing(nameof(Fit), isTraining: true);
        TrainerGraph graph = Renewed();
        RequireSameNormalization();
        var train = new SourceReader(this, graph, source, isTraining: true);
        SourceReader? validate = validation is null ? null : new SourceReader(this, graph, validation, isTraining: false);
        RequireProbabilities(train.First.Xs);
        RequireAgreement(train);
        SampleSet few = train.Few;
        int[] shown = [.. Enumerable.Range(0, few.Count)];
        return Train(
            () => new FitCheck(this, few, shown, [], train.Iterator.Count(source.Count)), null, MaxEpochs,
            () =>
            {
                _training = Pass.For(_training, this, graph, train, isTraining: true, _device!);
                _validation = validate is null
                    ? Pass.For(_validation, this, graph, few with { Weights = null }, [], isTraining: false, _device!)
                    : Pass.For(_validation, this, graph, validate, isTraining: false, _device!);
                train.Forget();
                validate?.Forget();
            },
            cancellationToken);
    }

    /// <summary>
    /// <see cref="Fit(IBatchSource, IBatchSource?, CancellationToken)"/> on a thread of the pool; canceled, it ends as Fit does.
    /// </summary>
    /// <inheritdoc cref="Fit(IBatchSource, IBatchSource?, CancellationToken)" path="/param"/>
    /// <returns>The network itself, once it is trained; the task fails where Fit would throw.</returns>
    public Task<NeuralNet> FitAsync(IBatchSource source, IBatchSource? validation = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Fit(source, validation, cancellationToken), CancellationToken.None);
}
