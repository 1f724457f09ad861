namespace Engine.Training;

/// <summary>Describes what a <see cref="TrainingWarning"/> is about.</summary>
public enum TrainingWarningKind
{
    /// <summary>The samples are far from 0 ± 1, and nothing scales them.</summary>
    UnscaledSamples,

    /// <summary>The values to learn are far from 0 ± 1.</summary>
    UnscaledTargets,

    /// <summary>A class has samples to validate and none to train on.</summary>
    UntrainedClass,

    /// <summary>A weight is so small beside the greatest that it is 0 in the network's floating-point type.</summary>
    VanishingWeight,

    /// <summary>The loss is finite, but far worse than that of a network that has learned nothing.</summary>
    GrowingLoss,

    /// <summary>All validation samples have been taken for one class for some epochs.</summary>
    OneClass,
}

/// <summary>
/// Represents something that makes a training fail without an error. Each kind is warned of once a network:
/// <see cref="NeuralNet.Warnings"/> has it, callbacks are told, and with <see cref="NeuralNet.Verbose"/> it is printed,
/// before the table or on the epoch's line.
/// </summary>
/// <param name="Kind">What it is about.</param>
/// <param name="Epoch">The epoch in which it showed; null for one that shows before the first.</param>
/// <param name="Message">What it is, and what to do about it.</param>
public sealed record TrainingWarning(TrainingWarningKind Kind, int? Epoch, string Message)
{
    /// <summary>Returns the message.</summary>
    public override string ToString() => Message;
}
