namespace Engine.Training;

/// <summary>
/// Reports the progress of the training several times per second to an <see cref="IProgress{T}"/>. A
/// <see cref="Progress{T}"/> calls back on the user interface's thread if that thread created it.
/// </summary>
public sealed class ReportProgress : Callback
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private readonly IProgress<TrainingProgress> _progress;

    /// <summary>Creates a callback that reports to this.</summary>
    public ReportProgress(IProgress<TrainingProgress> progress) =>
        _progress = progress ?? throw new ArgumentNullException(nameof(progress));

    /// <inheritdoc/>
    public override bool WantsProgress => true;

    /// <inheritdoc/>
    public override void OnProgress(NeuralNet net, TrainingProgress progress) => _progress.Report(progress);
}
