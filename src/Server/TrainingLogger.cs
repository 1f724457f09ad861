using Engine.Models;
using Engine.Training;
using Microsoft.Extensions.Logging;

namespace Engine.Server;

/// <summary>
/// Writes a training to an application's log: epochs as information with their figures as named values, problems as
/// warnings. Add it to a network's callbacks.
/// </summary>
/// <param name="logger">The log.</param>
public sealed partial class TrainingLogger(ILogger logger) : Callback
{
    private readonly ILogger _logger = logger ?? throw new ArgumentNullException(nameof(logger));

    /// <inheritdoc/>
    public override void OnTrainingStarted(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        Started(_logger, net.LearnableParameters, net.MaxEpochs);
    }

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        Epoch(_logger, record.Epoch, record.TrainLoss, record.ValidLoss, record.ValidAccuracy, record.Dur);
    }

    /// <inheritdoc/>
    public override void OnWarning(NeuralNet net, TrainingWarning warning)
    {
        ArgumentNullException.ThrowIfNull(warning);
        Warned(_logger, warning.Message);
    }

    [LoggerMessage(1, LogLevel.Information, "Training {Parameters} parameters for {Epochs} epochs at most.")]
    private static partial void Started(ILogger logger, long parameters, int epochs);

    [LoggerMessage(2, LogLevel.Information,
        "Epoch {Epoch}: training loss {TrainLoss}, validation loss {ValidLoss}, validation accuracy {ValidAccuracy}, "
        + "{Seconds} s.")]
    private static partial void Epoch(
        ILogger logger, int epoch, double trainLoss, double validLoss, double validAccuracy, double seconds);

    [LoggerMessage(3, LogLevel.Warning, "{Warning}")]
    private static partial void Warned(ILogger logger, string warning);
}

/// <summary>The log messages about models.</summary>
internal static partial class ModelLog
{
    /// <summary>Logs that a model was loaded.</summary>
    public static void LogModel(this ILogger logger, string path, Model model) =>
        Loaded(logger, path, model.Target.Column, model.Classes.Count);

    [LoggerMessage(4, LogLevel.Information, "{Path} is loaded: it predicts {Target}, of {Classes} classes.")]
    private static partial void Loaded(ILogger logger, string path, string target, int classes);
}
