namespace Engine.Training;

/// <summary>
/// Writes the figures of each epoch for TensorBoard: <c>loss/train</c>, <c>loss/valid</c>, <c>accuracy/valid</c>,
/// <c>score/…</c>, <c>time/epoch_seconds</c> and <c>update/…</c>, the settings of the update rule. Missing figures,
/// such as the validation loss without validation samples, are left out. Each call of Fit creates a new file;
/// TensorBoard shows the files of one folder as one run.
/// </summary>
public sealed class TensorBoardLog : Callback, IDisposable
{
    /// <inheritdoc/>
    public override bool IsForFirstRank => true;

    private readonly string _folder;
    private EventFile? _file;

    /// <summary>Creates a log in a folder, one per run. The folder is created if it does not exist.</summary>
    public TensorBoardLog(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        _folder = folder;
    }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The folder or its file cannot be written.</exception>
    public override void OnTrainingStarted(NeuralNet net)
    {
        _file?.Dispose();
        _file = new EventFile(_folder);
    }

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(record);
        (string Name, double Value)[] figures =
        [
            ("loss/train", record.TrainLoss),
            ("loss/valid", record.ValidLoss),
            ("accuracy/valid", record.ValidAccuracy),
            .. record.Scores.Select(score => ($"score/{score.Key}", score.Value)),
            ("time/epoch_seconds", record.Dur),
            .. net.UpdateSettings.Select(setting =>
                ($"update/{setting.Key}", setting.Value.GetValue().Cast(DType.Float64).AsSpan<double>()[0])),
        ];
        _file?.Write(record.Epoch, [.. figures.Where(figure => !double.IsNaN(figure.Value))]);
    }

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net) => Dispose();

    /// <summary>Closes the file; Fit does so itself at its end.</summary>
    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }
}
