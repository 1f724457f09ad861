namespace Engine.Training;

/// <summary>Specifies the kind of a <see cref="TrainingWarning"/>.</summary>
public enum TrainingWarningKind
{
    /// <summary>The samples are far from 0 ± 1, and no layer or augmentation scales them.</summary>
    UnscaledSamples,

    /// <summary>The values to learn are far from 0 ± 1.</summary>
    UnscaledTargets,

    /// <summary>A class has samples to validate and none to train on.</summary>
    UntrainedClass,

    /// <summary>
    /// A weight is so small compared with the largest that it is 0 in the network's floating-point type.
    /// </summary>
    VanishingWeight,

    /// <summary>The loss is finite, but far greater than the loss of an untrained network.</summary>
    GrowingLoss,

    /// <summary>The network has predicted the same class for all validation samples for some epochs.</summary>
    OneClass,

    /// <summary>An output stands for a class that no sample has.</summary>
    AbsentClass,

    /// <summary>Values to learn lie where the last layer gives none.</summary>
    UnreachableTargets,

    /// <summary>No parameter changes: all are frozen, or the learning rate is 0.</summary>
    NothingLearned,
}

/// <summary>
/// Represents a warning of a problem that makes a training fail without an error. A network gives each kind once: it
/// adds it to <see cref="NeuralNet.Warnings"/>, calls callbacks, and with <see cref="NeuralNet.Verbose"/> prints it,
/// before the table or on the epoch's line.
/// </summary>
/// <param name="Kind">The kind of the warning.</param>
/// <param name="Epoch">The epoch of the problem; null if it was found before the first epoch.</param>
/// <param name="Message">The problem and what to do about it.</param>
public sealed record TrainingWarning(TrainingWarningKind Kind, int? Epoch, string Message)
{
    /// <summary>Returns the message.</summary>
    public override string ToString() => Message;
}
