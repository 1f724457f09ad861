namespace Engine.Training;

public sealed partial class NeuralNet
{
    /// <summary>
    /// <see cref="Fit(Tensors, Tensors, CancellationToken)"/> on a thread of the pool, so that a window or a web server goes on
    /// meanwhile. The network may predict as it does beside any other thread's Fit. Canceled, the task ends as Fit does: after the batch
    /// that runs, with what was learned, and without an exception. Callbacks are called on that thread.
    /// </summary>
    /// <inheritdoc cref="Fit(Tensors, Tensors, CancellationToken)" path="/param"/>
    /// <returns>The network itself, once it is trained; the task fails where Fit would throw.</returns>
    public Task<NeuralNet> FitAsync(Tensors x, Tensors y, CancellationToken cancellationToken = default) =>
        Task.Run(() => Fit(x, y, cancellationToken), CancellationToken.None);

    /// <inheritdoc cref="FitAsync(Tensors, Tensors, CancellationToken)"/>
    public Task<NeuralNet> FitAsync(Tensors x, int[] y, CancellationToken cancellationToken = default) =>
        Task.Run(() => Fit(x, y, cancellationToken), CancellationToken.None);
}
