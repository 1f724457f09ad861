using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>The results of a training, bit by bit.</summary>
internal static class Bits
{
    /// <summary>
    /// Returns the parameters and the losses and accuracies of the epochs, as text that shows every bit.
    /// </summary>
    public static string[] Of(NeuralNet net) =>
    [
        .. net.GetParameters().Select(pair => $"{pair.Key} {Convert.ToHexString(pair.Value.Bytes)}"),
        .. net.TrainHistory.Select(record => FormattableString.Invariant(
            $"{record.Epoch} {record.TrainLoss:R} {record.ValidLoss:R} {record.ValidAccuracy:R}")),
    ];
}
