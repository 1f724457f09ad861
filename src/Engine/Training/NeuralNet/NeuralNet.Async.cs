namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// Runs <see cref="Fit(Tensors, Tensors, CancellationToken)"/> on a thread of the pool, so a user interface or a
    /// web server stays responsive. Other threads may predict meanwhile, as during any Fit. If canceled, the task ends
    /// as Fit does: after the current batch, with what it has learned, and without an exception. Callbacks run on that
    /// thread.
    /// </summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)" path="/param"/>
    /// <returns>The network itself, once it is trained. The task fails if Fit would throw.</returns>
    public Task<NeuralNet> FitAsync(Tensors x, Tensors y, CancellationToken cancellationToken = default) =>
        Task.Run(() => Fit(x, y, cancellationToken), CancellationToken.None);

    /// <inheritdoc cref="FitAsync(Tensors, Tensors, CancellationToken)"/>
    public Task<NeuralNet> FitAsync(Tensors x, int[] y, CancellationToken cancellationToken = default) =>
        Task.Run(() => Fit(x, y, cancellationToken), CancellationToken.None);
}
