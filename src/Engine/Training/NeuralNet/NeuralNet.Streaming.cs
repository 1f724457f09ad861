using Engine.Data;

namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Trains on samples that need not fit into memory. Other threads read <see cref="BatchIterator.ReadAhead"/>
    /// batches ahead while the network trains. The same seed gives the same bits for any number of threads.
    /// </summary>
    /// <param name="source">The samples to train on. <see cref="TrainSplit"/> does not split them.</param>
    /// <param name="validation">The validation samples; null for none.</param>
    /// <param name="cancellationToken">
    /// Ends the training, as in <see cref="Fit(Tensors, Tensors, CancellationToken)"/>.
    /// </param>
    /// <returns>The network itself.</returns>
    /// <exception cref="EngineException">
    /// The samples do not fit the network, or differ from the source's own description.
    /// </exception>
    /// <exception cref="DivergenceException">
    /// A loss is nan or infinite: the network is as it was before that epoch.
    /// </exception>
    /// <remarks>
    /// The reading threads call <see cref="BatchIterator.Transform"/>, several at the same time. The source must give
    /// labels or values as <see cref="Fit(Tensors, Tensors, CancellationToken)"/> takes them. With
    /// <see cref="Parallel"/>, a batch is read in shards and each rank reads only its own; the source must be the same
    /// on all ranks.
    /// </remarks>
    public NeuralNet Fit(
        IBatchSource source, IBatchSource? validation = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        Initialize();
        using ChangeTurns.Scope change = Changing(nameof(Fit), isTraining: true);
        TrainerGraph graph = Renewed();
        RequireSameNormalization();
        var train = new SourceReader(this, graph, source, isTraining: true);
        SourceReader? validate = validation is null
            ? null
            : new SourceReader(this, graph, validation, isTraining: false);
        RequireProbabilities(train.First.Xs);
        RequireAgreement(train, validate);
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
    /// Runs <see cref="Fit(IBatchSource, IBatchSource?, CancellationToken)"/> on a thread of the pool. If canceled, it
    /// ends as Fit does.
    /// </summary>
    /// <inheritdoc cref="Fit(IBatchSource, IBatchSource?, CancellationToken)" path="/param"/>
    /// <returns>The network itself, once it is trained. The task fails if Fit would throw.</returns>
    public Task<NeuralNet> FitAsync(
        IBatchSource source, IBatchSource? validation = null, CancellationToken cancellationToken = default) =>
        Task.Run(() => Fit(source, validation, cancellationToken), CancellationToken.None);
}
