namespace Engine.Training;

/// <summary>
/// Specifies the precision of a training step. In mixed precision, the activations and gradients that matrix products
/// and convolutions read are stored in 16 bits. Parameters and their updates, the sums of products, losses and
/// statistics stay float32, and so do validation, prediction and files.
/// </summary>
public enum Precision
{
    /// <summary>All numbers have the network's FloatX.</summary>
    Full,

    /// <summary>Mixed precision with bfloat16: 8 bits of precision and the range of float32.</summary>
    MixedBFloat16,

    /// <summary>
    /// Mixed precision with float16: 11 bits of precision, and magnitudes from 6·10⁻⁸ to 65504. A loss scale, which
    /// adapts during the training, keeps small gradients from being lost; a step whose gradients overflow is skipped.
    /// </summary>
    MixedFloat16,
}

/// <summary>Provides the dtype of a <see cref="Precision"/>.</summary>
internal static class Precisions
{
    /// <summary>Returns the dtype in which operands of products are stored; null for their own.</summary>
    public static DType? Stored(this Precision precision) => precision switch
    {
        Precision.MixedBFloat16 => DType.BFloat16,
        Precision.MixedFloat16 => DType.Float16,
        _ => null,
    };
}
