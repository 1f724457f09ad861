namespace Engine.Training;

/// <summary>
/// Reports how far the training has come, some times a second, to whatever .NET offers for that: a
/// <see cref="Progress{T}"/> calls back on the thread of a user interface that made it.
/// </summary>
public sealed class ReportProgress : Callback
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private readonly IProgress<TrainingProgress> _progress;

    /// <summary>Reports to this.</summary>
    public ReportProgress(IProgress<TrainingProgress> progress) =>
        _progress = progress ?? throw new ArgumentNullException(nameof(progress));

    /// <inheritdoc/>
    public override bool WantsProgress => true;

    /// <inheritdoc/>
    public override void OnProgress(NeuralNet net, TrainingProgress progress) => _progress.Report(progress);
}
